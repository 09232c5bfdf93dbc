//! Webhooks, for operators: list, show, make, change, delete and test. Also the deliveries to every receiver, and dead letters that
//! are sent again.
//!
//! `events` sends the events. The rules of receivers are in `events::receiver_rules`, because streams have them, too.

use domain::events::{
    audit_mapping::{TEST_EVENT, webhook_types},
    destination::parse_destination,
    outgoing::{Content, Group, OutgoingEvent},
    webhook::{SECRET_BYTES, secret_text},
};
use secrecy::SecretString;
use serde_json::Map;
use store::{
    AddedReceiver, Delivery, DeliveryFilter, DeliveryState, EventReceiver, ReceiverFilter, ReceiverKind,
    ReceiverStatus, Store,
};
use uuid::Uuid;

use super::authority::{Authority, Mandate, Right};
use crate::{
    core::{
        Core,
        caller::Caller,
        clock::{Clock, millis},
        cursor::{cursor_after, invalid_cursor, read_cursor, read_id},
        failure::Failure,
        page::{Page, PageRequest},
        random::random_bytes,
        request_meta::RequestMeta,
    },
    events::{
        Events,
        receiver_rules::{
            changed_meanwhile, checked_name, checked_url, described, no_room, no_such_receiver,
        },
        receiver_secrets::ReceiverSecrets,
        settings::EventSettings,
    },
};

/// How long the previous secret signs after a rotation.
const ROTATION: time::Duration = time::Duration::days(1);
/// The most words in the list of events of a webhook.
const MOST_WORDS: usize = 100;
/// The most dead letters that one request sends again.
const REPLAYED_AT_ONCE: u32 = 1_000;

/// A new webhook, or what changes in one.
#[derive(Clone, Debug, Default)]
pub struct WebhookFields {
    /// The name.
    pub name: Option<String>,
    /// Where events are sent to.
    pub url: Option<String>,
    /// The types and groups of events.
    pub events: Option<Vec<String>>,
    /// Whether the webhook gets events.
    pub status: Option<String>,
    /// Whether the webhook gets a new secret.
    pub rotate_secret: bool,
}

/// A page of deliveries, newest first.
#[derive(Clone, Debug)]
pub struct DeliveryPage {
    /// The deliveries.
    pub page: Page<Delivery>,
    /// Whether the caller may see their contents, which have the details of the audit trail.
    pub with_content: bool,
}

/// Manages webhooks.
pub struct Webhooks {
    store: Store,
    clock: Clock,
    authority: Authority,
    secrets: ReceiverSecrets,
    settings: EventSettings,
}

impl Webhooks {
    pub(super) fn new(core: &Core, events: &Events, authority: Authority) -> Self {
        Self {
            store: core.store.clone(),
            clock: core.clock.clone(),
            authority,
            secrets: events.secrets.clone(),
            settings: events.settings,
        }
    }

