//! The commands of clients. A codec decodes them, and the client state answers them.
//!
//! A command holds only the fields that the server uses. Decoding drops all other fields, as the protocol permits. Tokens
//! have a type that does not print.

use secrecy::SecretString;

use super::Payload;

/// One command, with the number that its reply repeats.
#[derive(Clone, Debug)]
pub struct Command {
    /// The client chooses it, from 1 upwards. It may be 0 only for [`CommandBody::Send`] and [`CommandBody::Pong`].
    pub id: u32,
    /// The method and its parameters.
    pub body: CommandBody,
}

/// The method of a command, with its parameters. Channel names are not checked yet.
#[derive(Clone, Debug)]
pub enum CommandBody {
    /// Authenticates the connection; the first command of a connection.
    Connect(ConnectRequest),
    /// Subscribes to a channel.
    Subscribe(Box<SubscribeRequest>),
    /// Ends the subscription to a channel.
    Unsubscribe {
        /// The channel.
        channel: String,
    },
    /// Publishes data to a channel.
    Publish(PublishRequest),
    /// Requests the list of subscribers.
    Presence {
        /// The channel.
        channel: String,
    },
    /// Requests the number of subscribers.
    PresenceStats {
        /// The channel.
        channel: String,
    },
    /// Requests publications of the history.
    History(HistoryRequest),
    /// Calls a procedure of the application; not offered.
    Rpc,
    /// Sends a message without a reply; not offered.
    Send,
    /// Brings a newer token for the connection.
    Refresh(RefreshRequest),
    /// Brings a newer token for a subscription.
    SubRefresh(SubRefreshRequest),
    /// A client-side ping; version 2 clients do not send it.
    Ping,
    /// The answer to the server's ping: the empty object.
    Pong,
}

/// A position in a channel's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The number of a publication, from 1 upwards; 0 is the position before the first.
    pub offset: u64,
    /// The epoch of the history, in which the offset counts; empty if the client does not know it.
    pub epoch: String,
}

/// `connect`.
#[derive(Clone, Debug, Default)]
pub struct ConnectRequest {
    /// The access token; `None` when absent or empty.
    pub token: Option<SecretString>,
    /// Name of the client's library, for lists of connections; at most 64 bytes, the rest is dropped.
    pub name: String,
    /// Version of the application, for lists of connections; at most 64 bytes, the rest is dropped.
    pub version: String,
    /// The client's positions in server-side subscriptions that it wants to recover.
    pub subs: Vec<(String, Position)>,
}

/// `subscribe`.
#[derive(Clone, Debug, Default)]
pub struct SubscribeRequest {
    /// The channel.
    pub channel: String,
    /// The subscription's own token; `None` when absent or empty.
    pub token: Option<SecretString>,
    /// The position from which the client wants to recover missed publications (`recover`).
    pub recover: Option<Position>,
    /// Whether the subscription must fail with error 112 if the missed publications cannot be recovered (bit 2 of `flag`).
    /// It has an effect only with `recover`.
    pub must_recover: bool,
    /// Whether the client requests a subscription with a position, so that gaps are detected.
    pub positioned: bool,
    /// Whether the client requests a subscription that it can recover later.
    pub recoverable: bool,
    /// Whether the client requests joins and leaves.
    pub join_leave: bool,
    /// Whether the client understands Fossil deltas.
    pub delta: bool,
    /// Whether the client requests only publications with certain tags (`tf`).
    pub tags_filter: bool,
    /// The kind of subscription: 0 is a stream of publications; other kinds are not offered.
    pub kind: i32,
}

/// `publish`.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// The channel.
    pub channel: String,
    /// The data; `None` when the field is absent in JSON (`null` is data). In Protobuf an absent field is empty data.
    pub data: Option<Payload>,
    /// The kind of publication: 0 is plain; other kinds are not offered.
    pub kind: i32,
}

/// `history`.
#[derive(Clone, Debug, Default)]
pub struct HistoryRequest {
    /// The channel.
    pub channel: String,
    /// The most publications. 0 requests only the position of the channel; a negative number requests all publications.
    pub limit: i32,
    /// The page begins after this position, or before it in reverse order. `None` is the beginning, or the end in reverse
    /// order.
    pub since: Option<Position>,
    /// Whether the newest comes first.
    pub reverse: bool,
}

/// `refresh`.
#[derive(Clone, Debug)]
pub struct RefreshRequest {
    /// The newer access token; `None` when absent or empty.
    pub token: Option<SecretString>,
}

/// `sub_refresh`.
#[derive(Clone, Debug)]
pub struct SubRefreshRequest {
    /// The channel.
    pub channel: String,
    /// The newer token; `None` when absent or empty.
    pub token: Option<SecretString>,
}

/// The value of `delta` with which a client requests Fossil deltas.
pub(super) const FOSSIL: &str = "fossil";

/// The most bytes of a name or version.
const CLIPPED: usize = 64;

/// Whether the `flag` of a subscription requests error 112 instead of `recovered: false` (bit 2).
pub(super) fn must_recover(flag: i64) -> bool {
    flag & 1 << 1 != 0
}

/// Shortens a text that is only shown in lists.
pub(super) fn clipped(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(CLIPPED));
    text
}

/// Treats an empty token as absent.
pub(super) fn secret(token: Option<String>) -> Option<SecretString> {
    token.filter(|token| !token.is_empty()).map(SecretString::from)
}
