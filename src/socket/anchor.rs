//! A connection's place in its session: what keeps it registered, and counted among its user's sockets.
//!
//! Set by the connection actor (or before it starts, when the handshake was authenticated), released by the pump at the
//! moment the socket is severed. It outlives the actor, which ends earlier: until then a revocation must find the socket.

use std::{cell::RefCell, rc::Rc};

use actors::runtime::Attachment;

use super::permits::UserPermit;
use service::OutsideRow;

/// What the place consists of; dropping it gives it up.
pub(super) struct Held {
    pub(super) _attachment: Attachment,
    pub(super) _permit: UserPermit,
    pub(super) _row: Option<OutsideRow>,
}

/// Shared by the pump and its actor, which live in one task.
#[derive(Clone, Default)]
pub(super) struct Anchor(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    held: Option<Held>,
    released: bool,
}

impl Anchor {
    /// Takes the place; one that is released already takes nothing.
    pub(super) fn hold(&self, held: Held) {
        let mut state = self.0.borrow_mut();
        if !state.released {
            state.held = Some(held);
        }
    }

    /// Gives the place up for good.
    pub(super) fn release(&self) {
        let mut state = self.0.borrow_mut();
        state.released = true;
        state.held = None;
    }
}
