//! `POST /api/v1/ws/ticket`: a single-use ticket for one WebSocket handshake.

use actix_web::{HttpResponse, web};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    extractors::authenticated::Authenticated, problem::Problem, views::seconds_left::seconds_left,
};

/// A ticket.
#[derive(Serialize, ToSchema)]
#[schema(as = Ticket)]
pub(crate) struct TicketView<'a> {
    /// Seconds until the ticket expires.
    expires_in: i64,
    ticket: &'a str,
}

/// Issues a ticket for the caller's session.
pub(crate) async fn issue(
    services: web::Data<Services>,
    auth: Authenticated,
) -> Result<HttpResponse, Problem> {
    let ticket = services.access.tickets.issue(&auth.caller).await?;
    let expires_in = seconds_left(ticket.expires_at, services.clock.now());
    Ok(HttpResponse::Ok().json(TicketView { expires_in, ticket: ticket.ticket.expose_secret() }))
}
