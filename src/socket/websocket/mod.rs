//! The WebSocket transport: the handshake, the pump that moves bytes and closes, and the actor that handles frames.
//!
//! Entered by the listener with an upgrade request.

mod actor;
mod frame;
pub(crate) mod handshake;
mod inbound;
mod pump;
pub(crate) mod tcp;
