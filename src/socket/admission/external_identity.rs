//! Authentication of users that are not accounts of this server: users of external issuers, and anonymous connections.
//!
//! Each such connection has a session of its own, so it can be listed, limited, blocked and revoked like any other. Denials are
//! checked before the session row is written, and again after the connection is registered. So a denial in between is not
//! missed.

use std::time::{Duration, Instant};

use actors::runtime::{AttachRequest, ConnectionIdentity};
use domain::issuer::OutsideConnection;
use logic::{
    client::{Identity, SubscriptionGrant, SubscriptionRefusal, VerifyRefusal},
    denials::TokenMark,
    namespace::Party,
};
use protocol::{
    channel_name::ChannelName,
    close::{Cause, CloseReason},
    id::{ConnectionId, SessionId, Subject},
};
use secrecy::{ExposeSecret, SecretString};
use service::Refusal;

use super::register::{Admitted, NewConnection, attach, renew, take_user_place, verify_refusal};
use crate::socket::shared::SocketContext;

/// Whether the token must be verified as one of an external issuer: there are external issuers, and the token names another
/// issuer than this server.
pub(crate) fn is_external(context: &SocketContext, token: &SecretString) -> bool {
    context.services.access.issuers.concerns(token.expose_secret())
}

/// Verifies a token of an external issuer and registers the connection with a session of its own.
pub(crate) async fn admit_token(
    context: &SocketContext,
    token: &SecretString,
    connection: &NewConnection<'_>,
) -> Result<Admitted, VerifyRefusal> {
    let verified_at = Instant::now();
    let verified = context.services.access.issuers.connection(token.expose_secret()).await;
    let granted = verified.map_err(verify_refusal)?;
    if granted.subject.is_anonymous() && !context.live().client.allow_anonymous {
        return Err(VerifyRefusal::Invalid);
    }
    register(context, granted, verified_at, connection).await
}

/// Registers an anonymous connection with a session of its own, if anonymous connections are allowed.
pub(crate) async fn admit_anonymous(
    context: &SocketContext,
    connection: &NewConnection<'_>,
) -> Result<Admitted, VerifyRefusal> {
    if !context.live().client.allow_anonymous {
        return Err(VerifyRefusal::Invalid);
    }
    let anonymous = OutsideConnection {
        issuer: "".into(),
        subject: Subject::anonymous(),
        token_id: None,
        issued_at: None,
        expires_at: None,
        info: None,
        meta: None,
        subscriptions: Vec::new(),
    };
    register(context, anonymous, Instant::now(), connection).await
}

/// Verifies a newer token of a registered connection. The token must be for the same user, and the connection's session must
/// not have ended.
pub(crate) async fn refresh(
    context: &SocketContext,
    token: &SecretString,
    identity: &Identity,
    connection: ConnectionId,
) -> Result<Identity, VerifyRefusal> {
    let verified = context.services.access.issuers.connection(token.expose_secret()).await;
    let granted = verified.map_err(verify_refusal)?;
    if identity.account.is_some() || granted.subject != identity.subject {
        return Err(VerifyRefusal::Invalid);
    }
    let mark = token_mark(granted.token_id.as_deref(), granted.issued_at);
    check_denials(context, &granted.subject, &mark, None).await.map_err(verify_refusal)?;
    let prolonged = context.services.server_api.external_sessions.prolong(identity.session, &granted).await;
    if !prolonged.map_err(verify_refusal)? {
        // The session has ended. If this node knows no cause, another node probably ended the session for lack of a heartbeat
        // from this node. Then the client may reconnect.
        let ended = context.realtime.tombstone(identity.session).map(Cause::close_reason);
        return Err(VerifyRefusal::Revoked(ended.unwrap_or(CloseReason::InsufficientState)));
    }
    renew(context, identity.session, connection, &granted.subject, &mark).await?;
    Ok(identity_of(context, granted, identity.session))
}

