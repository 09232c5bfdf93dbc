//! Commands: what a client asks. A codec builds them, the connection's dialogue answers them.
//!
//! Only what the server acts on is kept; fields it does not know or does not offer are dropped while decoding, as the
//! protocol allows. Tokens never print.

use secrecy::SecretString;

use super::Payload;

/// One command with the number its reply will carry.
#[derive(Clone, Debug)]
pub struct Command {
    /// Chosen by the client, from 1 upwards; 0 only for [`CommandBody::Send`] and [`CommandBody::Pong`].
    pub id: u32,
    /// What is asked.
    pub body: CommandBody,
}

/// What a command asks. Channel names are unchecked.
#[derive(Clone, Debug)]
pub enum CommandBody {
    /// Names the connection's identity; the first command of a connection.
    Connect(ConnectRequest),
    /// Asks for a channel's publications.
    Subscribe(Box<SubscribeRequest>),
    /// Wants them no more.
    Unsubscribe {
        /// The channel.
        channel: String,
    },
    /// Sends data to a channel.
    Publish(PublishRequest),
    /// The subscribers.
    Presence {
        /// The channel.
        channel: String,
    },
    /// How many are subscribed.
    PresenceStats {
        /// The channel.
        channel: String,
    },
    /// What was published.
    History(HistoryRequest),
    /// A call to the application.
    Rpc,
    /// A message without a reply.
    Send,
    /// A newer token for the connection.
    Refresh(RefreshRequest),
    /// A newer token for a subscription.
    SubRefresh(SubRefreshRequest),
    /// A client-side ping; version 2 clients do not send it.
    Ping,
    /// The answer to the server's ping: the empty object.
    Pong,
}

/// A place in a channel's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The publication's number, from 1 upwards; 0 before the first.
    pub offset: u64,
    /// Which incarnation of the history the offset counts in; empty if the client does not know.
    pub epoch: String,
}

/// `connect`.
#[derive(Clone, Debug, Default)]
pub struct ConnectRequest {
    /// The access token; `None` when absent or empty.
    pub token: Option<SecretString>,
    /// Name of the client's library, for lists of connections; cut to 64 bytes.
    pub name: String,
    /// Version of the application, likewise.
    pub version: String,
    /// Where the client stands in channels that the server subscribes it to, if it wants to recover them.
    pub subs: Vec<(String, Position)>,
}

/// `subscribe`.
#[derive(Clone, Debug, Default)]
pub struct SubscribeRequest {
    /// The channel.
    pub channel: String,
    /// The subscription's own token; `None` when absent or empty.
    pub token: Option<SecretString>,
    /// What the client has, if it wants what it missed since (`recover`).
    pub recover: Option<Position>,
    /// Whether the client would rather have error 112 than a subscription that missed something (bit 2 of `flag`; matters
    /// only with `recover`).
    pub must_recover: bool,
    /// Whether the client asks to be told of holes.
    pub positioned: bool,
    /// Whether the client asks to be able to recover.
    pub recoverable: bool,
    /// Whether the client asks for joins and leaves.
    pub join_leave: bool,
    /// Whether the client understands Fossil deltas.
    pub delta: bool,
    /// Whether only publications with certain tags are wanted (`tf`).
    pub tags_filter: bool,
    /// The kind of subscription: 0 is a stream of publications, others are not offered.
    pub kind: i32,
}

/// `publish`.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// The channel.
    pub channel: String,
    /// The data; `None` when the field is absent in JSON (`null` is data). In Protobuf absent data is empty data.
    pub data: Option<Payload>,
    /// The kind of publication: 0 is plain, others are not offered.
    pub kind: i32,
}

/// `history`.
#[derive(Clone, Debug, Default)]
pub struct HistoryRequest {
    /// The channel.
    pub channel: String,
    /// How many publications at most; 0 for none, only the position; below 0 for all there are.
    pub limit: i32,
    /// From where (exclusive); `None` for the beginning, or for the end in reverse.
    pub since: Option<Position>,
    /// Newest first.
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

/// What a subscription that understands Fossil deltas asks for.
pub(super) const FOSSIL: &str = "fossil";

/// Bytes of a name or version that are kept.
const CLIPPED: usize = 64;

/// Whether error 112 is preferred over `recovered: false`: bit 2 of a subscription's `flag`.
pub(super) fn must_recover(flag: i64) -> bool {
    flag & 1 << 1 != 0
}

/// What is only shown need not be long.
pub(super) fn clipped(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(CLIPPED));
    text
}

/// An empty token is none.
pub(super) fn secret(token: Option<String>) -> Option<SecretString> {
    token.filter(|token| !token.is_empty()).map(SecretString::from)
}
