//! `/api/v1/admin/webhooks`: receivers of events, their deliveries, and dead letters that are sent again.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{Created, Services, WebhookFields};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
        idempotency::{IdempotentBody, created},
        page::{Page, page_request},
        path_id::path_id,
        reason::reason,
    },
    problem::Problem,
    views::event_receiver::{DeliveryView, ReceiverView},
};

/// A new webhook.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    url: String,
    /// Groups (`security`, `refusals`, `connections`, `channels`) and types of events.
    #[schema(min_items = 1, max_items = 100)]
    events: Vec<String>,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for NewWebhook {
    const FIELDS: &'static str = "name, url, events (a list of types and groups), reason";
}

/// What changes in a webhook.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookChange {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    url: Option<String>,
    /// Groups (`security`, `refusals`, `connections`, `channels`) and types of events.
    #[schema(min_items = 1, max_items = 100)]
    events: Option<Vec<String>>,
    #[schema(pattern = "^(enabled|paused|disabled)$")]
    status: Option<String>,
    /// Whether there is a new secret. Until a moment, deliveries are also signed with the old one.
    #[serde(default)]
    rotate_secret: bool,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for WebhookChange {
    const FIELDS: &'static str =
        "any of name, url, events, status (enabled, paused, disabled) and rotate_secret, and reason";
}

/// The reason of a deletion.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookDeletion)]
pub(crate) struct Deletion {
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for Deletion {
    const FIELDS: &'static str = "reason";
}

/// Which dead letters are sent again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookReplay)]
pub(crate) struct Replay {
    /// The ids of events; without it, the oldest 1000 dead letters.
    #[schema(max_items = 1000)]
    events: Option<Vec<Uuid>>,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for Replay {
    const FIELDS: &'static str = "events (a list of at most 1000 ids; without it, the oldest 1000), reason";
}

/// A page of deliveries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveriesQuery {
    #[param(pattern = "^(pending|delivered|dead)$")]
    state: Option<String>,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for DeliveriesQuery {
    const FIELDS: &'static str = "state (pending, delivered or dead), limit (1 to 200), cursor";
}

/// A webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookView<'s> {
    /// The secret of the signatures. Only the answer to the request that makes it has it; a repetition has null.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'s str>,
    webhook: ReceiverView,
}

/// A page of webhooks and streams.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookPage {
    next_cursor: Option<String>,
    webhooks: Vec<ReceiverView>,
}

/// The test event that is on its way.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookTest)]
pub(crate) struct TestView {
    event_id: Uuid,
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryPage {
    deliveries: Vec<DeliveryView>,
    next_cursor: Option<String>,
}

/// What is sent again.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookReplayed)]
pub(crate) struct ReplayedView {
    /// The number of dead letters.
    replayed: u64,
}

/// `POST /api/v1/admin/webhooks`. Only this answer has the secret.
pub(crate) async fn create(
    services: web::Data<Services>,
    sent: IdempotentBody<NewWebhook>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let NewWebhook { name, url, events, reason: given } = sent.body;
    let given = reason(&given)?;
    let fields =
        WebhookFields { name: Some(name), url: Some(url), events: Some(events), ..WebhookFields::default() };
    let (caller, meta, operators) = (sent.caller.clone(), client.0.clone(), Arc::clone(&services.operators));
    let work = async move {
        let (webhook, secret) = operators.webhooks.create(&caller, fields, &given, &meta).await?;
        let (secret, webhook) = (Some(secret.expose_secret()), ReceiverView::of(&webhook));
        let body = json!(WebhookView { secret, webhook });
        Ok(Created { status: 201, body, secrets: &["secret"] })
    };
    let work = Box::pin(work);
    let answer = services.operators.idempotency.once(&sent.caller, sent.key, &client.0, work).await?;
    Ok(created(&answer))
}

/// `GET /api/v1/admin/webhooks`: webhooks, and streams of security events, newest first.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let page = services.operators.webhooks.list(&auth.caller, &query.0.read()?, &client.0).await?;
    let webhooks = page.entries.iter().map(ReceiverView::of).collect();
    Ok(HttpResponse::Ok().json(json!(WebhookPage { next_cursor: page.next, webhooks })))
}

/// `GET /api/v1/admin/webhooks/{id}`.
pub(crate) async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "webhook")?;
    let found = services.operators.webhooks.show(&auth.caller, id, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(WebhookView { secret: None, webhook: ReceiverView::of(&found) })))
}

/// `PATCH /api/v1/admin/webhooks/{id}`. With `rotate_secret`, the answer has the new secret.
pub(crate) async fn change(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<WebhookChange>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "webhook")?;
    let WebhookChange { name, url, events, status, rotate_secret, reason: given } = sent.body;
    let given = reason(&given)?;
    let fields = WebhookFields { name, url, events, status, rotate_secret };
    let (webhook, secret) =
        services.operators.webhooks.change(&sent.caller, id, fields, &given, &client.0).await?;
    let secret = secret.as_ref().map(|secret| secret.expose_secret());
    Ok(HttpResponse::Ok().json(json!(WebhookView { secret, webhook: ReceiverView::of(&webhook) })))
}

/// `DELETE /api/v1/admin/webhooks/{id}`.
pub(crate) async fn delete(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<Deletion>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "webhook")?;
    let given = reason(&sent.body.reason)?;
    services.operators.webhooks.delete(&sent.caller, id, &given, &client.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /api/v1/admin/webhooks/{id}/test`: sends a test event.
pub(crate) async fn test(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "webhook")?;
    let event = services.operators.webhooks.test(&auth.caller, id, &client.0).await?;
    Ok(HttpResponse::Accepted().json(TestView { event_id: event }))
}

/// `GET /api/v1/admin/webhooks/{id}/deliveries`: newest first.
pub(crate) async fn deliveries(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<DeliveriesQuery>,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "webhook")?;
    let DeliveriesQuery { state, limit, cursor } = query.0;
    let (state, page) = (state.as_deref(), page_request(limit, cursor)?);
    let found = services.operators.webhooks.deliveries(&auth.caller, id, state, &page, &client.0).await?;
    let page = found.page.map(|delivery| DeliveryView::of(delivery, found.with_content));
    Ok(HttpResponse::Ok().json(json!(DeliveryPage { deliveries: page.entries, next_cursor: page.next })))
}

/// `POST /api/v1/admin/webhooks/{id}/replay`: sends dead letters again.
pub(crate) async fn replay(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<Replay>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "webhook")?;
    let Replay { events, reason: given } = sent.body;
    let given = reason(&given)?;
    let replayed = services.operators.webhooks.replay(&sent.caller, id, events, &given, &client.0).await?;
    Ok(HttpResponse::Ok().json(ReplayedView { replayed }))
}
