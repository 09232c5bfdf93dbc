//! The door for those whom this server does not know itself: users of outside issuers, and whoever comes without a name.
//!
//! Each connection is a session of its own: its row is written first, then the connection is registered, then it is asked
//! whether it is denied, as `door` does it for our own. So it is listed, limited, blocked and revoked like any other.

use std::time::{Duration, Instant};

use actors::runtime::{AttachRequest, Bearer};
use logic::denials::TokenMark;
use logic::namespace::Party;
use protocol::{
    channel_name::ChannelName,
    close::{Cause, CloseReason},
    id::{ConnectionId, SessionId, Subject},
};
use secrecy::{ExposeSecret, SecretString};

use crate::socket::shared::{Admitted, Arriving, Door, refusal};
use domain::issuer::OutsideConnection;
use logic::client::{Identity, SubscriptionGrant, SubscriptionRefusal, VerifyRefusal};
use service::Refusal;

impl Door {
    /// Whether somebody else than this server has issued the token.
    pub(in crate::socket) fn is_outside(&self, token: &SecretString) -> bool {
        self.services.access.issuers.concerns(token.expose_secret())
    }

    /// Verifies an outside token and registers the connection with a session of its own.
    pub(in crate::socket) async fn admit_outside(
        &self,
        token: &SecretString,
        arriving: &Arriving<'_>,
    ) -> Result<Admitted, VerifyRefusal> {
        let verified_at = Instant::now();
        let granted =
            self.services.access.issuers.connection(token.expose_secret()).await.map_err(refusal)?;
        if granted.subject.is_anonymous() && !self.settings.dialogue.allow_anonymous {
            return Err(VerifyRefusal::Invalid);
        }
        self.register_outside(granted, verified_at, arriving).await
    }

    /// Registers a connection without a name with a session of its own, if such may come.
    pub(in crate::socket) async fn admit_anonymous(
        &self,
        arriving: &Arriving<'_>,
    ) -> Result<Admitted, VerifyRefusal> {
        if !self.settings.dialogue.allow_anonymous {
            return Err(VerifyRefusal::Invalid);
        }
        let nobody = OutsideConnection {
            issuer: "".into(),
            subject: Subject::anonymous(),
            token_id: None,
            issued_at: None,
            expires_at: None,
            info: None,
            meta: None,
            subscriptions: Vec::new(),
        };
        self.register_outside(nobody, Instant::now(), arriving).await
    }

    /// A newer outside token of a connection that is registered already: it must be the same user's, and the session, which
    /// is the connection's own, must live.
    pub(in crate::socket) async fn identify_outside(
        &self,
        token: &SecretString,
        who: &Identity,
        connection: ConnectionId,
    ) -> Result<Identity, VerifyRefusal> {
        let granted =
            self.services.access.issuers.connection(token.expose_secret()).await.map_err(refusal)?;
        if who.account.is_some() || granted.subject != who.subject {
            return Err(VerifyRefusal::Invalid);
        }
        let mark = mark(granted.token_id.as_deref(), granted.issued_at);
        self.not_denied(&granted.subject, &mark, None).await.map_err(refusal)?;
        if !self
            .services
            .server_api
            .external_sessions
            .prolong(who.session, &granted)
            .await
            .map_err(refusal)?
        {
            // By order, or because it was taken for dead: then the client may come back and begin another.
            let ended = self.realtime.tombstone(who.session).map(Cause::close_reason);
            return Err(VerifyRefusal::Revoked(ended.unwrap_or(CloseReason::InsufficientState)));
        }
        self.renew(who.session, connection, &granted.subject, &mark).await?;
        Ok(self.outside_identity(granted, who.session))
    }

    /// What a subscription's token grants this connection in this channel.
    pub(in crate::socket) async fn verify_subscription(
        &self,
        token: &SecretString,
        who: &Identity,
        client: ConnectionId,
        channel: &ChannelName,
    ) -> Result<SubscriptionGrant, SubscriptionRefusal> {
        let granted = self.services.access.issuers.subscription(token.expose_secret()).await;
        let granted = granted.map_err(subscription_refusal)?;
        let other_client = granted.client.as_ref().is_some_and(|only| *only != client.to_string());
        if granted.subject != who.subject || granted.channel != *channel || other_client {
            return Err(SubscriptionRefusal::Foreign);
        }
        let mark = mark(granted.token_id.as_deref(), granted.issued_at);
        self.not_denied(&granted.subject, &mark, Some(channel)).await.map_err(subscription_refusal)?;
        Ok(SubscriptionGrant {
            chan_info: granted.info,
            expires_in: self.left(granted.expires_at),
            overrides: granted.overrides,
            token: mark,
        })
    }

