//! WebSockets: the accept pipeline, the handshake, the connection actor and the pump under it.
//!
//! A connection walks downward: `accept` (listener, TLS, HTTP/1.1) → `handshake` (origin, limits, credential) → `pump`
//! (bytes) → `connection` (the actor) → `dialogue` (the rules of the protocol) → `Realtime`. REST requests leave this path
//! at `accept`. Nothing here knows SQL, and verification is asked of the one verifier.

use std::sync::Arc;

mod admission;
mod connection;
pub mod emulation;
mod listener;
mod shared;
mod websocket;

pub use admission::connection_limits::ConnectionLimits;
pub use listener::{
    accept::{Listener, Mark, Security, serve},
    http_deadline::state::Patience,
};
pub use logic::client::ClientConfig;
pub use shared::Door;

/// The bounds of sockets.
#[derive(Clone, Debug)]
pub struct SocketSettings {
    /// `WS_QUERY_TOKEN`: whether `?token=` is accepted at the handshake. Default: yes.
    pub query_token: bool,
    /// Open sockets in all, per address, per user.
    pub limits: ConnectionLimits,
    /// Bytes waiting to be written to one peer; more closes it with 3008. Default: 1 MiB.
    pub outbox_bytes: usize,
    /// How long connections that are no sockets may keep the server waiting.
    pub patience: Patience,
    /// Times and limits of the protocol.
    pub client: Arc<ClientConfig>,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            query_token: true,
            limits: ConnectionLimits::default(),
            outbox_bytes: 1024 * 1024,
            patience: Patience::default(),
            client: Arc::default(),
        }
    }
}
