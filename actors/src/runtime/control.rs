//! What others ask a connection's own task to do: the way back from shards, and in from the server API.
//!
//! Carried by the connection's outbox, taken by its pump, done by its dialogue. Bounded; see `outbox`.

use tokio::sync::oneshot;

use crate::{
    logic::namespace::{ChannelName, Overrides},
    protocol::{Payload, Position, UnsubscribeCode},
};

/// Something to do.
#[derive(Debug)]
pub enum Control {
    /// A subscription could not be made, or is lost: forget it. The client has been told.
    Lost {
        /// The channel.
        channel: ChannelName,
    },
    /// Subscribe to a channel in the server's name. One that is subscribed already stays as it is.
    Subscribe(Box<ServerSubscription>),
    /// End a subscription, and tell the client so.
    Unsubscribe {
        /// The channel.
        channel: ChannelName,
        /// What the client is told.
        code: UnsubscribeCode,
    },
    /// The identity of the connection holds until then, from now on.
    Refresh {
        /// Seconds since the epoch; `None` for no end, a moment that is past ends the connection (3005).
        expires_at: Option<i64>,
    },
    /// Say what the connection is.
    Describe(oneshot::Sender<Described>),
}

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
