//! Registration of a connection with its session, so that a revocation of the session finds the connection.
//!
//! Called by `authenticate` for sessions of this server, and by `external_identity` for all other connections.

use std::net::IpAddr;

use actors::runtime::{AttachError, AttachRequest, Attachment, Outbox, Transport};
use logic::{
    client::{Identity, VerifyRefusal},
    denials::TokenMark,
};
use protocol::id::{ConnectionId, DeviceId, SessionId, Subject};
use service::{ExternalSessionGuard, Refusal};

use super::connection_limits::UserPermit;
use crate::socket::shared::SocketContext;

/// A registered connection, with the guards that keep it registered.
pub(crate) struct Admitted {
    pub(crate) identity: Identity,
    /// `None` for a connection with a token of an external issuer, and for an anonymous connection.
    pub(crate) device: Option<DeviceId>,
    /// The session row of an external or anonymous connection.
    pub(crate) row: Option<ExternalSessionGuard>,
    pub(crate) attachment: Attachment,
    pub(crate) permit: UserPermit,
}

/// A connection that is to be admitted.
#[derive(Clone, Copy)]
pub(crate) struct NewConnection<'a> {
    pub(crate) id: ConnectionId,
    pub(crate) outbox: &'a Outbox,
    pub(crate) address: IpAddr,
    pub(crate) transport: Transport,
}

/// Takes a place for a connection of this user. `counted` is the user that the connection counts for; for an anonymous
/// connection it is unique. If no place is free, the user's connections are pinged. Dead connections then close, and their
/// places are free at the client's next attempt.
pub(crate) async fn take_user_place(
    context: &SocketContext,
    user: &Subject,
    counted: Subject,
) -> Result<UserPermit, VerifyRefusal> {
    if let Some(permit) = context.permits.take_user(counted) {
        return Ok(permit);
    }
    context.realtime.probe(user).await;
    Err(VerifyRefusal::ConnectionLimit)
}

/// Attaches a connection to its session.
pub(crate) async fn attach(
    context: &SocketContext,
    request: &AttachRequest,
) -> Result<Attachment, VerifyRefusal> {
    context.realtime.attach(request).await.map_err(|error| attach_refusal(&error))
}

/// Records that the connection has presented a newer token. From now on a denial of that token ends the connection.
pub(crate) async fn renew(
    context: &SocketContext,
    session: SessionId,
    connection: ConnectionId,
    subject: &Subject,
    token: &TokenMark,
) -> Result<(), VerifyRefusal> {
    let renewed = context.realtime.renew(session, connection, subject, token, context.now_ms()).await;
    renewed.map_err(|error| attach_refusal(&error))
}

fn attach_refusal(error: &AttachError) -> VerifyRefusal {
    match error {
        AttachError::Closed(reason) => VerifyRefusal::Revoked(*reason),
        AttachError::Limit => VerifyRefusal::ConnectionLimit,
        AttachError::Unavailable => VerifyRefusal::Unavailable,
    }
}

/// Translates a refusal of the verifier into the terms of the client protocol.
pub(crate) fn verify_refusal(refusal: Refusal) -> VerifyRefusal {
    match refusal {
        Refusal::Expired => VerifyRefusal::Expired,
        Refusal::Ended(cause) => VerifyRefusal::Revoked(cause.close_reason()),
        Refusal::Denied(denied) => VerifyRefusal::Denied(denied),
        Refusal::Invalid(_) => VerifyRefusal::Invalid,
        Refusal::Forbidden(_) => VerifyRefusal::Forbidden,
        Refusal::Unavailable => VerifyRefusal::Unavailable,
    }
}
