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

/// What a command asks.
#[derive(Clone, Debug)]
pub enum CommandBody {
    /// Names the connection's identity; the first command of a connection.
    Connect(ConnectRequest),
    /// Asks for a channel's publications.
    Subscribe(SubscribeRequest),
    /// Wants them no more.
    Unsubscribe {
        /// The channel's name, unchecked.
        channel: String,
    },
    /// Sends data to a channel.
    Publish(PublishRequest),
    /// Who is subscribed.
    Presence,
    /// How many are subscribed.
    PresenceStats,
    /// What was published.
    History,
    /// A call to the application.
    Rpc,
    /// A message without a reply.
    Send,
    /// A newer token for the connection.
    Refresh(RefreshRequest),
    /// A newer token for a subscription.
    SubRefresh,
    /// A client-side ping; version 2 clients do not send it.
    Ping,
    /// The answer to the server's ping: the empty object.
    Pong,
}

/// `connect`.
#[derive(Clone, Debug, Default)]
pub struct ConnectRequest {
    /// The access token; `None` when absent or empty.
    pub token: Option<SecretString>,
}

/// `subscribe`.
#[derive(Clone, Debug, Default)]
pub struct SubscribeRequest {
    /// The channel's name, unchecked.
    pub channel: String,
    /// Whether only publications with certain tags are wanted (`tf`).
    pub tags_filter: bool,
    /// The kind of subscription: 0 is a stream of publications, others are not offered.
    pub kind: i32,
    /// Whether the client would rather have error 112 than a subscription that missed something
    /// (`recover` together with bit 2 of `flag`).
    pub must_recover: bool,
}

/// `publish`.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// The channel's name, unchecked.
    pub channel: String,
    /// The data; `None` when the field is absent (`null` is data).
    pub data: Option<Payload>,
    /// The kind of publication: 0 is plain, others are not offered.
    pub kind: i32,
}

/// `refresh`.
#[derive(Clone, Debug)]
pub struct RefreshRequest {
    /// The newer access token; `None` when absent or empty.
    pub token: Option<SecretString>,
}
