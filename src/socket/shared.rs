//! What every handshake and every connection of this node shares.
//!
//! Also the two steps that both take: asking the one verifier who a token belongs to, and registering the connection with
//! its session. Made once by the composition root.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use actors::{
    Realtime,
    runtime::{AttachError, AttachRequest, Attachment, Bearer, Outbox, Transport},
};
use dashmap::DashMap;
use ipnet::IpNet;
use logic::denials::TokenMark;
use logic::namespace::Party;
use protocol::{
    audit::{AuditEvent, Outcome},
    close::{CloseReason, Goodbye},
    id::{ConnectionId, DeviceId, SessionId, Subject},
};
use secrecy::{ExposeSecret, SecretString};

use super::{SocketSettings, emulation::Streams};
use crate::socket::admission::{
    connection_limits::{Permits, UserPermit},
    publish_limit::Publications,
};
use domain::{account::role::Role, client::origin::Origins};
use logic::client::{Identity, VerifyRefusal};
use service::{Caller, ExternalSessionGuard, Refusal, Services};

/// The shared half of every connection.
pub struct Door {
    pub(in crate::socket) services: Services,
    pub(in crate::socket) realtime: Realtime,
    pub(in crate::socket) permits: Arc<Permits>,
    pub(in crate::socket) publications: Publications,
    pub(in crate::socket) settings: SocketSettings,
    pub(in crate::socket) origins: Origins,
    pub(in crate::socket) trusted_proxies: Vec<IpNet>,
    pub(in crate::socket) streams: Streams,
    /// Connections that belong to no session yet: a stop must reach them, too.
    lobby: DashMap<ConnectionId, Outbox>,
}

/// Who speaks, with what keeps the connection registered.
pub(in crate::socket) struct Admitted {
    pub(in crate::socket) identity: Identity,
    /// None for a connection that an outside issuer, or nobody, vouches for.
    pub(in crate::socket) device: Option<DeviceId>,
    /// The row of such a connection's session.
    pub(in crate::socket) row: Option<ExternalSessionGuard>,
    pub(in crate::socket) attachment: Attachment,
    pub(in crate::socket) permit: UserPermit,
}

/// A connection that wants to be let in.
#[derive(Clone, Copy)]
pub(in crate::socket) struct Arriving<'a> {
    pub(in crate::socket) connection: ConnectionId,
    pub(in crate::socket) outbox: &'a Outbox,
    pub(in crate::socket) address: IpAddr,
    pub(in crate::socket) transport: Transport,
}

impl Door {
    /// The door to these services.
    #[must_use]
    pub fn new(
        services: Services,
        realtime: Realtime,
        settings: SocketSettings,
        origins: Origins,
        trusted_proxies: Vec<IpNet>,
    ) -> Arc<Self> {
        let permits = Arc::new(Permits::new(settings.limits));
        Arc::new(Self {
            publications: Publications::new(services.throttle.limits().publication_user),
            streams: Streams::new(Arc::clone(&services.server_api.emulated_streams)),
            services,
            realtime,
            permits,
            settings,
            origins,
            trusted_proxies,
            lobby: DashMap::new(),
        })
    }

