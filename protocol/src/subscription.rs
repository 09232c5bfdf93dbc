//! A subscription that the server makes for a connection: what a connection token, an outside token's `subs` and the
//! server API's `subscribe` can say about it.
//!
//! Plain values. What comes of them is decided by `logic::namespace`.

use crate::{Payload, Position, channel_name::ChannelName};

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

/// What one subscription does otherwise than its namespace says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Whether it is seen in the presence.
    pub presence: Option<bool>,
    /// Whether its coming and going is announced.
    pub join_leave: Option<bool>,
    /// Whether it hears of others' coming and going.
    pub force_push_join_leave: Option<bool>,
    /// Whether the server watches for holes.
    pub force_positioning: Option<bool>,
    /// Whether it can recover.
    pub force_recovery: Option<bool>,
}
