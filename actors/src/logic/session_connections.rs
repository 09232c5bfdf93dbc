//! The connections of one session on this node. This is the state of the session actor.
//!
//! `C` is the handle to a connection, used to cut it or to describe it. The tombstones decide whether the session has ended, so
//! this state contains neither the cause nor the time of an end.

use std::collections::HashMap;

use protocol::id::ConnectionId;

/// Why a connection may not join its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachRefused {
    /// The session has reached its limit of connections.
    Limit,
}

/// The connections of one session.
#[derive(Debug)]
pub struct SessionConnections<C> {
    connections: HashMap<ConnectionId, C>,
    limit: usize,
}

impl<C> SessionConnections<C> {
    /// Changes the limit. Connections above it stay.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// A session without connections. It may have at most `limit` connections.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { connections: HashMap::new(), limit }
    }

    /// Adds a connection. If a connection with the same id exists, it is replaced.
    ///
    /// # Errors
    /// When the session is at its limit. The new connection is dropped.
    pub fn attach(&mut self, id: ConnectionId, connection: C) -> Result<(), AttachRefused> {
        if self.connections.len() >= self.limit && !self.connections.contains_key(&id) {
            return Err(AttachRefused::Limit);
        }
        self.connections.insert(id, connection);
        Ok(())
    }

    /// Removes a connection; `None` if the session does not have it, for example because a revocation has already removed it.
    pub fn detach(&mut self, id: ConnectionId) -> Option<C> {
        self.connections.remove(&id)
    }

    /// Removes and returns every connection, so that the caller can cut them.
    pub fn drain(&mut self) -> impl Iterator<Item = (ConnectionId, C)> {
        self.connections.drain()
    }

    /// The connection with this id; `None` if the session does not have it.
    pub fn get_mut(&mut self, id: ConnectionId) -> Option<&mut C> {
        self.connections.get_mut(&id)
    }

    /// The open connections.
    pub fn iter(&self) -> impl Iterator<Item = (ConnectionId, &C)> {
        self.connections.iter().map(|(id, connection)| (*id, connection))
    }

    /// How many connections are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether no connection is open. If so, the session actor has nothing left to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id(number: u8) -> ConnectionId {
        ConnectionId(Uuid::from_u128(number.into()))
    }

    #[test]
    fn one_connection_more_than_the_limit_is_refused() {
        let mut state = SessionConnections::new(2);
        assert_eq!(state.attach(id(1), 1), Ok(()));
        assert_eq!(state.attach(id(2), 2), Ok(()));
        assert_eq!(state.attach(id(3), 3), Err(AttachRefused::Limit));
        assert_eq!(state.attach(id(2), 22), Ok(()));
        assert_eq!(state.detach(id(1)), Some(1));
        assert_eq!(state.attach(id(3), 3), Ok(()));
    }

    #[test]
    fn detaching_a_drained_connection_has_no_effect() {
        let mut state = SessionConnections::new(9);
        state.attach(id(1), 1).unwrap();
        assert_eq!(state.drain().collect::<Vec<_>>(), vec![(id(1), 1)]);
        assert_eq!(state.detach(id(1)), None);
    }

    proptest! {
        #[test]
        fn every_connection_is_removed_once(steps in prop::collection::vec((0_u8..7, 0_u8..8), 0..80)) {
            let mut state = SessionConnections::new(5);
            let (mut entered, mut left) = (0, 0);
            for (what, number) in steps {
                match what {
                    0..=3 => {
                        let was_in = state.get_mut(id(number)).is_some();
                        let attached = state.attach(id(number), number).is_ok();
                        entered += usize::from(attached && !was_in);
                    }
                    4 | 5 => left += usize::from(state.detach(id(number)).is_some()),
                    _ => left += state.drain().count(),
                }
                prop_assert_eq!(state.len(), entered - left);
                prop_assert!(state.len() <= 5);
                prop_assert_eq!(state.iter().count(), state.len());
            }
        }
    }
}
