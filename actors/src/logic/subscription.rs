//! Types that describe a connection and its subscriptions, including those that the server makes.
//!
//! Tokens, the server API and connection requests share these plain values.

use std::sync::Arc;

use protocol::{Payload, channel_name::ChannelName};

use super::denials::TokenMark;

/// The description of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionDescription {
    /// Name of the client's library.
    pub name: String,
    /// Version of the application.
    pub version: String,
    /// The `meta` value of its token; only the server API returns it.
    pub meta: Option<Arc<Payload>>,
    /// Its subscriptions.
    pub subscriptions: Vec<SubscriptionDescription>,
}

/// The source of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionSource {
    /// The connection's token lists the channel.
    ConnectionToken,
    /// The client sent a subscription token for the channel.
    SubscriptionToken,
    /// The client asked for it, and the channel is limited to users that include this one.
    UserLimited,
    /// The client asked for it, and the namespace permits it.
    ClientAllowed,
    /// It is the user's personal channel.
    UserPersonal,
    /// The server API asked for it.
    ServerApi,
}

impl SubscriptionSource {
    /// Whether the server made it.
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
    /// Its source.
    pub source: SubscriptionSource,
    /// The latest token that authorized the subscription, if there is one.
    pub token: Option<TokenMark>,
}
