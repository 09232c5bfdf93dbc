//! The limits and delays of the client protocol. All connections share one value.

use std::{sync::Arc, time::Duration};

use protocol::limit::Limit;

use crate::namespace::Namespaces;

/// Every limit and delay of the client protocol. The values of `Default` apply unless a setting of the server replaces them.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Name and version of the server, for the reply to `connect`.
    pub version: String,
    /// Time within which `connect` must succeed. Otherwise the connection is closed as stale.
    pub connect_timeout: Duration,
    /// Time between two pings: whole seconds, because the reply to `connect` states the interval in seconds.
    pub ping_interval: Duration,
    /// Time that a pong may take. Shorter than `ping_interval`.
    pub pong_timeout: Duration,
    /// Time that a pong may take after a [`Probe`](super::ServerRequest::Probe). Shorter than `pong_timeout`.
    pub probe_timeout: Duration,
    /// Time that a connection or subscription continues after its expiry, so that the client can refresh it.
    pub expired_grace: Duration,
    /// Maximum number of subscriptions of one connection.
    pub max_channels: usize,
    /// Rate limit of commands of one connection. The burst must allow a client to send `connect` and all subscribes at once.
    /// The server sets the value from its table of limits.
    pub commands: Limit,
    /// The connection is closed after this many frames with commands over the rate limit. The count restarts when all permits
    /// of the rate limit are available again.
    pub max_refused_frames: u32,
    /// Maximum number of commands that wait behind a pending command.
    pub max_waiting: usize,
    /// Maximum size of the frames of the queued commands, in bytes.
    pub max_waiting_bytes: usize,
    /// `ALLOW_ANONYMOUS`: whether `connect` without a credential opens an anonymous connection.
    pub allow_anonymous: bool,
    /// The namespaces of channels.
    pub namespaces: Arc<Namespaces>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            version: concat!("portcullis ", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(8),
            probe_timeout: Duration::from_secs(3),
            expired_grace: Duration::from_secs(25),
            max_channels: 128,
            commands: Limit { name: "frame_connection", burst: 160, period: Duration::from_secs(8) },
            max_refused_frames: 10,
            max_waiting: 256,
            max_waiting_bytes: 256 * 1024,
            allow_anonymous: false,
            namespaces: Arc::new(Namespaces::default()),
        }
    }
}
