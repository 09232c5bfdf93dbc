//! What is said about a connection's subscriptions: by the server, which makes some, and by the connection itself.
//!
//! Plain values between tokens, the server API, the requests to connections .

use std::sync::Arc;

use protocol::{Payload, channel_name::ChannelName};

use super::denials::TokenMark;

/// What a connection says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionDescription {
    /// Name of the client's library.
    pub name: String,
    /// Version of the application.
    pub version: String,
    /// What its token says of it, for servers only.
    pub meta: Option<Arc<Payload>>,
    /// What it is subscribed to.
    pub subscriptions: Vec<SubscriptionDescription>,
}

/// What a subscription came of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionSource {
    /// The connection's token lists the channel.
    ConnectionToken,
    /// The client showed a token of its own for it.
    SubscriptionToken,
    /// The client asked, and the channel is limited to users that include this one.
    UserLimited,
    /// The client asked, and the namespace permits it.
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

    /// As Centrifugo numbers them.
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
    /// What it came of.
    pub source: SubscriptionSource,
    /// The token that proved the right to it last, if one did.
    pub token: Option<TokenMark>,
}
