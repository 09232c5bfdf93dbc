//! Attaching a connection to its session: the request, the reasons for a refusal, and the guard that detaches it.

use std::{net::IpAddr, time::Instant};

use actix::Addr;
use protocol::{
    close::CloseReason,
    id::{ConnectionId, RevocationId, SessionId},
};

use super::{
    session::{Detach, Session},
    types::{ConnectionIdentity, Transport},
};
use crate::runtime::connection::outbox::Outbox;

/// A connection that is to be attached to its session.
pub struct AttachRequest {
    /// The session of the connection's verified credential.
    pub session: SessionId,
    /// The newest revocation of all sessions at the time when the session was opened. A later revocation of all sessions ends
    /// the session.
    pub revoked_all: RevocationId,
    /// The connection.
    pub connection: ConnectionId,
    /// The user of the connection, and the token. All connections of a session have the same user.
    pub identity: ConnectionIdentity,
    /// The transport of the connection.
    pub transport: Transport,
    /// The connection's outbox. It also serves to cut the connection.
    pub outbox: Outbox,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// Wall time, in milliseconds since the epoch.
    pub now_ms: i64,
    /// When the verification of the connection's credential began.
    pub verified_at: Instant,
}

/// Why a connection was not attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// The session has ended, its state has changed since the verification of the credential, the credential is denied, or the
    /// server stops.
    #[error("the session was closed: {}", .0.text())]
    Closed(CloseReason),
    /// The session has reached its limit of connections.
    #[error("too many connections")]
    Limit,
    /// The session's actor could not be reached.
    #[error("the session could not be reached")]
    Unavailable,
}

/// Keeps a connection attached. Dropping this value detaches the connection from its session.
pub struct Attachment {
    pub(crate) address: Addr<Session>,
    pub(crate) connection: ConnectionId,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // This message may exceed the mailbox's bound, but there is only one per connection.
        self.address.do_send(Detach(self.connection));
    }
}
