//! The WebSocket transport: the handshake, the pump that moves bytes and closes, and the actor that handles frames.
//!
//! The listener calls `handshake` with each upgrade request.

mod actor;
mod frame;
pub(crate) mod handshake;
mod inbound;
mod pump;
pub(crate) mod socket_stream;
