//! The JSON views of a receiver of events and of a delivery.

use serde::Serialize;
use serde_json::Value;
use service::{Delivery, EventReceiver};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A receiver. Its secret is never shown.
#[derive(Serialize, ToSchema)]
#[schema(as = EventReceiver)]
pub(crate) struct ReceiverView {
    id: Uuid,
    /// `webhook`, or a stream of Security Event Tokens: `push` or `poll`.
    #[schema(pattern = "^(webhook|push|poll)$")]
    kind: &'static str,
    name: String,
    url: Option<String>,
    events: Vec<String>,
    #[schema(pattern = "^(enabled|paused|disabled)$")]
    status: &'static str,
    status_reason: Option<String>,
    api_key_id: Option<Uuid>,
    /// Whether so many events wait that new ones are dropped.
    backlog_full: bool,
    /// Until when deliveries are also signed with the secret before the last change.
    #[serde(with = "time::serde::rfc3339::option")]
    previous_secret_until: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

impl ReceiverView {
    pub(crate) fn of(receiver: &EventReceiver) -> Self {
        Self {
            id: receiver.id,
            kind: receiver.kind.as_str(),
            name: receiver.name.clone(),
            url: receiver.url.clone(),
            events: receiver.events.clone(),
            status: receiver.status.as_str(),
            status_reason: receiver.status_reason.clone(),
            api_key_id: receiver.api_key,
            backlog_full: receiver.backlog_full,
            previous_secret_until: receiver.previous.as_ref().map(|(_, until)| *until),
            created_at: receiver.created_at,
            updated_at: receiver.updated_at,
        }
    }
}

/// A delivery.
#[derive(Serialize, ToSchema)]
#[schema(as = EventDelivery)]
pub(crate) struct DeliveryView {
    event_id: Uuid,
    r#type: String,
    subject: String,
    #[schema(pattern = "^(pending|delivered|dead)$")]
    state: &'static str,
    attempts: u32,
    #[serde(with = "time::serde::rfc3339")]
    occurred_at: OffsetDateTime,
    /// When the next attempt is made.
    #[serde(with = "time::serde::rfc3339")]
    due_at: OffsetDateTime,
    /// Why the last attempt failed.
    failure: Option<String>,
    /// The status of the receiver's last answer.
    http_status: Option<i32>,
    #[serde(with = "time::serde::rfc3339::option")]
    settled_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Value>,
}

impl DeliveryView {
    /// The view, with the content only if the caller may see it.
    pub(crate) fn of(delivery: Delivery, with_content: bool) -> Self {
        Self {
            event_id: delivery.event_id,
            r#type: delivery.kind,
            subject: delivery.subject,
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            occurred_at: delivery.occurred_at,
            due_at: delivery.due_at,
            failure: delivery.failure,
            http_status: delivery.http_status,
            settled_at: delivery.settled_at,
            content: with_content.then_some(delivery.payload),
        }
    }
}
