//! The cache of verified sessions, and the rule that keeps outdated sessions out of it.
//!
//! Only the verifier uses it. A fill takes a fence before it reads the database. It fails if anything was invalidated since,
//! if there is an entry already, or if the session has a tombstone. An invalidation raises the fence before it removes the
//! entry. So nothing that was read before a revocation stays in the cache after it. No I/O, no clock.

use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::{DashMap, Entry};
use protocol::id::SessionId;

/// The state of invalidations when a read began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fence(u64);

/// Sessions by their ids.
pub(crate) struct SessionCache<V> {
    entries: DashMap<SessionId, V>,
    invalidations: AtomicU64,
    capacity: usize,
}

impl<V: Clone> SessionCache<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: DashMap::new(), invalidations: AtomicU64::new(0), capacity }
    }

    /// Takes the fence. Call it before the read; the read's result is filled in with it.
    pub(crate) fn fence(&self) -> Fence {
        Fence(self.invalidations.load(Ordering::SeqCst))
    }

    pub(crate) fn get(&self, session: SessionId) -> Option<V> {
        self.entries.get(&session).map(|found| found.value().clone())
    }

    /// Stores what was read after `fence`, unless it may be outdated. `buried` says whether the session has a tombstone; it is
    /// asked last, under the entry's lock. `true` if it was stored.
    pub(crate) fn fill(
        &self,
        fence: Fence,
        session: SessionId,
        value: V,
        buried: impl FnOnce() -> bool,
    ) -> bool {
        if self.entries.len() >= self.capacity {
            return false;
        }
        let Entry::Vacant(entry) = self.entries.entry(session) else {
            return false;
        };
        // An invalidation after this check waits for the lock of the entry, and then removes what is stored here.
        if self.fence() != fence || buried() {
            return false;
        }
        entry.insert(value);
        true
    }

    /// Removes a session, and voids every fill under way.
    pub(crate) fn invalidate(&self, session: SessionId) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.entries.remove(&session);
    }

    /// Removes every session, and voids every fill under way.
    pub(crate) fn invalidate_all(&self) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.entries.clear();
    }

    /// Removes one entry if `outdated` says so. Voids no fill: the removed entry was true.
    pub(crate) fn drop_if(&self, session: SessionId, outdated: impl FnOnce(&V) -> bool) {
        self.entries.remove_if(&session, |_, value| outdated(value));
    }

    /// Removes the entries that `keep` refuses. Voids no fill: the removed entries were true.
    pub(crate) fn retain(&self, keep: impl Fn(&V) -> bool) {
        self.entries.retain(|_, value| keep(value));
    }
}

#[cfg(test)]
#[path = "session_cache_tests.rs"]
mod tests;
