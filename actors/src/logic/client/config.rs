//! The bounds of a dialogue, one value shared by all connections.

use std::{sync::Arc, time::Duration};

use crate::namespace::Namespaces;
use protocol::limit::Limit;

/// Every limit and delay of a dialogue. `Default` gives the documented defaults.
#[derive(Clone, Debug)]
pub struct DialogueConfig {
    /// Name and version of the server, as `connect` answers it.
    pub version: String,
    /// How long a connection may take to connect; then it is closed as stale.
    pub connect_timeout: Duration,
    /// Between two pings; in whole seconds, because the client is told.
    pub ping_interval: Duration,
    /// How long a pong may take; shorter than `ping_interval`.
    pub pong_timeout: Duration,
    /// How long a connection outlives its token, to let it refresh.
    pub expired_grace: Duration,
    /// Channels of one connection.
    pub max_channels: usize,
    /// Commands of one connection. The burst must let a client open with `connect` and all of its subscribes. The server
    /// takes it from its table of limits.
    pub commands: Limit,
    /// Frames over the limit until the connection is closed; forgiven when all permits are back.
    pub max_strikes: u32,
    /// Commands that may wait behind a verification.
    pub max_waiting: usize,
    /// Bytes of the frames that those came in.
    pub max_waiting_bytes: usize,
    /// `ALLOW_ANONYMOUS`: whether `connect` without any credential opens a connection without a name.
    pub allow_anonymous: bool,
    /// Which channels there are.
    pub namespaces: Arc<Namespaces>,
}

impl Default for DialogueConfig {
    fn default() -> Self {
        Self {
            version: concat!("portcullis ", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(8),
            expired_grace: Duration::from_secs(25),
            max_channels: 128,
            commands: Limit { name: "frame_connection", burst: 160, period: Duration::from_secs(8) },
            max_strikes: 10,
            max_waiting: 256,
            max_waiting_bytes: 256 * 1024,
            allow_anonymous: false,
            namespaces: Arc::new(Namespaces::default()),
        }
    }
}
