//! Permits: how many sockets there may be in all, per address and per user.
//!
//! The server's own count of connections ends with the upgrade, so each socket carries permits of ours, and dropping
//! them gives the places back. Per-session places are counted by the session's own actor.

use std::{hash::Hash, sync::Arc};

use dashmap::DashMap;
use parking_lot::Mutex;
use protocol::id::Subject;

/// How many sockets may be open at once.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// On this node, in all.
    pub total: usize,
    /// From one address (IPv6: one /64).
    pub per_address: usize,
    /// Of one user.
    pub per_user: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { total: 100_000, per_address: 256, per_user: 64 }
    }
}

/// Hands out places.
pub(crate) struct Permits {
    limits: ConnectionLimits,
    total: Arc<Mutex<usize>>,
    addresses: Arc<DashMap<String, usize>>,
    plain: Arc<DashMap<String, usize>>,
    users: Arc<DashMap<Subject, usize>>,
}

/// A place taken; dropping it gives it back.
pub(crate) struct Permit {
    _total: TotalPlace,
    _address: Place<String>,
}

/// A place among its user's sockets.
pub(crate) type UserPermit = Place<Subject>;

impl Permits {
    /// With these limits, all places free.
    #[must_use]
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        Self {
            limits,
            total: Arc::default(),
            addresses: Arc::default(),
            plain: Arc::default(),
            users: Arc::default(),
        }
    }

    /// A place in all and for this address. `None` when there is none.
    #[must_use]
    pub(crate) fn take(&self, address: String) -> Option<Permit> {
        let total = {
            let mut taken = self.total.lock();
            if *taken >= self.limits.total {
                return None;
            }
            *taken += 1;
            TotalPlace(Arc::clone(&self.total))
        };
        let address = Place::take(&self.addresses, address, self.limits.per_address)?;
        Some(Permit { _total: total, _address: address })
    }

    /// A place for a connection of this address that is no socket, or not yet. `None` when there is none.
    #[must_use]
    pub(crate) fn take_plain(&self, address: String) -> Option<Place<String>> {
        Place::take(&self.plain, address, self.limits.per_address)
    }

    /// A place for this user. `None` when there is none.
    #[must_use]
    pub(crate) fn take_user(&self, user: Subject) -> Option<UserPermit> {
        Place::take(&self.users, user, self.limits.per_user)
    }

    /// Sockets open now.
    #[must_use]
    pub(crate) fn open(&self) -> usize {
        *self.total.lock()
    }
}

struct TotalPlace(Arc<Mutex<usize>>);

impl Drop for TotalPlace {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
    }
}

/// One place under a key; dropping it gives it back.
pub(crate) struct Place<K: Eq + Hash + Clone> {
    map: Arc<DashMap<K, usize>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Place<K> {
    fn take(map: &Arc<DashMap<K, usize>>, key: K, limit: usize) -> Option<Self> {
        let mut count = map.entry(key.clone()).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(count);
        Some(Self { map: Arc::clone(map), key })
    }
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        if let Some(mut count) = self.map.get_mut(&self.key) {
            *count -= 1;
        }
        self.map.remove_if(&self.key, |_, count| *count == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits() -> Permits {
        Permits::new(ConnectionLimits { total: 3, per_address: 2, per_user: 1 })
    }

    #[test]
    fn a_dropped_permit_frees_its_place() {
        let permits = permits();
        let held = [permits.take("a".into()), permits.take("a".into())];
        assert!(held.iter().all(Option::is_some) && permits.take("a".into()).is_none());
        drop(held);
        assert!(permits.take("a".into()).is_some());
        assert!(permits.addresses.is_empty());
    }

    #[test]
    fn a_refused_address_takes_no_place_from_the_others() {
        let permits = permits();
        let _held = [permits.take("a".into()), permits.take("a".into())];
        assert!(permits.take("a".into()).is_none());
        assert_eq!(permits.open(), 2);
        assert!(permits.take("b".into()).is_some());
    }

    #[test]
    fn one_user_cannot_take_more_than_the_limit() {
        let permits = permits();
        let _held = permits.take_user(Subject::new("1"));
        assert!(permits.take_user(Subject::new("1")).is_none());
        assert!(permits.take_user(Subject::new("2")).is_some());
    }
}