    async fn register_outside(
        &self,
        granted: OutsideConnection,
        verified_at: Instant,
        arriving: &Arriving<'_>,
    ) -> Result<Admitted, VerifyRefusal> {
        let Arriving { connection, outbox, address, transport } = *arriving;
        // Nobody's connections have nothing in common but their address, which is counted elsewhere.
        let counted = if granted.subject.is_anonymous() {
            Subject::new(&connection.to_string())
        } else {
            granted.subject.clone()
        };
        let permit = self.permits.take_user(counted).ok_or(VerifyRefusal::ConnectionLimit)?;
        let session = SessionId::random();
        let token = mark(granted.token_id.as_deref(), granted.issued_at);
        self.not_denied(&granted.subject, &token, None).await.map_err(refusal)?;
        let row =
            self.services.server_api.external_sessions.begin(session, &granted, connection, address).await;
        let row = row.map_err(refusal)?;
        let bearer =
            Bearer { subject: granted.subject.clone(), account: None, issuer: granted.issuer.clone(), token };
        let request = AttachRequest {
            session,
            connection,
            bearer,
            transport,
            outbox: outbox.clone(),
            address: Some(address),
            now_ms: self.now_ms(),
            verified_at,
        };
        let attachment = self.attach(&request).await?;
        self.tell_of_one_left_out(&granted);
        let identity = self.outside_identity(granted, session);
        let admitted = Admitted { identity, device: None, row: Some(row), attachment, permit };
        self.note("socket.opened", connection, address, &admitted.identity, None, None);
        Ok(admitted)
    }

    /// A connection goes on without a personal channel: better than not at all, but somebody should know.
    fn tell_of_one_left_out(&self, granted: &OutsideConnection) {
        if !self.settings.dialogue.namespaces.leaves_out(&granted.subject) {
            return;
        }
        let issuer = granted.issuer.to_string();
        tracing::warn!(
            issuer,
            "a user's name makes no name of a channel: the connection has no personal one"
        );
        metrics::counter!("connections_without_personal_channel_total", "issuer" => issuer).increment(1);
    }

    fn outside_identity(&self, granted: OutsideConnection, session: SessionId) -> Identity {
        Identity {
            party: if granted.subject.is_anonymous() { Party::Anonymous } else { Party::User },
            subject: granted.subject,
            account: None,
            session,
            token_expires_in: self.left(granted.expires_at),
            conn_info: granted.info,
            meta: granted.meta,
            subscriptions: granted.subscriptions.into(),
        }
    }

    async fn not_denied(
        &self,
        subject: &Subject,
        token: &TokenMark,
        channel: Option<&ChannelName>,
    ) -> Result<(), Refusal> {
        let now = self.services.clock.now();
        self.services
            .access
            .verifier
            .check_denials(subject, token, channel.map(ChannelName::as_str), now)
            .await
    }

    /// How long it is until that second.
    fn left(&self, expires_at: Option<i64>) -> Option<Duration> {
        let now_ms = self.now_ms();
        expires_at.map(|at| {
            let left = at.saturating_mul(1000).saturating_sub(now_ms);
            Duration::from_millis(u64::try_from(left).unwrap_or(0))
        })
    }
}

fn mark(id: Option<&str>, issued_at: Option<i64>) -> TokenMark {
    TokenMark { id: id.map(Into::into), issued_at_ms: issued_at.map(|at| at.saturating_mul(1000)) }
}

fn subscription_refusal(refused: Refusal) -> SubscriptionRefusal {
    match refused {
        Refusal::Expired => SubscriptionRefusal::Expired,
        Refusal::Unavailable => SubscriptionRefusal::Unavailable,
        _ => SubscriptionRefusal::Invalid,
    }
}
