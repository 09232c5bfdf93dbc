//! Tests the cache against a model: one database row per session, slow readers, and changes during their reads.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn session(number: u8) -> SessionId {
    SessionId(Uuid::from_u128(u128::from(number)))
}

#[derive(Clone, Debug)]
enum Step {
    /// A reader takes its fence and reads the row.
    Read { reader: u8, session: u8 },
    /// A reader stores what it has read.
    Fill { reader: u8 },
    /// A change commits in the database. `ends` says whether it ends the session.
    Commit { session: u8, ends: bool },
    /// The node acts on the change: it sets a tombstone if the session has ended, and then invalidates the entry.
    Act { session: u8 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0u8..4, 0u8..2).prop_map(|(reader, session)| Step::Read { reader, session }),
        (0u8..4).prop_map(|reader| Step::Fill { reader }),
        (0u8..2, any::<bool>()).prop_map(|(session, ends)| Step::Commit { session, ends }),
        (0u8..2).prop_map(|session| Step::Act { session }),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn an_entry_equals_its_row_after_the_node_has_acted_on_the_last_change(steps in steps()) {
        let cache = SessionCache::new(100);
        let mut rows: HashMap<u8, (u32, bool)> = HashMap::new();
        let mut reading: HashMap<u8, (Fence, u8, (u32, bool))> = HashMap::new();
        let mut pending: HashSet<u8> = HashSet::new();
        let mut tombstones: HashSet<u8> = HashSet::new();
        for step in steps {
            match step {
                Step::Read { reader, session } => {
                    let fence = cache.fence();
                    reading.insert(reader, (fence, session, *rows.entry(session).or_default()));
                }
                Step::Fill { reader } => {
                    if let Some((fence, id, row)) = reading.remove(&reader)
                        && !row.1
                    {
                        cache.fill(fence, session(id), row, || tombstones.contains(&id));
                    }
                }
                Step::Commit { session, ends } => {
                    let row = rows.entry(session).or_default();
                    *row = (row.0 + 1, row.1 || ends);
                    pending.insert(session);
                }
                Step::Act { session: id } => {
                    if pending.remove(&id) {
                        if rows[&id].1 {
                            tombstones.insert(id);
                        }
                        cache.invalidate(session(id));
                    }
                }
            }
            for (id, row) in &rows {
                if let Some(known) = cache.get(session(*id))
                    && !pending.contains(id)
                {
                    prop_assert_eq!(known, *row);
                }
            }
        }
    }
}

#[test]
fn a_fill_does_not_replace_an_entry() {
    let cache = SessionCache::new(10);
    let fence = cache.fence();
    assert!(cache.fill(fence, session(1), 1, || false));
    assert!(!cache.fill(fence, session(1), 2, || false));
    assert_eq!(cache.get(session(1)), Some(1));
}

#[test]
fn a_fill_that_began_before_invalidate_all_fails() {
    let cache = SessionCache::new(10);
    assert!(cache.fill(cache.fence(), session(1), 1, || false));
    let fence = cache.fence();
    cache.invalidate_all();
    assert_eq!(cache.get(session(1)), None);
    assert!(!cache.fill(fence, session(1), 2, || false));
}

#[test]
fn a_full_cache_stores_no_more_sessions() {
    let cache = SessionCache::new(1);
    let fence = cache.fence();
    assert!(cache.fill(fence, session(1), 1, || false));
    assert!(!cache.fill(fence, session(2), 2, || false));
    cache.retain(|_| false);
    assert!(cache.fill(fence, session(2), 2, || false));
}

#[test]
fn concurrent_fills_and_invalidations_leave_no_outdated_entry() {
    let cache = Arc::new(SessionCache::new(10));
    let row = Arc::new(AtomicU64::new(0));
    let fillers: Vec<_> = (0..3)
        .map(|_| {
            let (cache, row) = (Arc::clone(&cache), Arc::clone(&row));
            std::thread::spawn(move || {
                for _ in 0..20_000 {
                    let fence = cache.fence();
                    let read = row.load(Ordering::SeqCst);
                    cache.fill(fence, session(1), read, || false);
                }
            })
        })
        .collect();
    for change in 1..=5_000 {
        row.store(change, Ordering::SeqCst);
        cache.invalidate(session(1));
        let known = cache.get(session(1));
        assert!(known.is_none_or(|known| known == change), "{known:?} after {change}");
    }
    for filler in fillers {
        filler.join().unwrap();
    }
}
