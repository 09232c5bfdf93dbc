//! `/api/v1/admin/api-keys`: keys of the server API.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use domain::tokens::api_key::ApiScopes;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{ApiKey, Created, Services};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Reasoned;
use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
        idempotency::{IdempotentBody, created},
        page::Page,
        path_id::path_id,
        reason::reason,
    },
    problem::Problem,
    views::moment::moment,
};

/// A key without its secret and its hash.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct ApiKeyView<'k> {
    #[schema(value_type = OffsetDateTime)]
    created_at: Option<String>,
    /// Null if the key does not expire.
    #[schema(value_type = Option<OffsetDateTime>)]
    expires_at: Option<String>,
    id: Uuid,
    #[schema(value_type = Option<OffsetDateTime>)]
    last_used_at: Option<String>,
    name: &'k str,
    #[schema(value_type = Option<OffsetDateTime>)]
    revoked_at: Option<String>,
    scopes: Vec<&'static str>,
    #[schema(pattern = "^(valid|expired|revoked)$")]
    state: &'static str,
}

impl<'k> ApiKeyView<'k> {
    fn of(key: &'k ApiKey, now: OffsetDateTime) -> Self {
        let state = match (key.revoked_at, key.works(now)) {
            (Some(_), _) => "revoked",
            (None, true) => "valid",
            (None, false) => "expired",
        };
        Self {
            created_at: moment(key.created_at),
            expires_at: key.expires_at.and_then(moment),
            id: key.id,
            last_used_at: key.last_used_at.and_then(moment),
            name: &key.name,
            revoked_at: key.revoked_at.and_then(moment),
            scopes: key.scopes.words(),
            state,
        }
    }
}

/// A page of keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKeyPage<'k> {
    api_keys: Vec<ApiKeyView<'k>>,
    next_cursor: Option<&'k str>,
}

/// A new key with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedApiKey)]
pub(crate) struct CreatedKeyView<'k> {
    #[serde(flatten)]
    described: ApiKeyView<'k>,
    /// The key. It is in the first answer only; a repetition has null.
    #[schema(value_type = Option<String>)]
    key: &'k str,
}

/// `GET /api/v1/admin/api-keys`: newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let (page, now) = (query.0.read()?, services.clock.now());
    let page = services.operators.api_keys.list(&auth.caller, &page, &client.0).await?;
    let api_keys = page.entries.iter().map(|key| ApiKeyView::of(key, now)).collect();
    Ok(HttpResponse::Ok().json(json!(ApiKeyPage { api_keys, next_cursor: page.next.as_deref() })))
}

/// A key to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub(crate) struct NewKey {
    name: String,
    /// `publish`, `channels`, `history`, `connections`, `tokens`, `events`, or `*` for all.
    #[schema(min_items = 1)]
    scopes: Vec<String>,
    /// The end of the key, in the future. Without it, the key does not expire.
    #[serde(default, with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for NewKey {
    const FIELDS: &'static str = "name, scopes (publish, channels, history, connections, tokens, or * for all), expires_at (RFC 3339), reason";
}

/// `POST /api/v1/admin/api-keys`. Only this answer has the key. Under an `Idempotency-Key`, a repetition has `null` there.
pub(crate) async fn create(
    services: web::Data<Services>,
    sent: IdempotentBody<NewKey>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let NewKey { name, scopes, expires_at, reason: text } = sent.body;
    let reason = reason(&text)?;
    let parsed: Result<Vec<ApiScopes>, _> = scopes.iter().map(|word| word.parse()).collect();
    let scopes = ApiScopes::joined(parsed.map_err(|_| {
        let detail = "Scopes are publish, channels, history, connections, tokens, or * for all.";
        Problem::unprocessable("invalid_scopes", detail)
    })?);
    let (caller, meta, operators) = (sent.caller.clone(), client.0.clone(), Arc::clone(&services.operators));
    let now = services.clock.now();
    let work = async move {
        let made = operators.api_keys.create(&caller, &name, scopes, expires_at, &reason, &meta).await?;
        let described = ApiKeyView::of(&made.1, now);
        let body = json!(CreatedKeyView { described, key: made.0.expose_secret() });
        Ok(Created { status: 201, body, secrets: &["key"] })
    };
    let answer = services.operators.idempotency.once(&sent.caller, sent.key, &client.0, work).await?;
    Ok(created(&answer))
}

/// `POST /api/v1/admin/api-keys/{id}/revoke`.
pub(crate) async fn revoke(
    services: web::Data<Services>,
    request: HttpRequest,
    sent: AuthenticatedBody<Reasoned>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let key = path_id(&request, "key")?;
    let reason = reason(&sent.body.reason)?;
    services.operators.api_keys.revoke(&sent.caller, key, &reason, &client.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
