//! Tombstones: sessions that are known to have ended, kept for longer than any access token lives.
//!
//! Every verification checks the tombstones before the session cache and the database. So a revoked session is refused even if
//! the cache still holds the session or the database cannot be reached. A changed role creates no tombstone, because the
//! session does not end.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use protocol::{close::Cause, id::SessionId};

/// Ended sessions and why they ended.
#[derive(Debug)]
pub struct Tombstones {
    ended: HashMap<SessionId, Tombstone>,
    keep: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Tombstone {
    cause: Cause,
    until: Instant,
}

/// The effect of [`Tombstones::insert`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TombstoneChange {
    /// The session had no tombstone before, or only an expired one.
    New,
    /// The session already had a tombstone. The first cause is kept.
    Extended,
    /// The cause ends no session.
    NotAnEnd,
}

impl Tombstones {
    /// An empty set. Each entry is kept for `keep`, which must exceed the life of an access token.
    #[must_use]
    pub fn new(keep: Duration) -> Self {
        Self { ended: HashMap::new(), keep }
    }

    /// Remembers that a session ended. While the session has a tombstone, a further call keeps the first cause and extends the
    /// time.
    pub fn insert(&mut self, session: SessionId, cause: Cause, now: Instant) -> TombstoneChange {
        if !cause.ends_session() {
            return TombstoneChange::NotAnEnd;
        }
        let until = now + self.keep;
        let mut change = TombstoneChange::Extended;
        let tombstone = self.ended.entry(session).or_insert_with(|| {
            change = TombstoneChange::New;
            Tombstone { cause, until }
        });
        if tombstone.until <= now {
            *tombstone = Tombstone { cause, until };
            return TombstoneChange::New;
        }
        tombstone.until = tombstone.until.max(until);
        change
    }

    /// The cause of the session's end; `None` if the session has no tombstone.
    #[must_use]
    pub fn get(&self, session: SessionId, now: Instant) -> Option<Cause> {
        self.ended.get(&session).filter(|tombstone| tombstone.until > now).map(|tombstone| tombstone.cause)
    }

    /// Drops expired tombstones. Call this periodically.
    pub fn purge(&mut self, now: Instant) {
        self.ended.retain(|_, tombstone| tombstone.until > now);
        self.ended.shrink_to(self.ended.len() * 2);
    }

    /// The number of tombstones, including expired ones that are not purged yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ended.len()
    }

    /// Whether there are no tombstones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ended.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_second_end_keeps_the_first_cause_and_extends_the_time() {
        let (mut tombstones, start, sid) = (Tombstones::new(HOUR), Instant::now(), SessionId::random());
        assert_eq!(tombstones.insert(sid, Cause::SignedOut, start), TombstoneChange::New);
        assert_eq!(tombstones.insert(sid, Cause::Revoked, start + HOUR / 2), TombstoneChange::Extended);
        assert_eq!(tombstones.get(sid, start + HOUR), Some(Cause::SignedOut));
        assert_eq!(tombstones.get(sid, start + HOUR * 3 / 2), None);
    }

    #[test]
    fn a_changed_role_creates_no_tombstone() {
        let (mut tombstones, now, sid) = (Tombstones::new(HOUR), Instant::now(), SessionId::random());
        assert_eq!(tombstones.insert(sid, Cause::RoleChanged, now), TombstoneChange::NotAnEnd);
        assert!(tombstones.is_empty());
    }

    #[test]
    fn a_purge_drops_only_expired_tombstones() {
        let (mut tombstones, start) = (Tombstones::new(HOUR), Instant::now());
        let (old, young) = (SessionId::random(), SessionId::random());
        tombstones.insert(old, Cause::Revoked, start);
        tombstones.insert(young, Cause::Revoked, start + HOUR / 2);
        tombstones.purge(start + HOUR);
        assert_eq!(tombstones.len(), 1);
        assert_eq!(tombstones.get(young, start + HOUR), Some(Cause::Revoked));
    }

    proptest! {
        #[test]
        fn a_tombstone_stays_for_exactly_the_stated_time(
            steps in prop::collection::vec((0_u128..5, 0_usize..Cause::ALL.len(), 0_u64..40, any::<bool>()), 1..100),
        ) {
            let (mut tombstones, start) = (Tombstones::new(Duration::from_secs(60)), Instant::now());
            let mut now = start;
            let mut last: HashMap<SessionId, Instant> = HashMap::new();
            for (number, cause, gap, purge) in steps {
                now += Duration::from_secs(gap);
                let (sid, cause) = (SessionId(Uuid::from_u128(number)), Cause::ALL[cause]);
                if tombstones.insert(sid, cause, now) != TombstoneChange::NotAnEnd {
                    last.insert(sid, now);
                }
                if purge {
                    tombstones.purge(now);
                }
                for (sid, at) in &last {
                    let expected = now < *at + Duration::from_secs(60);
                    prop_assert_eq!(tombstones.get(*sid, now).is_some(), expected);
                }
            }
        }
    }
}
