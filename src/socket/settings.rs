//! [`SocketSettings`]: the limits and deadlines of sockets.

use std::sync::Arc;

use domain::client::connection_limits::ConnectionLimits;
use logic::client::ClientConfig;

use super::listener::http_deadline::state::HttpTimeouts;

/// The limits and deadlines of sockets. `app` copies [`Self::limits`] and [`Self::client`] to the live settings; sockets read them
/// only there.
#[derive(Clone, Debug)]
pub struct SocketSettings {
    /// `WS_QUERY_TOKEN`: whether the handshake accepts `?token=`. Default: yes.
    pub query_token: bool,
    /// Maximum number of open sockets: in total, per address, per user, and of peers that have not signed in.
    pub limits: ConnectionLimits,
    /// Maximum size of a message from a peer that has not signed in, in bytes. Default: 4 KiB.
    pub unauthenticated_message: usize,
    /// Maximum size of the output queue of one connection, in bytes. An overflow closes the connection with 3008, or with 3010
    /// if the frames were held back. Default: 1 MiB.
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
