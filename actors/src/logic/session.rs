//! The connections of one signed-in session on this node, as its actor holds them.
//!
//! `C` is whatever cuts and describes a connection. A state that ended stays ended: a late registration finds the
//! cause and is refused with it, so no socket can slip in behind its own revocation.

use std::collections::HashMap;

use crate::{
    close::Cause,
    id::{ConnectionId, DeviceId, SessionId, UserId},
};

/// Why a connection may not join its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachRefusal {
    /// The session has ended.
    Ended(Cause),
    /// The session has as many connections as it may have.
    Limit,
}

/// What is known about a session on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The session.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
    /// Its device.
    pub device: DeviceId,
    /// Its open connections on this node.
    pub connections: usize,
    /// Why it ended, if it did.
    pub ended: Option<Cause>,
}

/// One session and its connections.
#[derive(Debug)]
pub struct SessionState<C> {
    session: SessionId,
    user: UserId,
    device: DeviceId,
    connections: HashMap<ConnectionId, C>,
    ended: Option<Cause>,
}

impl<C> SessionState<C> {
    /// A live session without connections.
    #[must_use]
    pub fn new(session: SessionId, user: UserId, device: DeviceId) -> Self {
        Self {
            session,
            user,
            device,
            connections: HashMap::new(),
            ended: None,
        }
    }

    /// Adds a connection. One that is there already is replaced and counts once.
    ///
    /// # Errors
    /// When the session has ended, or has `limit` other connections. The connection is given back, to be closed.
    pub fn attach(
        &mut self,
        id: ConnectionId,
        connection: C,
        limit: usize,
    ) -> Result<(), (AttachRefusal, C)> {
        if let Some(cause) = self.ended {
            return Err((AttachRefusal::Ended(cause), connection));
        }
        if self.connections.len() >= limit && !self.connections.contains_key(&id) {
            return Err((AttachRefusal::Limit, connection));
        }
        self.connections.insert(id, connection);
        Ok(())
    }

    /// Takes a connection out; `None` if it was not in, as when it was revoked before it reported its own end.
    pub fn detach(&mut self, id: ConnectionId) -> Option<C> {
        self.connections.remove(&id)
    }

    /// Ends trust: every connection is handed out to be cut, and, unless only the role changed, none is let in again.
    /// The first cause stays.
    pub fn revoke(&mut self, cause: Cause) -> Vec<(ConnectionId, C)> {
        if cause.ends_session() {
            self.ended.get_or_insert(cause);
        }
        self.connections.drain().collect()
    }

    /// The open connections.
    pub fn connections(&self) -> impl Iterator<Item = (ConnectionId, &C)> {
        self.connections.iter().map(|(id, connection)| (*id, connection))
    }

    /// Whether no connection is open: the actor of such a session has nothing left to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// What is known about it.
    #[must_use]
    pub fn describe(&self) -> Description {
        Description {
            session: self.session,
            user: self.user,
            device: self.device,
            connections: self.connections.len(),
            ended: self.ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn state() -> SessionState<u8> {
        SessionState::new(SessionId::random(), UserId(1), DeviceId::random())
    }

    fn id(number: u8) -> ConnectionId {
        ConnectionId(Uuid::from_u128(number.into()))
    }

    #[test]
    fn one_connection_more_than_the_limit_is_refused_and_given_back() {
        let mut state = state();
        assert_eq!(state.attach(id(1), 1, 2), Ok(()));
        assert_eq!(state.attach(id(2), 2, 2), Ok(()));
        assert_eq!(state.attach(id(3), 3, 2), Err((AttachRefusal::Limit, 3)));
        assert_eq!(state.attach(id(2), 22, 2), Ok(()));
        assert_eq!(state.detach(id(1)), Some(1));
        assert_eq!(state.attach(id(3), 3, 2), Ok(()));
    }

    #[test]
    fn a_changed_role_cuts_the_connections_and_lets_new_ones_in() {
        let mut state = state();
        state.attach(id(1), 1, 9).unwrap();
        assert_eq!(state.revoke(Cause::RoleChanged), vec![(id(1), 1)]);
        assert!(state.is_empty());
        assert_eq!(state.attach(id(2), 2, 9), Ok(()));
    }

    #[test]
    fn the_first_cause_stays() {
        let mut state = state();
        state.revoke(Cause::SignedOut);
        state.revoke(Cause::Revoked);
        assert_eq!(
            state.attach(id(1), 1, 9),
            Err((AttachRefusal::Ended(Cause::SignedOut), 1))
        );
        assert_eq!(state.describe().ended, Some(Cause::SignedOut));
    }

    #[test]
    fn detaching_what_was_revoked_is_nothing() {
        let mut state = state();
        state.attach(id(1), 1, 9).unwrap();
        state.revoke(Cause::Revoked);
        assert_eq!(state.detach(id(1)), None);
    }

    proptest! {
        #[test]
        fn every_connection_is_handed_out_once(steps in prop::collection::vec((0_u8..4, 0_u8..8), 0..60)) {
            let mut state = state();
            let (mut entered, mut left) = (0, 0);
            for (what, number) in steps {
                match what {
                    0 | 1 => {
                        let was_in = state.connections.contains_key(&id(number));
                        let attached = state.attach(id(number), number, 5).is_ok();
                        entered += usize::from(attached && !was_in);
                    }
                    2 => left += usize::from(state.detach(id(number)).is_some()),
                    _ if number == 0 => left += state.revoke(Cause::Revoked).len(),
                    _ => left += state.revoke(Cause::RoleChanged).len(),
                }
                prop_assert_eq!(state.describe().connections, entered - left);
                prop_assert!(state.describe().connections <= 5);
                prop_assert!(state.describe().ended.is_none() || state.is_empty());
            }
        }
    }
}
