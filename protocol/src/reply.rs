//! The messages of the server: answers and pushes. Client states, channel shards and emulated streams make them. A codec
//! encodes them.

use std::sync::Arc;

use secrecy::SecretString;

use super::{ErrorCode, Payload, Position};
use crate::{
    close::CloseMessage,
    id::{ConnectionId, Subject},
};

/// The answer to one command.
#[derive(Clone, Debug)]
pub enum Answer {
    /// `connect` succeeded.
    Connect(Box<ConnectResult>),
    /// `subscribe` succeeded.
    Subscribe(Box<SubscribeResult>),
    /// `unsubscribe` succeeded.
    Unsubscribe,
    /// `publish` succeeded.
    Publish,
    /// The subscribers of a channel that are visible in presence.
    Presence(Vec<Arc<ClientInfo>>),
    /// The number of subscribers that are visible in presence, and the number of their users.
    PresenceStats(PresenceStats),
    /// Publications of the history.
    History(HistoryResult),
    /// `refresh` succeeded; `None` if the identity does not expire.
    Refresh(Option<Lifetime>),
    /// `sub_refresh` succeeded; `None` if the subscription does not expire.
    SubRefresh(Option<Lifetime>),
    /// The command is refused.
    Error(ErrorCode),
}

/// The remaining lifetime of a connection's identity, or of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Seconds until the expiry, at least 1. The client then fetches a new token and sends `refresh` or `sub_refresh`.
    pub ttl: u32,
}

/// The result of `connect`.
#[derive(Clone, Debug)]
pub struct ConnectResult {
    /// The connection's id.
    pub client: ConnectionId,
    /// The server's name and version.
    pub version: String,
    /// The time until the client must refresh; `None` for no expiry.
    pub lifetime: Option<Lifetime>,
    /// Seconds between two pings of the server. The client answers each ping with a pong. `None` for no pings.
    pub ping: Option<u32>,
    /// The server-side subscriptions: the channel and the result of each.
    pub subs: Vec<(String, SubscribeResult)>,
    /// For an emulated transport: the values that the client sends with its further commands.
    pub emulation: Option<Emulation>,
}

/// The values that a client of an emulated transport (`http_stream`, SSE) adds to each further request with commands.
#[derive(Clone, Debug)]
pub struct Emulation {
    /// A secret that proves that the commands belong to the stream.
    pub session: SecretString,
    /// The node that holds the stream.
    pub node: String,
}

/// The result of `subscribe`. Pushes with the later publications follow this result without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscribeResult {
    /// The time until the subscription expires; `None` for no expiry.
    pub lifetime: Option<Lifetime>,
    /// The first position of the subscription; `None` if the subscription is neither positioned nor recoverable. After a
    /// successful recovery in stream mode (all missed publications are sent), this is the client's position before the
    /// recovery. Otherwise it is the newest position of the channel.
    pub position: Option<Position>,
    /// Whether the client may recover from its last position later.
    pub recoverable: bool,
    /// Whether the subscription has a position, so that gaps are detected.
    pub positioned: bool,
    /// Whether a recovery was attempted.
    pub was_recovering: bool,
    /// Whether the recovery succeeded.
    pub recovered: bool,
    /// The recovered publications, oldest first.
    pub publications: Vec<Arc<Publication>>,
    /// Whether the subscription receives deltas. The data of each of its publications, including those in `publications`, is
    /// then encoded as [`DataForm::Whole`] or [`DataForm::Delta`].
    pub delta: bool,
    /// Data that the server added for the client.
    pub data: Option<Payload>,
}

/// The result of `presence_stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PresenceStats {
    /// The number of connections.
    pub clients: u32,
    /// The number of different users. All anonymous users count as one.
    pub users: u32,
}

/// The result of `history`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryResult {
    /// The publications of the page, in the requested order.
    pub publications: Vec<Arc<Publication>>,
    /// The newest position of the channel. The publication at this position need not be part of the page.
    pub position: Position,
}