    /// Sockets open now.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.permits.open()
    }

    /// Closes every connection that belongs to no session yet.
    pub fn close_lobby(&self) {
        for waiting in &self.lobby {
            waiting.close(CloseReason::Shutdown);
        }
    }

    /// Lets a connection wait without a session.
    pub(in crate::socket) fn enter_lobby(&self, connection: ConnectionId, outbox: Outbox) {
        self.lobby.insert(connection, outbox);
    }

    /// It has a session now, or is gone.
    pub(in crate::socket) fn leave_lobby(&self, connection: ConnectionId) {
        self.lobby.remove(&connection);
    }

    /// Whether this node can be sure that it has heard of every revocation.
    pub(in crate::socket) fn accepting(&self) -> bool {
        self.services.revocation.is_current()
    }

    /// Who this token belongs to.
    pub(in crate::socket) async fn verify(&self, token: &SecretString) -> Result<Caller, VerifyRefusal> {
        self.services.access.verifier.verify(token.expose_secret()).await.map_err(refusal)
    }

    /// Who this ticket was made for; it is used up.
    pub(in crate::socket) async fn redeem(&self, ticket: &SecretString) -> Result<Caller, VerifyRefusal> {
        self.services.access.verifier.verify_ticket(ticket.expose_secret()).await.map_err(refusal)
    }

    /// Who a newer token of a connection that is registered already belongs to. From here on it stands and falls with it.
    pub(in crate::socket) async fn identify(
        &self,
        token: &SecretString,
        who: &Identity,
        connection: ConnectionId,
    ) -> Result<Identity, VerifyRefusal> {
        if self.is_outside(token) {
            return self.identify_outside(token, who, connection).await;
        }
        let caller = self.verify(token).await?;
        self.renew(caller.session, connection, &caller.user.into(), &caller.token).await?;
        Ok(self.identity(&caller))
    }

    /// Verifies the token and registers the connection with its session: registration first, then the check against
    /// revocations, then, by the caller, delivery. Without a token: somebody who comes without a name.
    pub(in crate::socket) async fn admit(
        &self,
        token: Option<&SecretString>,
        arriving: &Arriving<'_>,
    ) -> Result<Admitted, VerifyRefusal> {
        let Some(token) = token else { return self.admit_anonymous(arriving).await };
        if self.is_outside(token) {
            return self.admit_outside(token, arriving).await;
        }
        let verified_at = Instant::now();
        let caller = self.verify(token).await?;
        self.register(&caller, verified_at, arriving).await
    }

    /// Registers a verified caller's connection. `verified_at` is when verifying began.
    pub(in crate::socket) async fn register(
        &self,
        caller: &Caller,
        verified_at: Instant,
        arriving: &Arriving<'_>,
    ) -> Result<Admitted, VerifyRefusal> {
        let Arriving { connection, outbox, address, transport } = *arriving;
        let permit = self.permits.take_user(caller.user.into()).ok_or(VerifyRefusal::ConnectionLimit)?;
        let request = AttachRequest {
            session: caller.session,
            connection,
            bearer: Bearer {
                subject: caller.user.into(),
                account: Some(caller.user),
                issuer: "".into(),
                token: caller.token.clone(),
            },
            transport,
            outbox: outbox.clone(),
            address: Some(address),
            now_ms: self.now_ms(),
            verified_at,
        };
        let attachment = self.attach(&request).await?;
        let (identity, device) = (self.identity(caller), Some(caller.device));
        let admitted = Admitted { identity, device, row: None, attachment, permit };
        self.note("socket.opened", connection, address, &admitted.identity, admitted.device, None);
        Ok(admitted)
    }

    pub(in crate::socket) async fn attach(
        &self,
        request: &AttachRequest,
    ) -> Result<Attachment, VerifyRefusal> {
        self.realtime.attach(request).await.map_err(|error| attach_refusal(&error))
    }

    /// The connection has shown a newer token: what denies that one ends the connection from here on.
    pub(in crate::socket) async fn renew(
        &self,
        session: SessionId,
        connection: ConnectionId,
        subject: &Subject,
        token: &TokenMark,
    ) -> Result<(), VerifyRefusal> {
        let renewed = self.realtime.renew(session, connection, subject, token, self.now_ms()).await;
        renewed.map_err(|error| attach_refusal(&error))
    }

    /// Writes down that a socket opened or closed.
    pub(in crate::socket) fn note(
        &self,
        event: &str,
        connection: ConnectionId,
        address: IpAddr,
        who: &Identity,
        device: Option<DeviceId>,
        reason: Option<&Goodbye>,
    ) {
        let mut event = AuditEvent::new(event, Outcome::Success, self.now_ms());
        event.actor = who.account;
        event.user = who.account;
        event.session = Some(who.session);
        event.device = device;
        event.connection = Some(connection);
        event.address = Some(address);
        if let Some(reason) = reason {
            event = event.with("code", reason.code()).with("reason", reason.text().to_owned());
        }
        if who.account.is_none() {
            event.subject = Some(who.subject.to_string());
        }
        self.realtime.note(event);
    }

    fn identity(&self, caller: &Caller) -> Identity {
        let left = caller.token_expires_at - self.services.clock.now();
        Identity {
            subject: caller.user.into(),
            account: Some(caller.user),
            party: match caller.role {
                Role::User => Party::User,
                Role::Operator => Party::Operator,
                Role::Admin => Party::Admin,
            },
            session: caller.session,
            token_expires_in: Some(Duration::try_from(left).unwrap_or(Duration::ZERO)),
            conn_info: None,
            meta: None,
            subscriptions: Box::default(),
        }
    }

    /// What the calendar's clock shows, in seconds since the epoch.
    pub(in crate::socket) fn unix_seconds(&self) -> i64 {
        self.services.clock.now().unix_timestamp()
    }

    pub(in crate::socket) fn now_ms(&self) -> i64 {
        let millis = self.services.clock.now().unix_timestamp_nanos() / 1_000_000;
        i64::try_from(millis).unwrap_or(i64::MAX)
    }
}

fn attach_refusal(error: &AttachError) -> VerifyRefusal {
    match error {
        AttachError::Closed(reason) => VerifyRefusal::Revoked(*reason),
        AttachError::Limit => VerifyRefusal::ConnectionLimit,
        AttachError::Unavailable => VerifyRefusal::Unavailable,
    }
}

pub(in crate::socket) fn refusal(refusal: Refusal) -> VerifyRefusal {
    match refusal {
        Refusal::Expired => VerifyRefusal::Expired,
        Refusal::Ended(cause) => VerifyRefusal::Revoked(cause.close_reason()),
        Refusal::Denied(denied) => VerifyRefusal::Denied(denied),
        Refusal::Invalid(_) => VerifyRefusal::Invalid,
        Refusal::Forbidden(_) => VerifyRefusal::Forbidden,
        Refusal::Unavailable => VerifyRefusal::Unavailable,
    }
}