    /// Makes a webhook. Only this answer has the secret.
    ///
    /// # Errors
    /// The errors of [`Authority::change`]; `BadRequest` for a field, `Conflict` if there are too many receivers.
    pub async fn create(
        &self,
        caller: &Caller,
        fields: WebhookFields,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<(EventReceiver, SecretString), Failure> {
        let id = Uuid::new_v4();
        let mandate = self.mandate(caller, "event_receiver.created", id, reason, meta).await?;
        let now = self.clock.now();
        let required = |field| Failure::bad_request("missing_field", field);
        if fields.name.is_none() || fields.url.is_none() || fields.events.is_none() {
            return mandate.conclude(Err(required("A webhook has a name, a URL and events."))).await;
        }
        let secret = secret_text(&random_bytes::<SECRET_BYTES>()?);
        let blank = EventReceiver {
            id,
            kind: ReceiverKind::Webhook,
            name: String::new(),
            url: None,
            events: Vec::new(),
            status: ReceiverStatus::Enabled,
            status_reason: None,
            api_key: None,
            secret: Some(self.secrets.seal(id, &secret)?),
            previous: None,
            key_ends_at: None,
            backlog_full: false,
            created_at: now,
            updated_at: now,
        };
        let new = mandate.conclude(self.with(blank, &fields)).await?;
        let event = described(mandate.event.clone(), &new);
        let acting = Some(mandate.acting_session);
        match self.store.insert_receiver(new.clone(), acting, event).await {
            Ok(AddedReceiver::Yes) => Ok((new, secret)),
            Ok(refused) => mandate.conclude(Err(no_room(refused))).await,
            Err(error) => Err(mandate.failure(error).await),
        }
    }

    /// Receivers of events, newest first: webhooks and streams.
    ///
    /// # Errors
    /// The errors of [`Authority::read`]; `BadRequest` for an invalid cursor.
    pub async fn list(
        &self,
        caller: &Caller,
        page: &PageRequest,
        meta: &RequestMeta,
    ) -> Result<Page<EventReceiver>, Failure> {
        let event = self.authority.event(caller, "event_receivers.listed", meta);
        self.authority.read(caller, Right::Read, event).await?;
        let (before, limit) = (page.after(read_cursor)?, page.one_more());
        let filter = ReceiverFilter { before, limit, ..ReceiverFilter::default() };
        let receivers =
            page.page(self.store.receivers(filter).await?, |last| cursor_after(last.created_at, last.id));
        Ok(receivers.map(|receiver| shown_to(caller, receiver)))
    }

    /// One receiver.
    ///
    /// # Errors
    /// The errors of [`Authority::read`]; `NotFound`.
    pub async fn show(
        &self,
        caller: &Caller,
        id: Uuid,
        meta: &RequestMeta,
    ) -> Result<EventReceiver, Failure> {
        self.permit_read(caller, id, meta).await?;
        let found = self.store.receiver(id).await?.ok_or_else(no_such_receiver)?;
        Ok(shown_to(caller, found))
    }

    /// Changes a webhook. Returns the new secret, if the webhook gets one. The previous secret signs for one more day.
    ///
    /// # Errors
    /// The errors of [`Authority::change`]; `NotFound`, `BadRequest` for a field, `Conflict` for a change at the same time.
    pub async fn change(
        &self,
        caller: &Caller,
        id: Uuid,
        fields: WebhookFields,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<(EventReceiver, Option<SecretString>), Failure> {
        let mandate = self.mandate(caller, "event_receiver.changed", id, reason, meta).await?;
        let found = mandate.conclude(self.webhook(id).await).await?;
        let (seen, now) = (found.updated_at, self.clock.now());
        let changed = self.with(EventReceiver { updated_at: now, ..found }, &fields);
        let mut changed = mandate.conclude(changed).await?;
        let mut new_secret = None;
        if fields.rotate_secret {
            let secret = secret_text(&random_bytes::<SECRET_BYTES>()?);
            let sealed = self.secrets.seal(id, &secret)?;
            changed.previous = changed.secret.replace(sealed).map(|previous| (previous, now + ROTATION));
            new_secret = Some(secret);
        }
        let event = described(mandate.event.clone(), &changed).with("new_secret", fields.rotate_secret);
        let acting = Some(mandate.acting_session);
        match self.store.update_receiver(changed.clone(), seen, acting, event).await {
            Ok(true) => Ok((changed, new_secret)),
            Ok(false) => mandate.conclude(Err(changed_meanwhile())).await,
            Err(error) => Err(mandate.failure(error).await),
        }
    }

    /// Deletes a receiver, with its events. A stream can be deleted here, too.
    ///
    /// # Errors
    /// The errors of [`Authority::change`]; `NotFound`.
    pub async fn delete(
        &self,
        caller: &Caller,
        id: Uuid,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        let mandate = self.mandate(caller, "event_receiver.deleted", id, reason, meta).await?;
        let acting = Some(mandate.acting_session);
        match self.store.delete_receiver(id, self.clock.now(), acting, mandate.event.clone()).await {
            Ok(true) => Ok(()),
            Ok(false) => mandate.conclude(Err(no_such_receiver())).await,
            Err(error) => Err(mandate.failure(error).await),
        }
    }

    /// Sends a test event to a webhook, in the same way as every other event. Returns the id of the event.
    ///
    /// # Errors
    /// The errors of [`Authority::change`]; `NotFound`, `Conflict` for a disabled webhook.
    pub async fn test(&self, caller: &Caller, id: Uuid, meta: &RequestMeta) -> Result<Uuid, Failure> {
        let event =
            self.authority.event(caller, "event_receiver.tested", meta).with("receiver", id.to_string());
        let mandate = self.authority.change(caller, Right::Administer, event).await?;
        mandate.conclude(self.webhook(id).await).await?;
        let event_id = Uuid::new_v4();
        let mut data = Map::new();
        data.insert("webhook".to_owned(), id.to_string().into());
        let test = OutgoingEvent {
            id: event_id,
            kind: TEST_EVENT.to_owned(),
            group: Group::Receiver,
            subject: format!("receiver:{id}"),
            at_ms: millis(self.clock.now()),
            content: Content::Webhook { data },
        };
        if self.store.insert_event_for(id, test, Some(mandate.event.clone())).await? {
            return Ok(event_id);
        }
        mandate.conclude(Err(Failure::conflict("receiver_disabled", "The webhook is disabled."))).await
    }

    /// The deliveries to a receiver, newest first. Only callers that may read the audit trail see the contents, and such a read
    /// is an audit event of its own.
    ///
    /// # Errors
    /// The errors of [`Authority::read`]; `NotFound`, `BadRequest` for an invalid cursor or state.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: Uuid,
        state: Option<&str>,
        page: &PageRequest,
        meta: &RequestMeta,
    ) -> Result<DeliveryPage, Failure> {
        let with_content = Right::ReadAudit.is_held_by(caller);
        if with_content {
            let event = self.authority.event(caller, "event_deliveries.read", meta);
            self.authority.read(caller, Right::ReadAudit, event.with("receiver", id.to_string())).await?;
        } else {
            self.permit_read(caller, id, meta).await?;
        }
        let state = state.map(|word| DeliveryState::of(word).ok_or_else(invalid_state)).transpose()?;
        let before: Option<i64> = page.after(read_id)?;
        if before.is_some_and(|seq| seq <= 0) {
            return Err(invalid_cursor());
        }
        self.store.receiver(id).await?.ok_or_else(no_such_receiver)?;
        let filter = DeliveryFilter { receiver: id, state, before, limit: page.one_more() };
        let deliveries = self.store.deliveries(filter).await?;
        Ok(DeliveryPage { page: page.page(deliveries, |last| last.seq.to_string()), with_content })
    }

    /// Sends dead letters again: these, or the oldest 1,000. Returns their number.
    ///
    /// # Errors
    /// The errors of [`Authority::change`]; `NotFound`.
    pub async fn replay(
        &self,
        caller: &Caller,
        id: Uuid,
        events: Option<Vec<Uuid>>,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<u64, Failure> {
        let mandate = self.mandate(caller, "event_deliveries.replayed", id, reason, meta).await?;
        mandate.conclude(self.store.receiver(id).await?.ok_or_else(no_such_receiver)).await?;
        let (now, acting) = (self.clock.now(), Some(mandate.acting_session));
        let event = mandate.event.clone();
        let replayed = self.store.replay_deliveries(id, events, REPLAYED_AT_ONCE, now, acting, event).await;
        match replayed {
            Ok(replayed) => Ok(replayed),
            Err(error) => Err(mandate.failure(error).await),
        }
    }

    async fn mandate(
        &self,
        caller: &Caller,
        name: &str,
        id: Uuid,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<Mandate, Failure> {
        let event = self.authority.event(caller, name, meta);
        let event = event.with("receiver", id.to_string()).with("reason", reason);
        self.authority.change(caller, Right::Administer, event).await
    }

    async fn permit_read(&self, caller: &Caller, id: Uuid, meta: &RequestMeta) -> Result<(), Failure> {
        let event = self.authority.event(caller, "event_receivers.listed", meta);
        self.authority.read(caller, Right::Read, event.with("receiver", id.to_string())).await
    }

    async fn webhook(&self, id: Uuid) -> Result<EventReceiver, Failure> {
        let found = self.store.receiver(id).await?;
        found.filter(|found| found.kind == ReceiverKind::Webhook).ok_or_else(no_such_receiver)
    }

    fn with(&self, receiver: EventReceiver, fields: &WebhookFields) -> Result<EventReceiver, Failure> {
        let mut changed = receiver;
        if let Some(name) = &fields.name {
            changed.name = checked_name(name)?;
        }
        if let Some(url) = &fields.url {
            changed.url = Some(checked_url(url, self.settings)?);
        }
        if let Some(events) = &fields.events {
            changed.events = checked_events(events)?;
        }
        if let Some(status) = &fields.status {
            changed.status = ReceiverStatus::of(status).ok_or_else(|| {
                Failure::bad_request("invalid_status", "The status is enabled, paused or disabled.")
            })?;
            changed.status_reason = None;
        }
        Ok(changed)
    }
}

/// The receiver as this caller may see it. The path and the query of its URL may contain a secret, so only admins see them.
pub(crate) fn shown_to(caller: &Caller, receiver: EventReceiver) -> EventReceiver {
    if Right::Administer.is_held_by(caller) {
        return receiver;
    }
    let origin = |url: &str| parse_destination(url, true).ok().map(|url| url.origin().ascii_serialization());
    EventReceiver { url: receiver.url.as_deref().and_then(origin), ..receiver }
}

fn checked_events(words: &[String]) -> Result<Vec<String>, Failure> {
    let known = |word: &String| {
        let is = |known: &str| known == word;
        Group::OF_WEBHOOKS.iter().any(|group| is(group.as_str())) || webhook_types().any(is)
    };
    let mut events = words.to_vec();
    events.sort_unstable();
    events.dedup();
    if events.is_empty() || events.len() > MOST_WORDS || !events.iter().all(known) {
        let detail =
            "The events are names of groups (security, refusals, connections, channels) or types of events.";
        return Err(Failure::bad_request("invalid_events", detail));
    }
    Ok(events)
}

fn invalid_state() -> Failure {
    Failure::bad_request("invalid_state", "The state is pending, delivered or dead.")
}
