//! The attempts to sign in to the account of the caller: `/api/v1/profile/attempts`.

use std::net::IpAddr;

use actix_web::{HttpResponse, web};
use domain::{
    abuse::attempt::AttemptOutcome, client::user_agent::Described, risk::Assessment, session::SignInMethod,
};
use protocol::id::{DeviceId, SessionId};
use serde::Serialize;
use serde_json::json;
use service::{Attempt, Services};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::http::{
    extractors::{authenticated::Authenticated, body::Query, page::Page, page_limit::page_limit},
    problem::Problem,
    views::place::PlaceView,
};

/// An attempt, as the owner of the account sees it.
#[derive(Serialize)]
struct AttemptView {
    id: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    method: SignInMethod,
    outcome: AttemptOutcome,
    device_id: Option<DeviceId>,
    session_id: Option<SessionId>,
    address: Option<IpAddr>,
    #[serde(flatten)]
    described: Described,
    place: Option<PlaceView>,
    risk: Option<Assessment>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            id: attempt.id,
            at: attempt.at,
            method: attempt.method,
            outcome: attempt.outcome,
            device_id: attempt.device,
            session_id: attempt.session,
            address: attempt.address,
            described: Described::of(attempt.user_agent.as_deref()),
            place: PlaceView::of(attempt.place.country.as_deref(), attempt.place.city.as_deref()),
            risk: attempt.risk,
        }
    }
}

/// `GET /api/v1/profile/attempts`: newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    query: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let Page { limit, cursor } = query.0;
    let limit = page_limit(limit)?;
    let page = services.sign_in.attempts.list(&auth.caller, limit, cursor.as_deref()).await?;
    let views: Vec<_> = page.attempts.into_iter().map(AttemptView::from).collect();
    Ok(HttpResponse::Ok().json(json!({"attempts": views, "next_cursor": page.next})))
}
