//! The cache of verified sessions, and the rule that keeps it from remembering what is no longer true.
//!
//! Used by the verifier alone. A fill takes a fence before it reads the database and fails if anything was invalidated
//! since, if something is there already, or if the session has a tombstone; an invalidation raises the fence before it
//! removes. So whatever a fill read before a revocation never stays behind after it. No I/O, no clock.

use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::{DashMap, Entry};
use protocol::id::SessionId;

/// The state of invalidations when a read began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fence(u64);

/// What is known of sessions, by their ids.
pub(crate) struct Cache<V> {
    known: DashMap<SessionId, V>,
    invalidations: AtomicU64,
    capacity: usize,
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { known: DashMap::new(), invalidations: AtomicU64::new(0), capacity }
    }

    /// Takes the fence. Must come before the read whose result is to be filled in.
    pub(crate) fn fence(&self) -> Fence {
        Fence(self.invalidations.load(Ordering::SeqCst))
    }

    pub(crate) fn get(&self, session: SessionId) -> Option<V> {
        self.known.get(&session).map(|found| found.value().clone())
    }

    /// Remembers what was read after `fence`, unless that may be out of date. `buried` is asked last, under the entry's
    /// lock.
    pub(crate) fn fill(
        &self,
        fence: Fence,
        session: SessionId,
        value: V,
        buried: impl FnOnce() -> bool,
    ) -> bool {
        if self.known.len() >= self.capacity {
            return false;
        }
        let Entry::Vacant(place) = self.known.entry(session) else {
            return false;
        };
        // An invalidation that comes after this look waits for the entry's lock and then removes what is put here.
        if self.fence() != fence || buried() {
            return false;
        }
        place.insert(value);
        true
    }

    /// Forgets a session, and voids every fill under way.
    pub(crate) fn invalidate(&self, session: SessionId) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.known.remove(&session);
    }

    /// Drops one entry if `outdated` says so. Voids nothing: what is dropped was true.
    pub(crate) fn drop_if(&self, session: SessionId, outdated: impl FnOnce(&V) -> bool) {
        self.known.remove_if(&session, |_, value| outdated(value));
    }

    /// Drops what is not worth keeping. Voids nothing: what is dropped was true.
    pub(crate) fn retain(&self, worth: impl Fn(&V) -> bool) {
        self.known.retain(|_, value| worth(value));
    }
}

#[cfg(test)]
#[path = "session_cache_tests.rs"]
mod tests;
