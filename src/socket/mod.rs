//! WebSockets: the accept pipeline, the handshake, the connection actor and the pump under it.
//!
//! A connection walks downward: `accept` (listener, TLS, HTTP/1.1) → `handshake` (origin, limits, credential) → `pump`
//! (bytes) → `connection` (the actor) → `dialogue` (the rules of the protocol) → `Realtime`. REST requests leave this path
//! at `accept`. Nothing here knows SQL, and verification is asked of the one verifier.

use std::sync::Arc;

mod accept;
mod anchor;
mod connection;
pub mod dialogue;
mod door;
mod driver;
pub mod emulation;
mod entrance;
mod errands;
mod fragments;
mod frame;
mod gate;
mod gathering;
mod handshake;
mod inbound;
mod orders;
mod outside;
mod permits;
mod publications;
mod pump;
mod pump_end;
mod refusal;
mod start;
mod transport;
mod underway;
mod watch;
mod watched;

pub use accept::{Listener, Mark, Security, serve};
pub use dialogue::DialogueConfig;
pub use door::Door;
pub use permits::ConnectionLimits;
pub use watch::Patience;

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
    pub dialogue: Arc<DialogueConfig>,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            query_token: true,
            limits: ConnectionLimits::default(),
            outbox_bytes: 1024 * 1024,
            patience: Patience::default(),
            dialogue: Arc::default(),
        }
    }
}