/// The description of a client that published, joined or left, or is present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The user.
    pub user: Subject,
    /// The connection.
    pub client: ConnectionId,
    /// The info from the connection's token, or from the server API.
    pub conn_info: Option<Payload>,
    /// The info for this channel, from a token or from the server API.
    pub chan_info: Option<Payload>,
}

/// One message in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The payload.
    pub data: Payload,
    /// The client that published the data; `None` if the server published it.
    pub info: Option<Arc<ClientInfo>>,
    /// The offset in the channel's history; 0 if the publication is not kept.
    pub offset: u64,
    /// Names and values that a publisher added through the server API.
    pub tags: Vec<(String, String)>,
    /// When the publication was accepted, in milliseconds since the Unix epoch; 0 if the publication is not kept.
    pub time_ms: i64,
}

/// The tag of a publication with data in base64.
const BASE64_TAG: (&str, &str) = ("encoding", "base64");

impl Publication {
    /// The tags as the JSON protocol and the server API carry them. If the data is not JSON, the tag `encoding` says that the
    /// data is in base64. This tag replaces a tag of the publisher with the same name.
    pub fn json_tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let encoded = (!self.data.is_json()).then_some(BASE64_TAG);
        let own = self.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        own.filter(move |(name, _)| encoded.is_none_or(|(tag, _)| *name != tag)).chain(encoded)
    }
}

/// The encoding of a publication's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataForm<'a> {
    /// The payload, for a subscription without deltas. In JSON the payload is embedded as a JSON value (bytes that are not JSON
    /// as a base64 string), in Protobuf as bytes.
    Plain,
    /// The whole payload, for a subscription with deltas. In JSON the data is a string that contains the payload's JSON text;
    /// in Protobuf it is the payload's bytes.
    Whole,
    /// This Fossil delta from the previous publication. It is encoded like [`Self::Whole`] and marked with the field `delta`.
    /// For JSON the delta must be UTF-8.
    Delta(&'a [u8]),
}

/// A message of the server that is not a reply to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push<'a> {
    /// A publication in a channel.
    Publication {
        /// The channel's name.
        channel: &'a str,
        /// The publication.
        publication: &'a Publication,
        /// The form of its data.
        form: DataForm<'a>,
    },
    /// A client subscribed. The subscribing client receives this push, too, if it receives joins.
    Join {
        /// The channel's name.
        channel: &'a str,
        /// The client.
        info: &'a ClientInfo,
    },
    /// A client's subscription ended.
    Leave {
        /// The channel's name.
        channel: &'a str,
        /// The client.
        info: &'a ClientInfo,
    },
    /// The server ended the subscription of the receiving client.
    Unsubscribe {
        /// The channel's name.
        channel: &'a str,
        /// The reason, which also says whether the client subscribes again.
        code: UnsubscribeCode,
    },
    /// The server subscribed the receiving client. The publications of the result are not part of the push.
    Subscribe {
        /// The channel's name.
        channel: &'a str,
        /// The result of the subscription.
        result: &'a SubscribeResult,
    },
    /// A message to the receiving client only. This server does not send such messages.
    Message {
        /// The data of the message.
        data: &'a Payload,
    },
    /// The connection ends. A WebSocket has a close frame for this, so only emulated streams use this push.
    Disconnect(&'a CloseMessage),
    /// The server changed the lifetime of the connection's identity; `None` for no expiry.
    Refresh(Option<Lifetime>),
}

/// Why the server ended a subscription. The client subscribes again only if the code is 2500 or greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum UnsubscribeCode {
    /// The server ended the subscription permanently.
    Server = 2000,
    /// The server lost state of the channel, or the client may have missed publications.
    InsufficientState = 2500,
    /// The subscription's token expired.
    Expired = 2501,
    /// Permissions changed. The client subscribes again without its old position.
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

    /// The protocol's text for the code. It is plain ASCII that needs no escaping.
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
