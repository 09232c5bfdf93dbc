//! Authentication of a connection: verifies a token or ticket, and registers the connection with its session.
//!
//! Called by `admit` at the handshake, and by the driver for a token that comes with `connect` or `refresh`. Tokens of external
//! issuers and anonymous connections are passed to `external_identity`.

use std::time::{Duration, Instant};

use actors::runtime::{AttachRequest, ConnectionIdentity};
use logic::client::{Identity, VerifyRefusal};
use protocol::id::{ConnectionId, Subject};
use secrecy::{ExposeSecret, SecretString};
use service::{Caller, party_of};

use super::{
    external_identity,
    register::{Admitted, NewConnection, attach, renew, take_user_place, verify_refusal},
};
use crate::socket::shared::SocketContext;

/// Verifies the token and registers the connection with its session. Without a token the connection is anonymous.
///
/// The order matters for revocations: first the registration, then the check for revocations, and then the first delivery. The
/// calling code begins the delivery.
pub(crate) async fn admit_token(
    context: &SocketContext,
    token: Option<&SecretString>,
    connection: &NewConnection<'_>,
) -> Result<Admitted, VerifyRefusal> {
    let Some(token) = token else { return external_identity::admit_anonymous(context, connection).await };
    if external_identity::is_external(context, token) {
        return external_identity::admit_token(context, token, connection).await;
    }
    let verified_at = Instant::now();
    let caller = verify(context, token).await?;
    register(context, &caller, verified_at, connection).await
}

/// Redeems the ticket, which can be used once, and registers the connection with its session.
pub(crate) async fn admit_ticket(
    context: &SocketContext,
    ticket: &SecretString,
    connection: &NewConnection<'_>,
) -> Result<Admitted, VerifyRefusal> {
    let verified_at = Instant::now();
    let verified = context.services.access.verifier.verify_ticket(ticket.expose_secret()).await;
    let caller = verified.map_err(verify_refusal)?;
    register(context, &caller, verified_at, connection).await
}

/// Verifies a newer token of a registered connection. The connection now expires when this token expires.
pub(crate) async fn refresh(
    context: &SocketContext,
    token: &SecretString,
    identity: &Identity,
    connection: ConnectionId,
) -> Result<Identity, VerifyRefusal> {
    if external_identity::is_external(context, token) {
        return external_identity::refresh(context, token, identity, connection).await;
    }
    let caller = verify(context, token).await?;
    renew(context, caller.session, connection, &caller.user.into(), &caller.token).await?;
    Ok(identity_of(context, &caller))
}

async fn verify(context: &SocketContext, token: &SecretString) -> Result<Caller, VerifyRefusal> {
    context.services.access.verifier.verify(token.expose_secret()).await.map_err(verify_refusal)
}

/// Registers the connection of a verified caller. `verified_at` is when the verification began.
async fn register(
    context: &SocketContext,
    caller: &Caller,
    verified_at: Instant,
    connection: &NewConnection<'_>,
) -> Result<Admitted, VerifyRefusal> {
    let NewConnection { id, outbox, address, transport } = *connection;
    let user: Subject = caller.user.into();
    let permit = take_user_place(context, &user, user.clone()).await?;
    let request = AttachRequest {
        session: caller.session,
        revoked_all: caller.revoked_all,
        connection: id,
        identity: ConnectionIdentity {
            subject: user,
            account: Some(caller.user),
            issuer: "".into(),
            token: caller.token.clone(),
        },
        transport,
        outbox: outbox.clone(),
        address: Some(address),
        now_ms: context.now_ms(),
        verified_at,
    };
    let attachment = attach(context, &request).await?;
    let (identity, device) = (identity_of(context, caller), Some(caller.device));
    let admitted = Admitted { identity, device, row: None, attachment, permit };
    context.audit("socket.opened", id, address, &admitted.identity, admitted.device, None);
    Ok(admitted)
}

fn identity_of(context: &SocketContext, caller: &Caller) -> Identity {
    let left = caller.token_expires_at - context.services.clock.now();
    Identity {
        subject: caller.user.into(),
        account: Some(caller.user),
        party: party_of(caller.role),
        session: caller.session,
        token_expires_in: Some(Duration::try_from(left).unwrap_or(Duration::ZERO)),
        conn_info: None,
        meta: None,
        subscriptions: Box::default(),
    }
}
