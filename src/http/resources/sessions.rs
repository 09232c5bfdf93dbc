//! The sessions of the caller: `/api/v1/sessions`.

use actix_web::{HttpRequest, HttpResponse, web};
use protocol::id::SessionId;
use serde::Serialize;
use serde_json::json;
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    cookies::Jar,
    extractors::{authenticated::Authenticated, body::Query, client::Client, page::Page, path_id::path_id},
    problem::Problem,
    views::{revocation::RevocationView, session::SessionView},
};

/// A page of sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionPage {
    next_cursor: Option<String>,
    sessions: Vec<SessionView>,
}

/// `GET /api/v1/sessions`: newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    query: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let page = services.account.sessions.list(&auth.caller, &query.0.read()?).await?;
    let sessions = page
        .entries
        .iter()
        .map(|listed| SessionView::of(&listed.session, listed.open_connections, auth.caller.session))
        .collect();
    Ok(HttpResponse::Ok().json(json!(SessionPage { next_cursor: page.next, sessions })))
}

/// `DELETE /api/v1/sessions/{sid}`: ends a session of the caller. 404 for a session of another user.
pub(crate) async fn end(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let session: SessionId = path_id(&request, "sid")?;
    let revoked = services.account.sessions.end(&auth.caller, session, &client.0).await?;
    let mut answer = HttpResponse::Ok();
    if session == auth.caller.session {
        for cookie in Jar::of(&request).clear_session() {
            answer.cookie(cookie);
        }
    }
    Ok(answer.json(RevocationView::of(&revoked)))
}

/// `DELETE /api/v1/sessions`: ends the other sessions of the caller.
pub(crate) async fn end_others(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let revoked = services.account.sessions.end_others(&auth.caller, &client.0).await?;
    Ok(HttpResponse::Ok().json(RevocationView::of(&revoked)))
}