/// Verifies a subscription token for this connection and channel.
pub(crate) async fn verify_subscription(
    context: &SocketContext,
    token: &SecretString,
    identity: &Identity,
    client: ConnectionId,
    channel: &ChannelName,
) -> Result<SubscriptionGrant, SubscriptionRefusal> {
    let granted = context.services.access.issuers.subscription(token.expose_secret()).await;
    let granted = granted.map_err(subscription_refusal)?;
    let other_client = granted.client.as_ref().is_some_and(|only| *only != client.to_string());
    if granted.subject != identity.subject || granted.channel != *channel || other_client {
        return Err(SubscriptionRefusal::Foreign);
    }
    let mark = token_mark(granted.token_id.as_deref(), granted.issued_at);
    check_denials(context, &granted.subject, &mark, Some(channel)).await.map_err(subscription_refusal)?;
    Ok(SubscriptionGrant {
        chan_info: granted.info,
        expires_in: remaining(context, granted.expires_at),
        overrides: granted.overrides,
        token: mark,
    })
}

async fn register(
    context: &SocketContext,
    granted: OutsideConnection,
    verified_at: Instant,
    connection: &NewConnection<'_>,
) -> Result<Admitted, VerifyRefusal> {
    let NewConnection { id, outbox, address, transport } = *connection;
    // Anonymous connections have no limit per user: each connection counts as a user of its own. The limit per address applies.
    let counted =
        if granted.subject.is_anonymous() { Subject::new(&id.to_string()) } else { granted.subject.clone() };
    let permit = take_user_place(context, &granted.subject, counted).await?;
    let session = SessionId::random();
    let token = token_mark(granted.token_id.as_deref(), granted.issued_at);
    check_denials(context, &granted.subject, &token, None).await.map_err(verify_refusal)?;
    let row = context.services.server_api.external_sessions.begin(session, &granted, id, address).await;
    let (row, revoked_all) = row.map_err(verify_refusal)?;
    let identity = ConnectionIdentity {
        subject: granted.subject.clone(),
        account: None,
        issuer: granted.issuer.clone(),
        token,
    };
    let request = AttachRequest {
        session,
        revoked_all,
        connection: id,
        identity,
        transport,
        outbox: outbox.clone(),
        address: Some(address),
        now_ms: context.now_ms(),
        verified_at,
    };
    let attachment = attach(context, &request).await?;
    report_missing_personal_channel(context, &granted);
    let identity = identity_of(context, granted, session);
    let admitted = Admitted { identity, device: None, row: Some(row), attachment, permit };
    context.audit("socket.opened", id, address, &admitted.identity, None, None);
    Ok(admitted)
}

/// Logs and counts a connection without a personal channel: the user's name does not give a valid channel name. The connection
/// continues without that channel.
fn report_missing_personal_channel(context: &SocketContext, granted: &OutsideConnection) {
    if !context.live().client.namespaces.leaves_out(&granted.subject) {
        return;
    }
    let issuer = granted.issuer.to_string();
    tracing::warn!(
        issuer,
        "the user's name is not a valid channel name; the connection has no personal channel"
    );
    metrics::counter!("connections_without_personal_channel_total", "issuer" => issuer).increment(1);
}

fn identity_of(context: &SocketContext, granted: OutsideConnection, session: SessionId) -> Identity {
    Identity {
        party: if granted.subject.is_anonymous() { Party::Anonymous } else { Party::User },
        subject: granted.subject,
        account: None,
        session,
        token_expires_in: remaining(context, granted.expires_at),
        conn_info: granted.info,
        meta: granted.meta,
        subscriptions: granted.subscriptions.into(),
    }
}

/// Checks that neither the user nor the token is denied.
async fn check_denials(
    context: &SocketContext,
    subject: &Subject,
    token: &TokenMark,
    channel: Option<&ChannelName>,
) -> Result<(), Refusal> {
    let now = context.services.clock.now();
    context
        .services
        .access
        .verifier
        .check_denials(subject, token, channel.map(ChannelName::as_str), now)
        .await
}

/// Time until `expires_at`, which is in seconds since the epoch. Zero if that moment has passed.
fn remaining(context: &SocketContext, expires_at: Option<i64>) -> Option<Duration> {
    let now_ms = context.now_ms();
    expires_at.map(|at| {
        let left = at.saturating_mul(1000).saturating_sub(now_ms);
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    })
}

fn token_mark(id: Option<&str>, issued_at: Option<i64>) -> TokenMark {
    TokenMark { id: id.map(Into::into), issued_at_ms: issued_at.map(|at| at.saturating_mul(1000)) }
}

fn subscription_refusal(refused: Refusal) -> SubscriptionRefusal {
    match refused {
        Refusal::Expired => SubscriptionRefusal::Expired,
        Refusal::Unavailable => SubscriptionRefusal::Unavailable,
        _ => SubscriptionRefusal::Invalid,
    }
}
