//! The description of a server-side subscription. The description comes from the connection token of an external issuer or from
//! `subscribe` of the server API. For a personal channel, the client state makes the description.
//!
//! This file has only plain values. `logic::namespace` decides how these values change the terms of the subscription.

use crate::{Payload, Position, channel_name::ChannelName};

/// A subscription that the server makes for a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSubscription {
    /// The channel.
    pub channel: ChannelName,
    /// Info that the other members of the channel see about this connection.
    pub chan_info: Option<Payload>,
    /// Data for the client, sent with the result of the subscription.
    pub data: Option<Payload>,
    /// The position from which missed publications are recovered; `None` for no recovery.
    pub recover: Option<Position>,
    /// The expiry in seconds since the Unix epoch; `None` for no expiry.
    pub expires_at: Option<i64>,
    /// The options of the namespace that the subscription overrides.
    pub overrides: Overrides,
}

/// The options that one subscription sets differently from its namespace. `None` keeps the option of the namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Whether the subscription is visible in presence.
    pub presence: Option<bool>,
    /// Whether the join and leave of the subscription are announced to subscribers.
    pub join_leave: Option<bool>,
    /// Whether the subscription receives joins and leaves, including its own join.
    pub force_push_join_leave: Option<bool>,
    /// Whether the subscription has a position, so that gaps are detected.
    pub force_positioning: Option<bool>,
    /// Whether the client can recover the subscription later.
    pub force_recovery: Option<bool>,
}
