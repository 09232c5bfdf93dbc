//! `POST /api/v1/ws/ticket`: a single-use ticket for one WebSocket handshake, and what the socket paths say to a request
//! that does not upgrade.

use actix_web::{HttpResponse, http::StatusCode, web};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::http::{
    extractors::authenticated::Authenticated, problem::Problem, views::token_response::seconds_left,
};
use service::Services;

/// Issues a ticket for the caller's session.
pub(crate) async fn issue(
    services: web::Data<Services>,
    who: Authenticated,
) -> Result<HttpResponse, Problem> {
    let ticket = services.access.tickets.issue(&who.caller).await?;
    let expires_in = seconds_left(ticket.expires_at, services.clock.now());
    Ok(HttpResponse::Ok().json(json!({"ticket": ticket.ticket.expose_secret(), "expires_in": expires_in})))
}

/// A socket path reached without an upgrade.
pub(crate) async fn upgrade_required() -> Result<HttpResponse, Problem> {
    Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "This path speaks WebSocket only."))
}
