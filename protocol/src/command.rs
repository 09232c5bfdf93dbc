//! The commands of clients. A codec decodes them, and the client state answers them.
//!
//! A command holds only the fields that the server uses. Decoding drops all other fields, as the protocol permits. Tokens
//! have a type that does not print.

use secrecy::SecretString;

use super::Payload;

/// One command, with the number that its reply repeats.
#[derive(Clone, Debug)]
pub struct Command {
    /// The number of the command. The client chooses it, from 1 upwards. It may be 0 only for [`CommandBody::Send`] and
    /// [`CommandBody::Pong`].
    pub id: u32,
    /// The method and its parameters.
    pub body: CommandBody,
}

/// The method of a command, with its parameters. Channel names are not checked yet.
#[derive(Clone, Debug)]
pub enum CommandBody {
    /// Authenticates the connection, unless the handshake has authenticated it, and makes its server-side subscriptions.
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
    /// Passes a newer token for the connection to the server.
    Refresh(RefreshRequest),
    /// Passes a newer token for a subscription to the server.
    SubRefresh(SubRefreshRequest),
    /// A ping of the client; not offered. Clients of version 2 of the protocol do not send it.
    Ping,
    /// The answer to the server's ping: an object or message without fields.
    Pong,
}

/// A position in a channel's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The number of a publication, from 1 upwards; 0 is the position before the first publication.
    pub offset: u64,
    /// The epoch of the offset; empty if the client does not know it.
    pub epoch: String,
}

/// `connect`.
#[derive(Clone, Debug, Default)]
pub struct ConnectRequest {
    /// The access token; `None` if it is absent or empty.
    pub token: Option<SecretString>,
    /// The name of the client's library, for lists of connections. At most 64 bytes of it are kept.
    pub name: String,
    /// The version of the application, for lists of connections. At most 64 bytes of it are kept.
    pub version: String,
    /// The channels of server-side subscriptions that the client wants to recover, each with the client's position.
    pub subs: Vec<(String, Position)>,
}

/// `subscribe`.
#[derive(Clone, Debug, Default)]
pub struct SubscribeRequest {
    /// The channel.
    pub channel: String,
    /// The token for this subscription; `None` if it is absent or empty.
    pub token: Option<SecretString>,
    /// The position from which the client wants to recover missed publications (`recover`).
    pub recover: Option<Position>,
    /// Whether the subscription must fail with error 112 if the missed publications cannot be recovered (the bit with the value
    /// 2 in `flag`). This has an effect only with `recover`.
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
    /// The data; `None` if the field is absent in JSON (`null` is data). In Protobuf, an absent field means empty data.
    pub data: Option<Payload>,
    /// The kind of publication: 0 is an ordinary publication; other kinds are not offered.
    pub kind: i32,
}

/// `history`.
#[derive(Clone, Debug, Default)]
pub struct HistoryRequest {
    /// The channel.
    pub channel: String,
    /// The largest number of publications in the answer. 0 requests only the position of the channel; a negative number
    /// requests all publications.
    pub limit: i32,
    /// The page begins after this position; in reverse order, before it. `None` means that the page begins at the oldest
    /// publication; in reverse order, at the newest.
    pub since: Option<Position>,
    /// Whether the newest publication comes first.
    pub reverse: bool,
}

/// `refresh`.
#[derive(Clone, Debug)]
pub struct RefreshRequest {
    /// The newer access token; `None` if it is absent or empty.
    pub token: Option<SecretString>,
}

/// `sub_refresh`.
#[derive(Clone, Debug)]
pub struct SubRefreshRequest {
    /// The channel.
    pub channel: String,
    /// The newer token; `None` if it is absent or empty.
    pub token: Option<SecretString>,
}

/// The value of `delta` that requests Fossil deltas.
pub(super) const FOSSIL: &str = "fossil";

/// The largest number of bytes that are kept of a name or version.
const CLIPPED_BYTES: usize = 64;

/// Whether the `flag` of a subscription requests error 112 instead of `recovered: false` (the bit with the value 2).
pub(super) fn must_recover(flag: i64) -> bool {
    flag & 1 << 1 != 0
}

/// Shortens a name or version. These texts are only shown in lists.
pub(super) fn clipped(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(CLIPPED_BYTES));
    text
}

/// Treats an empty token as absent.
pub(super) fn secret(token: Option<String>) -> Option<SecretString> {
    token.filter(|token| !token.is_empty()).map(SecretString::from)
}
