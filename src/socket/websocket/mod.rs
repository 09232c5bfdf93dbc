//! The WebSocket transport: the handshake, the pump that moves bytes, the actor that handles frames, and the close.
//!
//! Entered by the listener with an upgrade request.

pub(super) mod actor;
pub(super) mod close;
pub(super) mod fragments;
pub(super) mod frame;
pub(super) mod handshake;
pub(super) mod inbound;
pub(super) mod pump;
pub(super) mod tcp;
