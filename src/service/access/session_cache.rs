//! The cache of verified sessions, and the rule that keeps outdated sessions out of it.
//!
//! Only the verifier uses this cache. Before it reads a session from the database, it takes a fence: the number of
//! invalidations until then. After the read, it fills the cache with the session and passes the fence. The fill fails if
//! anything was invalidated after the fence was taken, or if the session has a tombstone. It also fails if the session has an
//! entry already, or if the cache is full. An invalidation raises the number before it removes the entry. So an entry that was
//! read before a revocation never stays after the revocation. This file does no I/O and reads no clock.

use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::{DashMap, Entry};
use protocol::id::SessionId;

/// The number of invalidations at the time when a read began.
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

    /// Takes the fence. Call this before the read, and pass the fence to `fill` together with the result.
    pub(crate) fn fence(&self) -> Fence {
        Fence(self.invalidations.load(Ordering::SeqCst))
    }

    pub(crate) fn get(&self, session: SessionId) -> Option<V> {
        self.entries.get(&session).map(|found| found.value().clone())
    }

    /// Stores `value`, which was read after `fence` was taken, unless `value` may be outdated, the session has an entry already,
    /// or the cache is full. `has_tombstone` says whether the session has a tombstone. It is called last, while the entry is
    /// locked. Returns `true` if the value was stored.
    pub(crate) fn fill(
        &self,
        fence: Fence,
        session: SessionId,
        value: V,
        has_tombstone: impl FnOnce() -> bool,
    ) -> bool {
        if self.entries.len() >= self.capacity {
            return false;
        }
        let Entry::Vacant(entry) = self.entries.entry(session) else {
            return false;
        };
        // An invalidation after this check waits for the lock of the entry, and then removes the stored value.
        if self.fence() != fence || has_tombstone() {
            return false;
        }
        entry.insert(value);
        true
    }

    /// Removes a session, and makes every fill under way fail.
    pub(crate) fn invalidate(&self, session: SessionId) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.entries.remove(&session);
    }

    /// Removes every session, and makes every fill under way fail.
    pub(crate) fn invalidate_all(&self) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.entries.clear();
    }

    /// Removes one entry if `outdated` says so. Fills under way stay valid, because the session itself has not changed.
    pub(crate) fn drop_if(&self, session: SessionId, outdated: impl FnOnce(&V) -> bool) {
        self.entries.remove_if(&session, |_, value| outdated(value));
    }

    /// Removes the entries that `keep` refuses. Fills under way stay valid, because the sessions themselves have not changed.
    pub(crate) fn retain(&self, keep: impl Fn(&V) -> bool) {
        self.entries.retain(|_, value| keep(value));
    }
}

#[cfg(test)]
#[path = "session_cache_tests.rs"]
mod tests;
