//! Streams of Security Event Tokens, as their receivers manage them (OpenID SSF 1.0), and polling (RFC 8936).
//!
//! A receiver has a key of the server API with the scope `events`. The key sees only the streams that it has made. Admins change
//! all streams, with a recent step-up; operators and auditors see all streams, and so does the key in the settings. `events`
//! pushes the tokens to receivers that do not poll.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{
    events::{
        outgoing::{Content, Group, OutgoingEvent, SignalSubject},
        session_signals::{SignalKind, VERIFICATION},
    },
    tokens::{api_key::ApiScope, token_key::PublicTokenKey},
};
use protocol::audit::{AuditEvent, Outcome};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Map;
use store::{
    ActingSession, AddedReceiver, EventReceiver, ReceiverFilter, ReceiverKind, ReceiverStatus, SentToOne,
    Store,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    access::api_keys::ApiCaller,
    core::{
        Core,
        audit::AuditTrail,
        caller::Caller,
        clock::{Clock, millis},
        failure::Failure,
        keys::LiveKeys,
        request_meta::RequestMeta,
    },
    events::{
        Events,
        receiver_rules::{
            changed_meanwhile, checked_name, checked_url, described, no_room, no_such_receiver,
        },
        receiver_secrets::ReceiverSecrets,
        sender::{audience, security_event_token, transmitter},
        settings::EventSettings,
    },
    operators::{
        authority::{Authority, Mandate, Right},
        webhooks::shown_to,
    },
};

/// The most tokens in one answer to a poll.
pub const MOST_POLLED: u32 = 100;
/// How long a poll waits for an event.
const POLL_WAITS: Duration = Duration::from_secs(10);
/// How often a poll that waits looks for events.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The number of polls of a node that wait at the same time. Further polls are answered at once.
const WAITING_POLLS: usize = 64;
/// The longest `Authorization` of a receiver, in bytes.
const MOST_AUTHORIZATION: usize = 4_096;
/// The longest `state` of a verification, in bytes.
const MOST_STATE: usize = 1_024;

/// The caller of a request about streams.
#[derive(Clone, Debug)]
pub enum StreamCaller {
    /// A key of the server API.
    Key(ApiCaller),
    /// A signed-in operator.
    User(Box<Caller>, RequestMeta),
}

/// What a receiver says about its stream. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default)]
pub struct StreamFields {
    /// Where tokens are pushed to: the URL, and the value of `Authorization`. `Some(None)` for polling.
    pub push: Option<Option<(String, Option<SecretString>)>>,
    /// The types that the receiver wants. Types that this server does not have are left out.
    pub events: Option<Vec<String>>,
    /// The name.
    pub description: Option<String>,
}

/// What a poll says.
#[derive(Clone, Debug, Default)]
pub struct Poll {
    /// The most tokens that the receiver wants; `None` for [`MOST_POLLED`].
    pub limit: Option<u32>,
    /// Whether the answer must not wait for an event.
    pub at_once: bool,
    /// The events that the receiver has.
    pub acknowledged: Vec<Uuid>,
    /// The events that the receiver refuses, with the reason.
    pub refused: Vec<(Uuid, String)>,
}

/// The answer to a poll.
#[derive(Clone, Debug, Default)]
pub struct Polled {
    /// The tokens, by the ids of their events. They have different subjects, so their order does not matter.
    pub tokens: BTreeMap<Uuid, String>,
    /// Whether more events wait.
    pub more: bool,
}

/// The permission for a change: what its transaction checks, and its audit event.
struct Permit {
    mandate: Option<Mandate>,
    event: AuditEvent,
}

impl Permit {
    fn acting(&self) -> Option<ActingSession> {
        self.mandate.as_ref().map(|mandate| mandate.acting_session)
    }

    async fn failure(&self, error: store::StoreError) -> Failure {
        match &self.mandate {
            Some(mandate) => mandate.failure(error).await,
            None => error.into(),
        }
    }
}

/// Manages streams.
pub struct Streams {
    store: Store,
    clock: Clock,
    authority: Authority,
    audit: AuditTrail,
    keys: LiveKeys,
    secrets: ReceiverSecrets,
    settings: EventSettings,
    waiting_polls: Arc<Semaphore>,
}

