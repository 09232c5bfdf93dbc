//! Replies and pushes: what the server says. The connection's dialogue answers, channel shards push, a codec encodes.

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
    /// The subscribers.
    Presence(Vec<Arc<ClientInfo>>),
    /// How many are subscribed.
    PresenceStats(PresenceStats),
    /// What was published.
    History(HistoryResult),
    /// `refresh` succeeded; `None` if the identity does not expire.
    Refresh(Option<Lifetime>),
    /// `sub_refresh` succeeded; `None` if the subscription does not expire.
    SubRefresh(Option<Lifetime>),
    /// The command is refused.
    Error(ErrorCode),
}

/// How long the identity of a connection, or a subscription, holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Seconds until the token expires, at least 1; the client then fetches a new one and sends `refresh` or `sub_refresh`.
    pub ttl: u32,
}

/// The result of `connect`.
#[derive(Clone, Debug)]
pub struct ConnectResult {
    /// The connection's id.
    pub client: ConnectionId,
    /// The server's name and version.
    pub version: String,
    /// When the client must refresh; `None` for never.
    pub lifetime: Option<Lifetime>,
    /// Seconds between the server's pings, which the client answers each with a pong; `None` for no pings.
    pub ping: Option<u32>,
    /// What the server subscribed the client to.
    pub subs: Vec<(String, SubscribeResult)>,
    /// Over an emulated transport: by what the client's further commands are known to be its own.
    pub emulation: Option<Emulation>,
}

/// What a client of an emulated transport (`http_stream`, SSE) sends along with its commands.
#[derive(Clone, Debug)]
pub struct Emulation {
    /// A bearer secret.
    pub session: SecretString,
    /// Which node holds the stream.
    pub node: String,
}

/// The result of `subscribe`. Live publications follow; what came before them is in it, without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscribeResult {
    /// When the client must refresh the subscription; `None` for never.
    pub lifetime: Option<Lifetime>,
    /// Where the subscription begins: the position of the last publication before those in `publications`; `None` in
    /// channels without history.
    pub position: Option<Position>,
    /// Whether the client may recover from here later.
    pub recoverable: bool,
    /// Whether the server watches for holes.
    pub positioned: bool,
    /// Whether the client asked to recover.
    pub was_recovering: bool,
    /// Whether it could: `publications` are then all that it missed.
    pub recovered: bool,
    /// What the client missed, oldest first.
    pub publications: Vec<Arc<Publication>>,
    /// Whether deltas are sent: then the data of every publication, these included, is encoded as [`DataForm::Whole`] or
    /// [`DataForm::Delta`].
    pub delta: bool,
    /// What the server gave along.
    pub data: Option<Payload>,
}

/// The result of `presence_stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PresenceStats {
    /// Connections.
    pub clients: u32,
    /// Different users among them; all without a name count as one.
    pub users: u32,
}

/// The result of `history`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryResult {
    /// In the order that was asked for.
    pub publications: Vec<Arc<Publication>>,
    /// The newest position, whether or not it is among them.
    pub position: Position,
}

/// The client that published, joined or left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The user.
    pub user: Subject,
    /// The connection.
    pub client: ConnectionId,
    /// What the connection's token says of it.
    pub conn_info: Option<Payload>,
    /// What the subscription's token says of it.
    pub chan_info: Option<Payload>,
}

/// One message in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// What was published.
    pub data: Payload,
    /// The client that published it; absent when the server did.
    pub info: Option<Arc<ClientInfo>>,
    /// Its position in the channel's history; 0 where there is none.
    pub offset: u64,
    /// Names and values that the server gave along.
    pub tags: Vec<(String, String)>,
    /// When it was accepted, in milliseconds since the epoch; 0 if that is not told.
    pub time_ms: i64,
}

/// The tag of a publication whose data the JSON protocol carries in base64.
const BASE64_TAG: (&str, &str) = ("encoding", "base64");

impl Publication {
    /// The tags as the JSON protocol carries them. Where the data is not JSON, a tag says that it is in base64, instead of a
    /// tag of the publisher with this name.
    pub fn json_tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let encoded = (!self.data.is_json()).then_some(BASE64_TAG);
        let own = self.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        own.filter(move |(name, _)| encoded.is_none_or(|(tag, _)| *name != tag)).chain(encoded)
    }
}

/// How the data of a publication is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataForm<'a> {
    /// As it is: a JSON value in JSON (for bytes that are not JSON, a string of their base64), its bytes in Protobuf.
    Plain,
    /// All of it, for a subscription with deltas: a JSON string that holds its JSON text in JSON, its bytes in Protobuf.
    Whole,
    /// This Fossil delta to the publication before, in the same dress and marked `delta`. On JSON it must be UTF-8.
    Delta(&'a [u8]),
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
        /// How its data is written.
        form: DataForm<'a>,
    },
    /// A client subscribed.
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
    /// The server ended the client's subscription.
    Unsubscribe {
        /// The channel's name.
        channel: &'a str,
        /// Why, and so whether the client subscribes again.
        code: UnsubscribeCode,
    },
    /// The server subscribed the client. What the result holds of publications is not part of the push.
    Subscribe {
        /// The channel's name.
        channel: &'a str,
        /// What the subscription is.
        result: &'a SubscribeResult,
    },
    /// A message to this one client.
    Message {
        /// What it says.
        data: &'a Payload,
    },
    /// The connection ends; on a WebSocket the close frame says it instead.
    Disconnect(&'a CloseMessage),
    /// The identity's lifetime changed without the client's doing; `None` for no end.
    Refresh(Option<Lifetime>),
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
