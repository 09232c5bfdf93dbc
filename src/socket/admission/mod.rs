//! The checks before a connection opens: origin, limits, credential, registration with a session.
//!
//! Called by the WebSocket handshake, by the emulated transports, and by the driver of a connection when its client sends a
//! token later. Nothing here knows which transport carries the connection.

pub(super) mod admit;
pub(super) mod connection_limits;
pub(super) mod external_identity;
pub(super) mod publish_limit;
pub(super) mod refusal;