impl Streams {
    pub(crate) fn new(core: &Core, events: &Events) -> Self {
        let Core { store, clock, audit, privilege, throttle, keys, .. } = core;
        Self {
            store: store.clone(),
            clock: clock.clone(),
            authority: Authority::new(audit.clone(), privilege.clone(), throttle.clone()),
            audit: audit.clone(),
            keys: keys.clone(),
            secrets: events.secrets.clone(),
            settings: events.settings,
            waiting_polls: Arc::new(Semaphore::new(WAITING_POLLS)),
        }
    }

    /// The issuer of the tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        transmitter(self.keys.live().access.issuer())
    }

    /// The audience of the tokens of a stream.
    #[must_use]
    pub fn audience(&self, stream: Uuid) -> String {
        audience(self.keys.live().access.issuer(), stream)
    }

    /// The public keys of the tokens.
    #[must_use]
    pub fn public_keys(&self) -> Vec<PublicTokenKey> {
        self.keys.live().events.published().to_vec()
    }

    /// Makes a stream.
    ///
    /// # Errors
    /// `Forbidden` for a caller that may not do this. `BadRequest` for a field. `Conflict` if there are too many receivers.
    /// `Unavailable`.
    pub async fn create(
        &self,
        caller: &StreamCaller,
        fields: StreamFields,
    ) -> Result<EventReceiver, Failure> {
        let permit = self.permit(caller, "event_receiver.created").await?;
        let (id, now) = (Uuid::new_v4(), self.clock.now());
        let blank = EventReceiver {
            id,
            kind: ReceiverKind::Poll,
            name: "Security events".to_owned(),
            url: None,
            events: supported(),
            status: ReceiverStatus::Enabled,
            status_reason: None,
            api_key: caller.key(),
            secret: None,
            previous: None,
            key_ends_at: None,
            backlog_full: false,
            created_at: now,
            updated_at: now,
        };
        let new = self.with(blank, fields)?;
        let event = described(permit.event.clone(), &new);
        match self.store.insert_receiver(new.clone(), permit.acting(), event).await {
            Ok(AddedReceiver::Yes) => Ok(new),
            Ok(refused) => Err(no_room(refused)),
            Err(error) => Err(permit.failure(error).await),
        }
    }

    /// The streams of the caller.
    ///
    /// # Errors
    /// `Forbidden`, `Unavailable`.
    pub async fn list(&self, caller: &StreamCaller) -> Result<Vec<EventReceiver>, Failure> {
        self.permit_read(caller).await?;
        let filter = ReceiverFilter { streams: Some(true), api_key: caller.key(), before: None, limit: 100 };
        let found = self.store.receivers(filter).await?;
        Ok(found.into_iter().map(|stream| caller.sees(stream)).collect())
    }

    /// One stream.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Unavailable`.
    pub async fn show(&self, caller: &StreamCaller, id: Uuid) -> Result<EventReceiver, Failure> {
        self.permit_read(caller).await?;
        Ok(caller.sees(self.stream(caller, id).await?))
    }

    /// Changes a stream.
    ///
    /// # Errors
    /// The errors of [`Self::create`]; `NotFound`, `Conflict` for a change at the same time.
    pub async fn change(
        &self,
        caller: &StreamCaller,
        id: Uuid,
        fields: StreamFields,
    ) -> Result<EventReceiver, Failure> {
        let permit = self.permit(caller, "event_receiver.changed").await?;
        let found = self.stream(caller, id).await?;
        let seen = found.updated_at;
        let changed = self.with(EventReceiver { updated_at: self.clock.now(), ..found }, fields)?;
        self.update(permit, changed, seen).await
    }

    /// Changes the status of a stream.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `BadRequest` for an unknown status, `Conflict`, `Unavailable`.
    pub async fn set_status(
        &self,
        caller: &StreamCaller,
        id: Uuid,
        status: &str,
        reason: Option<String>,
    ) -> Result<EventReceiver, Failure> {
        let permit = self.permit(caller, "event_receiver.changed").await?;
        let found = self.stream(caller, id).await?;
        let seen = found.updated_at;
        let unknown = || Failure::bad_request("invalid_status", "The status is enabled, paused or disabled.");
        let status = ReceiverStatus::of(status).ok_or_else(unknown)?;
        let short = |reason: &String| reason.chars().count() <= 250 && !reason.contains('\0');
        if !reason.as_ref().is_none_or(short) {
            return Err(Failure::bad_request("invalid_reason", "A reason has at most 250 characters."));
        }
        let changed = EventReceiver { status, status_reason: reason, updated_at: self.clock.now(), ..found };
        self.update(permit, changed, seen).await
    }

    /// Deletes a stream with its events.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `Unavailable`.
    pub async fn delete(&self, caller: &StreamCaller, id: Uuid) -> Result<(), Failure> {
        let permit = self.permit(caller, "event_receiver.deleted").await?;
        let found = self.stream(caller, id).await?;
        let event = described(permit.event.clone(), &found);
        match self.store.delete_receiver(id, self.clock.now(), permit.acting(), event).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(no_such_receiver()),
            Err(error) => Err(permit.failure(error).await),
        }
    }

    /// Sends a verification event over the stream, in the same way as every other event. At most one verification waits.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`, `BadRequest` for a state that is too long, `Conflict` for a disabled stream, or while a
    /// verification waits, `Unavailable`.
    pub async fn verify(
        &self,
        caller: &StreamCaller,
        id: Uuid,
        state: Option<String>,
    ) -> Result<(), Failure> {
        self.permit_read(caller).await?;
        self.stream(caller, id).await?;
        if state.as_ref().is_some_and(|state| state.len() > MOST_STATE) {
            return Err(Failure::bad_request("invalid_state", "The state has at most 1024 bytes."));
        }
        let mut claims = Map::new();
        if let Some(state) = state {
            claims.insert("state".to_owned(), state.into());
        }
        let verification = OutgoingEvent {
            id: Uuid::new_v4(),
            kind: VERIFICATION.to_owned(),
            group: Group::Receiver,
            subject: format!("receiver:{id}"),
            at_ms: millis(self.clock.now()),
            content: Content::SecurityEvent { about: SignalSubject::Stream(id), claims, transaction: None },
        };
        match self.store.insert_single_event(id, verification).await? {
            SentToOne::Yes => Ok(()),
            SentToOne::Disabled => Err(Failure::conflict("receiver_disabled", "The stream is disabled.")),
            SentToOne::Waits => {
                let detail = "A verification event waits for the receiver already.";
                Err(Failure::conflict("verification_waits", detail))
            }
        }
    }

    /// Settles the events that the poll names, and returns the next tokens.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound` also for a stream that does not poll, `Unavailable`.
    pub async fn poll(&self, caller: &StreamCaller, id: Uuid, poll: Poll) -> Result<Polled, Failure> {
        let StreamCaller::Key(_) = caller else {
            return Err(Failure::forbidden("api_key_required", "Only a key of the server API may poll."));
        };
        self.permit_read(caller).await?;
        let stream = self.stream(caller, id).await?;
        if stream.kind != ReceiverKind::Poll {
            return Err(no_such_receiver());
        }
        if !poll.acknowledged.is_empty() || !poll.refused.is_empty() {
            let now = self.clock.now();
            let (delivered, dead) =
                self.store.settle_polled(id, poll.acknowledged, poll.refused, now).await?;
            metrics::counter!("event_deliveries_total", "outcome" => "delivered").increment(delivered);
            metrics::counter!("event_deliveries_total", "outcome" => "dead").increment(dead);
        }
        let limit = poll.limit.unwrap_or(MOST_POLLED).min(MOST_POLLED);
        let place = self.waiting_polls.try_acquire();
        let until = self.clock.moment() + POLL_WAITS;
        loop {
            let polled = self.waiting(&stream, limit).await?;
            let waits = !poll.at_once && limit > 0 && polled.tokens.is_empty() && place.is_ok();
            if !waits || self.clock.moment() >= until {
                return Ok(polled);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn waiting(&self, stream: &EventReceiver, limit: u32) -> Result<Polled, Failure> {
        if stream.status != ReceiverStatus::Enabled {
            return Ok(Polled::default());
        }
        let (found, more) = self.store.waiting_deliveries(stream.id, limit).await?;
        let now = self.clock.now();
        let token = |event: &store::Claimed| {
            Some((event.event_id, security_event_token(&self.keys, stream, event, now)?))
        };
        Ok(Polled { tokens: found.iter().filter_map(token).collect(), more })
    }

    async fn update(
        &self,
        permit: Permit,
        changed: EventReceiver,
        seen: time::OffsetDateTime,
    ) -> Result<EventReceiver, Failure> {
        let event = described(permit.event.clone(), &changed);
        match self.store.update_receiver(changed.clone(), seen, permit.acting(), event).await {
            Ok(true) => Ok(changed),
            Ok(false) => Err(changed_meanwhile()),
            Err(error) => Err(permit.failure(error).await),
        }
    }

    fn with(&self, stream: EventReceiver, fields: StreamFields) -> Result<EventReceiver, Failure> {
        let mut changed = stream;
        match fields.push {
            None => {}
            Some(None) => (changed.kind, changed.url, changed.secret) = (ReceiverKind::Poll, None, None),
            Some(Some((url, authorization))) => {
                changed.kind = ReceiverKind::Push;
                changed.url = Some(checked_url(&url, self.settings)?);
                changed.secret = match authorization {
                    Some(authorization) => {
                        Some(self.secrets.seal(changed.id, &checked_authorization(authorization)?)?)
                    }
                    None => None,
                };
            }
        }
        if let Some(wanted) = fields.events {
            changed.events = supported();
            changed.events.retain(|kind| wanted.contains(kind));
        }
        if let Some(description) = fields.description {
            changed.name = checked_name(&description)?;
        }
        Ok(changed)
    }

    async fn stream(&self, caller: &StreamCaller, id: Uuid) -> Result<EventReceiver, Failure> {
        let found = self.store.receiver(id).await?.filter(|found| found.kind.is_stream());
        let own = |found: &EventReceiver| caller.key().is_none_or(|key| found.api_key == Some(key));
        found.filter(own).ok_or_else(no_such_receiver)
    }

    async fn permit(&self, caller: &StreamCaller, name: &str) -> Result<Permit, Failure> {
        match caller {
            StreamCaller::Key(key) => {
                require_scope(key)?;
                let event = self.audit.event(name, Outcome::Success, &key.meta);
                Ok(Permit { mandate: None, event: AuditEvent { api_key: key.key, ..event } })
            }
            StreamCaller::User(caller, meta) => {
                let event = self.authority.event(caller, name, meta);
                let mandate = self.authority.change(caller, Right::Administer, event).await?;
                Ok(Permit { event: mandate.event.clone(), mandate: Some(mandate) })
            }
        }
    }

    async fn permit_read(&self, caller: &StreamCaller) -> Result<(), Failure> {
        match caller {
            StreamCaller::Key(key) => require_scope(key),
            StreamCaller::User(caller, meta) => {
                let event = self.authority.event(caller, "event_receivers.listed", meta);
                self.authority.read(caller, Right::Read, event).await
            }
        }
    }
}

impl StreamCaller {
    /// The key in the database. The key in the settings and operators have none, and see all streams.
    fn key(&self) -> Option<Uuid> {
        match self {
            Self::Key(key) => key.key,
            Self::User(..) => None,
        }
    }

    /// What the caller may see of a stream.
    fn sees(&self, stream: EventReceiver) -> EventReceiver {
        match self {
            Self::Key(_) => stream,
            Self::User(caller, _) => shown_to(caller, stream),
        }
    }
}

/// The types of events that this server sends.
#[must_use]
pub fn supported() -> Vec<String> {
    SignalKind::ALL.iter().map(|kind| kind.uri().to_owned()).collect()
}

fn require_scope(key: &ApiCaller) -> Result<(), Failure> {
    if key.scopes.contains(ApiScope::Events) {
        return Ok(());
    }
    Err(Failure::forbidden("insufficient_scope", "The API key does not permit this."))
}

fn checked_authorization(value: SecretString) -> Result<SecretString, Failure> {
    let text = value.expose_secret();
    let fits =
        (1..=MOST_AUTHORIZATION).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b));
    if fits {
        return Ok(value);
    }
    let detail = "The authorization header has 1 to 4096 printable ASCII characters.";
    Err(Failure::bad_request("invalid_authorization", detail))
}
