//! The types that the files of this module share: the user of a connection, the selection of connections, and the results for
//! callers. They are plain values.

use std::{net::IpAddr, sync::Arc};

use logic::{denials::TokenMark, subscription::ConnectionDescription};
use protocol::{
    Encoding,
    close::CloseMessage,
    id::{ConnectionId, SessionId, Subject, UserId},
};

use crate::runtime::connection::{outbox::Outbox, request::ConnectionRequest};

/// The largest number of connections in a listing of one user. A listing needs a bound, because there may be very many
/// anonymous connections.
pub const CONNECTIONS_LISTED: usize = 10_000;

/// The transport of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    #[default]
    WebSocket,
    /// A streamed HTTP response; commands arrive in separate requests.
    HttpStream,
    /// Server-sent events; commands arrive in separate requests.
    Sse,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 3] = [Self::WebSocket, Self::HttpStream, Self::Sse];

    /// The name that the protocol uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::HttpStream => "http_stream",
            Self::Sse => "sse",
        }
    }
}

/// The user of a connection, and the token that proved the identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionIdentity {
    /// The user's name in realtime; empty for an anonymous connection.
    pub subject: Subject,
    /// The user's account, if it is an account of this server.
    pub account: Option<UserId>,
    /// The issuer of the token; empty if this server issued it, or if there is no token.
    pub issuer: Arc<str>,
    /// The latest token of the connection.
    pub token: TokenMark,
}

/// Selects connections of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSelection {
    /// The user; the empty subject selects anonymous connections.
    pub subject: Subject,
    /// If set, only this connection is selected.
    pub connection: Option<ConnectionId>,
    /// If set, only connections of this session are selected.
    pub session: Option<SessionId>,
    /// These connections are not selected.
    pub except: Vec<ConnectionId>,
}

impl ConnectionSelection {
    /// Every connection of a user.
    #[must_use]
    pub fn of(subject: Subject) -> Self {
        Self { subject, connection: None, session: None, except: Vec::new() }
    }

    /// Whether this connection is selected, if its user and its session are selected.
    pub(crate) fn includes(&self, connection: ConnectionId) -> bool {
        self.connection.is_none_or(|only| only == connection) && !self.except.contains(&connection)
    }
}

/// How many connections carried out a request. A connection that ended before it answered is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Connections that have carried out the request.
    pub done: usize,
    /// Connections that received the request and had not answered when the wait ended.
    pub pending: usize,
}

/// The properties of one connection that an operator or the owner of the session sees.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// The connection.
    pub connection: ConnectionId,
    /// The session of the connection.
    pub session: SessionId,
    /// The user of the connection, and the token.
    pub identity: ConnectionIdentity,
    /// The transport of the connection.
    pub transport: Transport,
    /// The encoding of the connection's frames.
    pub encoding: Encoding,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// When the connection was attached to its session, in milliseconds since the epoch.
    pub attached_at_ms: i64,
    /// The number of bytes that wait in the outbox of the connection.
    pub queued_bytes: usize,
}

/// A connection in a listing.
#[derive(Clone, Debug)]
pub struct ListedConnection {
    /// What the session actor knows of the connection.
    pub info: ConnectionInfo,
    /// The connection's own description, if it answered in time.
    pub described: Option<ConnectionDescription>,
}

/// Decides for each connection whether to disconnect it, and the close message.
pub(crate) type DisconnectRule =
    Arc<dyn Fn(ConnectionId, &ConnectionIdentity) -> Option<CloseMessage> + Send + Sync>;
/// Decides for each connection whether it receives a request, and which.
pub(crate) type RequestRule = Arc<dyn Fn(ConnectionId, &Outbox) -> Option<ConnectionRequest> + Send + Sync>;
