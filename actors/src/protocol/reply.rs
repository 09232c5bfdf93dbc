//! Replies and pushes: what the server says. The connection's dialogue answers, channel shards push, a codec encodes.

use crate::{
    close::CloseReason,
    id::{ConnectionId, UserId},
};

use super::{ErrorCode, Payload};

/// The answer to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `connect` succeeded.
    Connect(ConnectResult),
    /// `subscribe` succeeded: live publications follow, nothing can be recovered.
    Subscribe,
    /// `unsubscribe` succeeded.
    Unsubscribe,
    /// `publish` succeeded.
    Publish,
    /// `refresh` succeeded.
    Refresh(Lifetime),
    /// The command is refused.
    Error(ErrorCode),
}

/// How long the identity of a connection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Seconds until the access token expires, at least 1; the client then fetches a new one and sends `refresh`.
    pub ttl: u32,
}

/// The result of `connect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectResult {
    /// The connection's id.
    pub client: ConnectionId,
    /// The server's name and version.
    pub version: String,
    /// When the client must refresh.
    pub lifetime: Lifetime,
    /// Seconds between the server's pings; the client answers each with a pong.
    pub ping: u32,
}

/// Who published, joined or left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The user; a string on the wire.
    pub user: UserId,
    /// The connection.
    pub client: ConnectionId,
}

/// One message in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// What was published.
    pub data: Payload,
    /// Who published it; absent when the server did.
    pub info: Option<ClientInfo>,
    /// Its position in the channel's history; 0 where there is none.
    pub offset: u64,
}

/// A message that answers no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push<'a> {
    /// A publication in a channel.
    Publication {
        /// The channel's name.
        channel: &'a str,
        /// The message.
        publication: &'a Publication,
    },
    /// Somebody subscribed.
    Join {
        /// The channel's name.
        channel: &'a str,
        /// Who.
        info: &'a ClientInfo,
    },
    /// Somebody's subscription ended.
    Leave {
        /// The channel's name.
        channel: &'a str,
        /// Who.
        info: &'a ClientInfo,
    },
    /// The server ended the client's subscription.
    Unsubscribe {
        /// The channel's name.
        channel: &'a str,
        /// Why, and so whether the client subscribes again.
        code: UnsubscribeCode,
    },
    /// A message to this one client.
    Message {
        /// What it says.
        data: &'a Payload,
    },
    /// The connection ends; on a WebSocket the close frame says it instead.
    Disconnect(CloseReason),
    /// The identity's lifetime changed without the client's doing.
    Refresh(Lifetime),
}

/// Why the server ended a subscription; below 2500 the client stays away, from 2500 on it subscribes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum UnsubscribeCode {
    /// Ended by the server.
    Server = 2000,
    /// The server lost what it knew about the channel.
    InsufficientState = 2500,
    /// The subscription's token expired.
    Expired = 2501,
    /// Permissions changed: subscribe anew, without the old position.
    StateInvalidated = 2502,
}

impl UnsubscribeCode {
    /// Every code.
    pub const ALL: [Self; 4] = [Self::Server, Self::InsufficientState, Self::Expired, Self::StateInvalidated];

    /// The number on the wire.
    #[must_use]
    pub fn code(self) -> u16 {
        self as u16
    }

    /// The protocol's text for it: plain ASCII that needs no escaping.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Server => "server unsubscribe",
            Self::InsufficientState => "insufficient state",
            Self::Expired => "subscription expired",
            Self::StateInvalidated => "state invalidated",
        }
    }
}
