//! [`Permits`]: the limits of open sockets (in total, per address, per user, and of peers that have not signed in), and of
//! plain connections per address.
//!
//! The HTTP server stops counting a connection at its upgrade, so each socket holds permits. Dropping a permit frees its place.
//! The limit of connections per session is checked by the session actor.

use std::{hash::Hash, sync::Arc};

use actors::runtime::Live;
use dashmap::DashMap;
use parking_lot::Mutex;
use protocol::id::Subject;

/// The permits that are taken.
pub(crate) struct Permits {
    live: Live,
    total: Arc<Mutex<Taken>>,
    unauthenticated: Arc<Mutex<Taken>>,
    addresses: Arc<DashMap<String, usize>>,
    plain: Arc<DashMap<String, usize>>,
    users: Arc<DashMap<Subject, usize>>,
}

/// The permit of one socket. Dropping it frees the place.
pub(crate) struct Permit {
    _total: TotalPermit,
    _address: Option<KeyedPermit<String>>,
}

/// A permit for one socket of a user.
pub(crate) type UserPermit = KeyedPermit<Subject>;

impl Permits {
    /// The limits of the live settings, without any permit taken.
    #[must_use]
    pub(crate) fn new(live: Live) -> Self {
        Self {
            live,
            total: Arc::default(),
            unauthenticated: Arc::default(),
            addresses: Arc::default(),
            plain: Arc::default(),
            users: Arc::default(),
        }
    }

    /// Takes a permit for a socket from this address, with this number of file descriptors. `None` if a limit is reached.
    #[must_use]
    pub(crate) fn take(&self, address: String, descriptors: usize) -> Option<Permit> {
        let total = TotalPermit::take(&self.total, descriptors, self.live.load().connections.total)?;
        let address = KeyedPermit::take(&self.addresses, address, self.live.load().connections.per_address)?;
        Some(Permit { _total: total, _address: Some(address) })
    }

    /// Takes a permit for a socket that is not counted by its address. `None` if the total limit is reached.
    #[must_use]
    pub(crate) fn take_without_address(&self, descriptors: usize) -> Option<Permit> {
        let total = TotalPermit::take(&self.total, descriptors, self.live.load().connections.total)?;
        Some(Permit { _total: total, _address: None })
    }

    /// Takes a permit for a socket before its peer has signed in. `None` if the limit is reached.
    #[must_use]
    pub(crate) fn take_unauthenticated(&self) -> Option<TotalPermit> {
        TotalPermit::take(&self.unauthenticated, 1, self.live.load().connections.unauthenticated)
    }

    /// Takes a permit for a plain connection from this address. `None` if the limit is reached.
    #[must_use]
    pub(crate) fn take_plain(&self, address: String) -> Option<KeyedPermit<String>> {
        KeyedPermit::take(&self.plain, address, self.live.load().connections.per_address)
    }

    /// Takes a permit for a socket of this user. `None` if the limit is reached.
    #[must_use]
    pub(crate) fn take_user(&self, user: Subject) -> Option<UserPermit> {
        KeyedPermit::take(&self.users, user, self.live.load().connections.per_user)
    }

    /// The number of open sockets.
    #[must_use]
    pub(crate) fn open(&self) -> usize {
        self.total.lock().sockets
    }
}

/// The sums of the permits that are taken.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    sockets: usize,
    descriptors: usize,
}

/// A permit that is counted in a total. Dropping it frees the place.
pub(crate) struct TotalPermit {
    taken: Arc<Mutex<Taken>>,
    descriptors: usize,
}

impl TotalPermit {
    fn take(taken: &Arc<Mutex<Taken>>, descriptors: usize, limit: usize) -> Option<Self> {
        let mut now = taken.lock();
        if now.descriptors + descriptors > limit {
            return None;
        }
        *now = Taken { sockets: now.sockets + 1, descriptors: now.descriptors + descriptors };
        Some(Self { taken: Arc::clone(taken), descriptors })
    }
}

impl Drop for TotalPermit {
    fn drop(&mut self) {
        let mut now = self.taken.lock();
        *now = Taken { sockets: now.sockets - 1, descriptors: now.descriptors - self.descriptors };
    }
}

/// A permit that is counted under a key. Dropping it frees the place.
pub(crate) struct KeyedPermit<K: Eq + Hash + Clone> {
    map: Arc<DashMap<K, usize>>,
    key: K,
}

impl<K: Eq + Hash + Clone> KeyedPermit<K> {
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

impl<K: Eq + Hash + Clone> Drop for KeyedPermit<K> {
    fn drop(&mut self) {
        if let Some(mut count) = self.map.get_mut(&self.key) {
            *count -= 1;
        }
        self.map.remove_if(&self.key, |_, count| *count == 0);
    }
}

#[cfg(test)]
mod tests {
    use actors::runtime::LiveSettings;
    use domain::client::connection_limits::ConnectionLimits;

    use super::*;

    fn permits() -> Permits {
        let connections = ConnectionLimits { total: 3, per_address: 2, per_user: 1, unauthenticated: 4 };
        Permits::new(Live::new(LiveSettings { connections, ..LiveSettings::default() }))
    }

    #[test]
    fn a_dropped_permit_frees_its_place() {
        let permits = permits();
        let held = [permits.take("a".into(), 1), permits.take("a".into(), 1)];
        assert!(held.iter().all(Option::is_some) && permits.take("a".into(), 1).is_none());
        drop(held);
        assert!(permits.take("a".into(), 1).is_some());
        assert!(permits.addresses.is_empty());
    }

    #[test]
    fn a_lower_limit_applies_to_new_permits_and_takes_none_away() {
        let permits = permits();
        let held = [permits.take("a".into(), 1), permits.take("a".into(), 1)];
        let connections = ConnectionLimits { per_address: 1, ..ConnectionLimits::default() };
        permits.live.replace(LiveSettings { connections, ..LiveSettings::default() });
        assert!(permits.take("a".into(), 1).is_none() && permits.take("b".into(), 1).is_some());
        assert_eq!(permits.open(), held.len());
    }

    #[test]
    fn a_refused_address_takes_no_place_from_the_others() {
        let permits = permits();
        let _held = [permits.take("a".into(), 1), permits.take("a".into(), 1)];
        assert!(permits.take("a".into(), 1).is_none());
        assert_eq!(permits.open(), 2);
        assert!(permits.take("b".into(), 1).is_some());
    }

    #[test]
    fn a_socket_with_two_descriptors_takes_two_places_in_total() {
        let permits = permits();
        let held = permits.take("a".into(), 2);
        assert!(permits.take("b".into(), 2).is_none());
        assert_eq!(permits.open(), 1);
        drop(held);
        assert!(permits.take("b".into(), 2).is_some());
    }

    #[test]
    fn the_number_of_peers_that_have_not_signed_in_has_a_limit_of_its_own() {
        let permits = permits();
        let _sockets = [permits.take("a".into(), 1), permits.take("b".into(), 2)];
        assert!(permits.take("c".into(), 1).is_none(), "the total limit is reached");
        let mut held: Vec<_> = (0..4).map(|_| permits.take_unauthenticated()).collect();
        assert!(held.iter().all(Option::is_some) && permits.take_unauthenticated().is_none());
        assert_eq!(permits.open(), 2);
        held.pop();
        assert!(permits.take_unauthenticated().is_some());
    }

    #[test]
    fn one_user_cannot_take_more_than_the_limit() {
        let permits = permits();
        let _held = permits.take_user(Subject::new("1"));
        assert!(permits.take_user(Subject::new("1")).is_none());
        assert!(permits.take_user(Subject::new("2")).is_some());
    }
}
