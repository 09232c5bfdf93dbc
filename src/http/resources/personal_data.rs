//! Everything that the server holds about the caller: `GET /api/v1/profile/export` and `DELETE /api/v1/profile`.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    cookies::Jar,
    extractors::{
        authenticated::{Authenticated, AuthenticatedMaybeBody},
        body::Shape,
        client::Client,
        reason::reason,
    },
    problem::Problem,
    views::{erasure::OwnErasureView, export::answer_with_export, revocation::RevocationView},
};

/// `GET /api/v1/profile/export`: everything that the tables hold about the caller. It needs a recent proof of presence.
pub(crate) async fn export(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let export = services.account.personal_data.export(&auth.caller, &client.0).await?;
    Ok(answer_with_export(export, auth.caller.user))
}

/// Why the caller leaves.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Departure {
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

impl Shape for Departure {
    const FIELDS: &'static str = "reason (optional)";
}

/// The requested erasure, and what the request has ended.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnRequestedErasure)]
pub(crate) struct OwnRequestedErasureView {
    erasure: OwnErasureView,
    revocation: RevocationView,
}

/// `DELETE /api/v1/profile`: requests the erasure of the caller's account. The account is deactivated, and all sessions end. It
/// needs a recent proof of presence.
pub(crate) async fn erase(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedMaybeBody<Departure>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let given = sent.body.and_then(|departure| departure.reason);
    let words = given.as_deref().map(reason).transpose()?.unwrap_or_default();
    let requested = services.account.personal_data.erase(&sent.caller, words, &client.0).await?;
    let mut answer = HttpResponse::build(StatusCode::ACCEPTED);
    for cookie in Jar::of(&request).clear_session() {
        answer.cookie(cookie);
    }
    Ok(answer.json(json!(OwnRequestedErasureView {
        erasure: OwnErasureView::of(&requested.erasure),
        revocation: RevocationView::of(&requested.revoked),
    })))
}
