//! The checks before a connection may open: origin, limits, credential, registration with a session.
//!
//! Called by the WebSocket handshake, by the emulated transports, and by the driver of a connection when its client sends a
//! token later. The listener uses the limits of plain connections and of heads. Nothing here depends on the transport of a
//! connection.
//!
//! `admit` checks a request, `authenticate` verifies credentials of this server, `external_identity` verifies those of external
//! issuers, and `register` attaches the connection to its session.

pub(crate) mod admit;
pub(crate) mod authenticate;
pub(crate) mod connection_limits;
pub(crate) mod durable_quota;
pub(crate) mod external_identity;
pub(crate) mod head_size;
pub(crate) mod publish_limit;
pub(crate) mod refusal;
pub(crate) mod register;
