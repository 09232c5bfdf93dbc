//! Operators: `/api/v1/admin`. Sees and revokes other users' sessions.
//!
//! Who may act on whom, and that it takes a recent proof of presence, is the services' rule; here is the shape of the
//! requests and answers.

use actix_web::{HttpResponse, http::StatusCode, web};
use portcullis_actors::id::{DeviceId, SessionId, UserId};
use serde::Deserialize;
use serde_json::json;

use super::{
    body::{Query, Shape},
    caller::{Authenticated, AuthenticatedBody},
    client::Client,
    problem::Problem,
    sessions::{SessionView, revoked_view},
};
use crate::service::{Services, SessionFilter, Target};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;
const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

/// What is to be revoked: exactly one of the four, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    session: Option<SessionId>,
    device: Option<DeviceId>,
    user: Option<UserId>,
    all: Option<bool>,
    reason: String,
}

impl Shape for Order {
    const FIELDS: &'static str = "one of session, device, user or all (true), and reason";
}

impl Order {
    /// The one target, and the reason without surrounding space.
    fn read(self) -> Result<(Target, String), Problem> {
        let one = || {
            Problem::unprocessable("one_target_required", "Name exactly one of session, device, user or all.")
        };
        if self.all == Some(false) {
            return Err(one());
        }
        let named = [
            self.session.map(Target::Session),
            self.device.map(Target::Device),
            self.user.map(Target::User),
            self.all.map(|_| Target::All),
        ];
        let mut targets = named.into_iter().flatten();
        let (Some(target), None) = (targets.next(), targets.next()) else {
            return Err(one());
        };
        let reason = self.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > MAX_REASON {
            return Err(Problem::unprocessable("reason_required", "Give a reason of 1 to 500 characters."));
        }
        Ok((target, reason))
    }
}

/// `POST /api/v1/admin/revocations`. 202 while some sockets are still to be closed.
pub(super) async fn revoke(
    services: web::Data<Services>,
    sent: AuthenticatedBody<Order>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (target, reason) = sent.body.read()?;
    let revoked = services.revoke_as_operator(&sent.caller, target, reason, &client.0).await?;
    let status = if revoked.pending > 0 { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(HttpResponse::build(status).json(revoked_view(&revoked)))
}

/// Which sessions to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    user: Option<UserId>,
    device: Option<DeviceId>,
    active: Option<bool>,
    limit: Option<u32>,
    cursor: Option<String>,
}

impl Shape for Filter {
    const FIELDS: &'static str = "user, device, active (true or false), limit (1 to 200), cursor";
}

/// `GET /api/v1/admin/sessions`: newest first, a page at a time.
pub(super) async fn sessions(
    services: web::Data<Services>,
    who: Authenticated,
    client: Client,
    query: Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let Filter { user, device, active, limit, cursor } = query.0;
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::unprocessable("invalid_limit", "The limit must lie between 1 and 200."));
    }
    let filter = SessionFilter { user, device, active_only: active.unwrap_or(false), limit, cursor };
    let page = services.search_sessions_as_operator(&who.caller, filter, &client.0).await?;
    let current = who.caller.session;
    let views: Vec<_> = page
        .sessions
        .iter()
        .map(|listed| SessionView::of(&listed.session, listed.open_connections, current))
        .collect();
    Ok(HttpResponse::Ok().json(json!({"sessions": views, "next_cursor": page.next})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(Target, String), &'static str> {
        let order: Order = serde_json::from_str(body).map_err(|_| "shape")?;
        order.read().map_err(|problem| problem.code)
    }

    #[test]
    fn exactly_one_target_is_named() {
        assert!(
            matches!(read(r#"{"user": 7, "reason": "left"}"#), Ok((Target::User(UserId(7)), reason)) if reason == "left")
        );
        assert!(matches!(read(r#"{"all": true, "reason": "breach"}"#), Ok((Target::All, _))));
        for body in [
            r#"{"reason": "x"}"#,
            r#"{"user": 7, "all": true, "reason": "x"}"#,
            r#"{"all": false, "reason": "x"}"#,
            r#"{"user": 7, "all": false, "reason": "x"}"#,
        ] {
            assert_eq!(read(body).err(), Some("one_target_required"), "{body}");
        }
    }

    #[test]
    fn a_reason_is_required() {
        assert_eq!(read(r#"{"user": 7, "reason": "  "}"#).err(), Some("reason_required"));
        assert_eq!(
            read(&format!(r#"{{"user": 7, "reason": "{}"}}"#, "x".repeat(501))).err(),
            Some("reason_required")
        );
        assert_eq!(read(r#"{"user": 7}"#).err(), Some("shape"));
    }

    #[test]
    fn targets_are_ids_and_nothing_else_is_taken() {
        for body in [
            r#"{"session": "7", "reason": "x"}"#,
            r#"{"user": "7", "reason": "x"}"#,
            r#"{"user": 7, "reason": "x", "force": true}"#,
        ] {
            assert_eq!(read(body).err(), Some("shape"), "{body}");
        }
    }
}
