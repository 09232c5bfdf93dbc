//! A connection's place in its session: what keeps it registered, and counted among its user's sockets.
//!
//! Set by the connection actor (or before it starts, when the handshake was authenticated), released by the pump at the
//! moment the socket is severed. It outlives the actor, which ends earlier: until then a revocation must find the socket.

use std::{cell::RefCell, rc::Rc};

use actors::runtime::Attachment;

use crate::socket::admission::connection_limits::UserPermit;
use service::ExternalSessionGuard;

/// What the place consists of; dropping it gives it up.
pub(in crate::socket) struct Held {
    pub(in crate::socket) _attachment: Attachment,
    pub(in crate::socket) _permit: UserPermit,
    pub(in crate::socket) _row: Option<ExternalSessionGuard>,
}

/// Shared by the pump and its actor, which live in one task.
#[derive(Clone, Default)]
pub(in crate::socket) struct Anchor(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    held: Option<Held>,
    released: bool,
}

impl Anchor {
    /// Takes the place; one that is released already takes nothing.
    pub(in crate::socket) fn hold(&self, held: Held) {
        let mut state = self.0.borrow_mut();
        if !state.released {
            state.held = Some(held);
        }
    }

    /// Gives the place up for good.
    pub(in crate::socket) fn release(&self) {
        let mut state = self.0.borrow_mut();
        state.released = true;
        state.held = None;
    }
}
