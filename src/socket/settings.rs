//! [`SocketSettings`]: the limits and deadlines of sockets.

use std::sync::Arc;

use logic::client::ClientConfig;

use super::{admission::connection_limits::ConnectionLimits, listener::http_deadline::state::HttpTimeouts};

/// The limits and deadlines of sockets.
#[derive(Clone, Debug)]
pub struct SocketSettings {
    /// `WS_QUERY_TOKEN`: whether the handshake accepts `?token=`. Default: yes.
    pub query_token: bool,
    /// Maximum number of open sockets: in total, per address, per user, without an identity.
    pub limits: ConnectionLimits,
    /// Maximum size of a message of a peer that has not signed in, in bytes. Default: 4 KiB.
    pub unauthenticated_message: usize,
    /// Maximum size of the output queue of one connection, in bytes. An overflow closes the connection with 3008.
    /// Default: 1 MiB.
    pub outbox_bytes: usize,
    /// Deadlines for connections that are not WebSockets.
    pub http_timeouts: HttpTimeouts,
    /// Limits and delays of the client protocol.
    pub client: Arc<ClientConfig>,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            query_token: true,
            limits: ConnectionLimits::default(),
            unauthenticated_message: 4 * 1024,
            outbox_bytes: 1024 * 1024,
            http_timeouts: HttpTimeouts::default(),
            client: Arc::default(),
        }
    }
}
