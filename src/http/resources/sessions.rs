//! The user's own sessions: `/api/v1/sessions`.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use protocol::{
    close::Cause,
    id::{DeviceId, SessionId},
};
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::devices::{PlaceView, label};
use crate::http::{
    cookies::Jar,
    extractors::{authenticated::Authenticated, client::Client},
    problem::Problem,
};
use domain::{risk::Assessment, session::SignInMethod};
use service::{RevocationResult, Services, Session};

/// A session as its user, or an operator, sees it.
#[derive(Serialize)]
pub(crate) struct SessionView {
    id: SessionId,
    user_id: i64,
    device_id: DeviceId,
    method: SignInMethod,
    address: Option<IpAddr>,
    user_agent: Option<String>,
    device_label: String,
    place: Option<PlaceView>,
    risk: Option<Assessment>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last_seen_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    revoked_cause: Option<Cause>,
    current: bool,
    open_connections: usize,
}

impl SessionView {
    /// `session`, with the connections it holds open, as the caller of `current` sees it.
    pub(crate) fn of(session: &Session, open_connections: usize, current: SessionId) -> Self {
        Self {
            id: session.id,
            user_id: session.user.0,
            device_id: session.device,
            method: session.method,
            address: session.address,
            user_agent: session.user_agent.clone(),
            device_label: label(session.shown.label.as_deref(), session.user_agent.as_deref()),
            place: PlaceView::of(session.shown.country.as_deref(), session.shown.city.as_deref()),
            risk: session.risk.clone(),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            revoked_at: session.revoked.map(|revoked| revoked.at),
            revoked_cause: session.revoked.map(|revoked| revoked.cause),
            current: session.id == current,
            open_connections,
        }
    }
}

/// What a revocation did, in the words of every route that revokes.
pub(crate) fn revoked_view(revoked: &RevocationResult) -> Value {
    json!({
        "sessions": revoked.sessions,
        "sockets_closed": revoked.sockets_closed,
        "pending": revoked.pending,
        "revocation_id": revoked.id,
    })
}

/// `GET /api/v1/sessions`.
pub(crate) async fn list(services: web::Data<Services>, who: Authenticated) -> Result<HttpResponse, Problem> {
    let sessions = services.account.sessions.list(&who.caller).await?;
    let views: Vec<_> = sessions
        .iter()
        .map(|listed| SessionView::of(&listed.session, listed.open_connections, who.caller.session))
        .collect();
    Ok(HttpResponse::Ok().json(json!({"sessions": views})))
}

/// `DELETE /api/v1/sessions/{sid}`: ends one of one's own; another's is not found.
pub(crate) async fn end(
    request: HttpRequest,
    services: web::Data<Services>,
    who: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let session: SessionId =
        request.match_info().get("sid").and_then(|sid| sid.parse().ok()).ok_or_else(Problem::not_found)?;
    let revoked = services.account.sessions.end(&who.caller, session, &client.0).await?;
    let mut answer = HttpResponse::Ok();
    if session == who.caller.session {
        for cookie in Jar::of(&request).clear_session() {
            answer.cookie(cookie);
        }
    }
    Ok(answer.json(revoked_view(&revoked)))
}

/// `DELETE /api/v1/sessions`: ends all others.
pub(crate) async fn end_others(
    services: web::Data<Services>,
    who: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let revoked = services.account.sessions.end_others(&who.caller, &client.0).await?;
    Ok(HttpResponse::Ok().json(revoked_view(&revoked)))
}
