//! `/api/v1/admin/users/{id}/export`, `/api/v1/admin/users/{id}/erasure` and `/api/v1/admin/erasures`.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use protocol::id::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::Services;
use utoipa::{IntoParams, ToSchema};

use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
        page::page_request,
        path_id::path_id,
        reason::reason,
    },
    problem::Problem,
    views::{erasure::ErasureView, export::answer_with_export, revocation::RevocationView},
};

/// The reason of an export, in the query.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// Why, for the audit log.
    #[param(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for ExportQuery {
    const FIELDS: &'static str = "reason (1 to 500 characters)";
}

/// `GET /api/v1/admin/users/{id}/export`: everything that the tables hold about a user.
pub(crate) async fn export(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let (user, reason) = (path_id::<UserId>(&request, "id")?, reason(&query.0.reason)?);
    let export = services.operators.erasures.export(&auth.caller, user, reason, &client.0).await?;
    Ok(answer_with_export(export, user))
}

/// The reason of a change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErasureChange {
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for ErasureChange {
    const FIELDS: &'static str = "reason (1 to 500 characters)";
}

/// The requested erasure, and what the request has ended.
#[derive(Serialize, ToSchema)]
#[schema(as = RequestedErasure)]
pub(crate) struct RequestedErasureView<'e> {
    erasure: ErasureView<'e>,
    revocation: RevocationView,
}

/// A page of requests and records of erasures.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErasurePage<'e> {
    erasures: Vec<ErasureView<'e>>,
    next_cursor: Option<&'e str>,
}

/// `POST /api/v1/admin/users/{id}/erasure`: requests the erasure of a user's account.
pub(crate) async fn request(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<ErasureChange>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (user, reason) = (path_id::<UserId>(&request, "id")?, reason(&sent.body.reason)?);
    let requested = services.operators.erasures.request(&sent.caller, user, reason, &client.0).await?;
    Ok(HttpResponse::build(StatusCode::ACCEPTED).json(json!(RequestedErasureView {
        erasure: ErasureView::of(&requested.erasure),
        revocation: RevocationView::of(&requested.revoked),
    })))
}

/// `DELETE /api/v1/admin/users/{id}/erasure`: cancels a request that has not begun.
pub(crate) async fn cancel(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<ErasureChange>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (user, reason) = (path_id::<UserId>(&request, "id")?, reason(&sent.body.reason)?);
    services.operators.erasures.cancel(&sent.caller, user, reason, &client.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The filter and the page of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErasuresQuery {
    #[param(pattern = "^(pending|erasing|erased)$")]
    state: Option<String>,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for ErasuresQuery {
    const FIELDS: &'static str = "state (pending, erasing or erased), limit (1 to 200), cursor";
}

/// `GET /api/v1/admin/erasures`: requests and records of erasures, newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<ErasuresQuery>,
) -> Result<HttpResponse, Problem> {
    let ErasuresQuery { state, limit, cursor } = query.0;
    let state = state
        .map(|state| state.parse())
        .transpose()
        .map_err(|_| Problem::unprocessable("invalid_state", "The state is pending, erasing or erased."))?;
    let page = page_request(limit, cursor)?;
    let page = services.operators.erasures.list(&auth.caller, state, &page, &client.0).await?;
    let erasures = page.entries.iter().map(ErasureView::of).collect();
    Ok(HttpResponse::Ok().json(json!(ErasurePage { erasures, next_cursor: page.next.as_deref() })))
}
