//! Types that describe a connection and its subscriptions. The server API returns these descriptions.
//!
//! This file has only plain values. The client state creates a description when the server API requests it.

use std::{sync::Arc, time::Duration};

use protocol::{Payload, channel_name::ChannelName};

use super::denials::TokenMark;

/// The description of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionDescription {
    /// The name of the client's library.
    pub name: String,
    /// The version of the application.
    pub version: String,
    /// The `meta` value of the connection's token. It is never sent to a client.
    pub meta: Option<Arc<Payload>>,
    /// The subscriptions of the connection.
    pub subscriptions: Vec<SubscriptionDescription>,
    /// The time between the last ping that the peer answered and its pong.
    pub ping_round_trip: Option<Duration>,
}

/// The source of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionSource {
    /// The connection's token lists the channel.
    ConnectionToken,
    /// The client sent a subscription token for the channel.
    SubscriptionToken,
    /// The client subscribed to a user-limited channel that admits the client's user.
    UserLimited,
    /// The client subscribed, and the namespace permits this.
    ClientAllowed,
    /// The channel is the user's personal channel.
    UserPersonal,
    /// The server API subscribed the connection.
    ServerApi,
}

impl SubscriptionSource {
    /// Whether the server made the subscription.
    #[must_use]
    pub fn is_server_side(self) -> bool {
        matches!(self, Self::ConnectionToken | Self::UserPersonal | Self::ServerApi)
    }

    /// The number that Centrifugo gives to this source.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::ConnectionToken => 1,
            Self::SubscriptionToken => 3,
            Self::UserLimited => 5,
            Self::ClientAllowed => 6,
            Self::UserPersonal => 9,
            Self::ServerApi => 10,
        }
    }
}

/// One subscription of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionDescription {
    /// The channel.
    pub channel: ChannelName,
    /// The source of the subscription.
    pub source: SubscriptionSource,
    /// The latest token that authorized the subscription, if there is one.
    pub token: Option<TokenMark>,
}
