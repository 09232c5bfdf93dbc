//! [`Registration`]: the guards that keep a connection registered with its session and counted among its user's sockets.
//!
//! The driver stores the guards (before it starts, if the handshake was authenticated). The owner of the stream (the pump, or
//! the task of an emulated stream) releases them when the socket is severed. The registration outlives the driver: until the
//! socket is severed, a revocation must find the connection.
//!
//! The connection keeps its place in the limits even longer. The owner of the stream first drops the stream and then the
//! registration, so the place becomes free only after the file descriptor is closed.

use std::{cell::RefCell, rc::Rc};

use actors::runtime::{Attachment, CountedConnection};
use logic::client::Identity;
use protocol::id::DeviceId;
use service::ExternalSessionGuard;

use crate::socket::admission::{
    connection_limits::{Permit, UserPermit},
    register::Admitted,
};

/// The identity that the connection is registered with. The driver keeps it until the driver ends.
pub(crate) struct RegisteredIdentity {
    pub(crate) identity: Identity,
    pub(crate) device: Option<DeviceId>,
}

/// The guards; dropping them ends the registration.
struct Guards {
    _attachment: Attachment,
    _permit: UserPermit,
    _row: Option<ExternalSessionGuard>,
}

/// The registration, shared by the driver of a connection and the owner of its stream, which run in one task.
#[derive(Clone, Default)]
pub(crate) struct Registration(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    guards: Option<Guards>,
    released: bool,
    _place: Option<Permit>,
    _counted: Option<CountedConnection>,
}

impl Registration {
    /// The registration of a connection that holds this place and has no session yet.
    pub(crate) fn new(place: Permit, counted: CountedConnection) -> Self {
        Self(Rc::new(RefCell::new(State {
            _place: Some(place),
            _counted: Some(counted),
            ..State::default()
        })))
    }

    /// Stores the guards. If the registration has already been released, the guards are dropped.
    pub(crate) fn hold(&self, admitted: Admitted) -> RegisteredIdentity {
        let Admitted { identity, device, row, attachment, permit } = admitted;
        let mut state = self.0.borrow_mut();
        if !state.released {
            state.guards = Some(Guards { _attachment: attachment, _permit: permit, _row: row });
        }
        RegisteredIdentity { identity, device }
    }

    /// Ends the registration permanently.
    pub(crate) fn release(&self) {
        let mut state = self.0.borrow_mut();
        state.released = true;
        state.guards = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::admission::connection_limits::Permits;

    #[test]
    fn a_severed_socket_keeps_its_place_until_its_registration_is_dropped() {
        let permits = Permits::new(actors::runtime::Live::default());
        let registration = Registration::new(
            permits.take("a".into(), 1).unwrap(),
            actors::runtime::Traffic::default().open(actors::runtime::Transport::WebSocket),
        );
        registration.release();
        assert_eq!(permits.open(), 1);
        drop(registration);
        assert_eq!(permits.open(), 0);
    }
}
