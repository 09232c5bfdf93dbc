//! What is said about a connection's subscriptions: by the server, which makes some, and by the connection itself.
//!
//! Plain values between tokens, the server API, the requests to connections and their dialogues.

use super::namespace::{ChannelName, Overrides};
use crate::protocol::{Payload, Position};

/// What a connection says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// Name of the client's library.
    pub name: String,
    /// Version of the application.
    pub version: String,
    /// What it is subscribed to.
    pub subscriptions: Vec<Subscribed>,
}

/// A subscription in the server's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSubscription {
    /// The channel.
    pub channel: ChannelName,
    /// What members see of this one in the channel.
    pub chan_info: Option<Payload>,
    /// What the client gets along.
    pub data: Option<Payload>,
    /// What the client has, if it is to get what it missed since.
    pub recover: Option<Position>,
    /// Seconds since the epoch at which it ends; `None` for never.
    pub expires_at: Option<i64>,
    /// What is done otherwise than the namespace says.
    pub overrides: Overrides,
}

/// One subscription of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The channel.
    pub channel: ChannelName,
    /// Whether the server subscribed it.
    pub server_side: bool,
}
