//! Operators: `/api/v1/admin`. Sees and revokes other users' sessions.
//!
//! Who may act on whom, and that it takes a recent proof of presence, is the services' rule; here is the shape of the
//! requests and answers.

use std::net::IpAddr;

use actix_web::{HttpResponse, http::StatusCode, web};
use protocol::id::{ConnectionId, DeviceId, SessionId, Subject, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::sessions::{SessionView, revoked_view};
use crate::http::{
    api::{connection, may_be_more, named},
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
    },
    problem::Problem,
};
use service::{AnySession, Services, SessionFilter, Target};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;
const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

/// What is to be revoked: exactly one of the five, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    session: Option<SessionId>,
    device: Option<DeviceId>,
    user: Option<UserId>,
    subject: Option<String>,
    all: Option<bool>,
    reason: String,
}

impl Shape for Order {
    const FIELDS: &'static str = "one of session, device, user, subject or all (true), and reason";
}

impl Order {
    /// The one target, and the reason without surrounding space.
    fn read(self) -> Result<(Target, String), Problem> {
        let one = || {
            Problem::unprocessable(
                "one_target_required",
                "Name exactly one of session, device, user, subject or all.",
            )
        };
        if self.all == Some(false) {
            return Err(one());
        }
        let named = [
            self.session.map(Target::Session),
            self.device.map(Target::Device),
            self.user.map(Target::User),
            self.subject.as_deref().map(subject).transpose()?.map(Target::Subject),
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
pub(crate) async fn revoke(
    services: web::Data<Services>,
    sent: AuthenticatedBody<Order>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (target, reason) = sent.body.read()?;
    let revoked = services.operators.revocation.revoke(&sent.caller, target, reason, &client.0).await?;
    let status = if revoked.pending > 0 { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(HttpResponse::build(status).json(revoked_view(&revoked)))
}

/// Which sessions to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    user: Option<UserId>,
    device: Option<DeviceId>,
    subject: Option<String>,
    active: Option<bool>,
    limit: Option<u32>,
    cursor: Option<String>,
}

impl Shape for Filter {
    const FIELDS: &'static str = "user, device, subject, active (true or false), limit (1 to 200), cursor";
}

/// A session of an account, or a connection that another identity provider vouches for.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum OverseenView {
    Account(Box<SessionView>),
    External(Box<OutsideView>),
}

#[derive(Serialize)]
struct OutsideView {
    id: SessionId,
    issuer: String,
    subject: String,
    token_id: Option<String>,
    connection: ConnectionId,
    address: Option<IpAddr>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last_seen_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    ended_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    open_connections: usize,
}

impl OverseenView {
    fn of(overseen: AnySession, current: SessionId) -> Self {
        match overseen {
            AnySession::Account(listed) => {
                Self::Account(Box::new(SessionView::of(&listed.session, listed.open_connections, current)))
            }
            AnySession::External(session, open_connections) => Self::External(Box::new(OutsideView {
                id: session.id,
                issuer: session.issuer,
                subject: session.subject.to_string(),
                token_id: session.token_id,
                connection: session.connection,
                address: session.address,
                created_at: session.created_at,
                last_seen_at: session.last_seen_at,
                expires_at: session.expires_at,
                ended_at: session.ended_at,
                revoked_at: session.revoked_at,
                open_connections,
            })),
        }
    }
}

/// `GET /api/v1/admin/sessions`: newest first, a page at a time.
pub(crate) async fn sessions(
    services: web::Data<Services>,
    who: Authenticated,
    client: Client,
    query: Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let Filter { user, device, subject, active, limit, cursor } = query.0;
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::unprocessable("invalid_limit", "The limit must lie between 1 and 200."));
    }
    let filter = SessionFilter { user, device, active_only: active.unwrap_or(false), limit, cursor };
    let subject = subject.as_deref().map(self::subject).transpose()?;
    let page = services.operators.listings.sessions(&who.caller, filter, subject, &client.0).await?;
    let current = who.caller.session;
    let views: Vec<_> =
        page.sessions.into_iter().map(|overseen| OverseenView::of(overseen, current)).collect();
    Ok(HttpResponse::Ok().json(json!({"sessions": views, "next_cursor": page.next})))
}

/// Whose connections to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    user: String,
}

impl Shape for Whose {
    const FIELDS: &'static str =
        "user (a name in realtime: an account's number, or what an issuer calls its user)";
}

/// `GET /api/v1/admin/connections`: the open connections of a user, and what is known of each. `more` says that there may be
/// others, beyond those that are listed.
pub(crate) async fn connections(
    services: web::Data<Services>,
    who: Authenticated,
    client: Client,
    query: Query<Whose>,
) -> Result<HttpResponse, Problem> {
    let subject = subject(&query.0.user)?;
    let found = services.operators.listings.connections(&who.caller, &subject, &client.0).await?;
    let views: Vec<_> = found
        .iter()
        .map(|connected| {
            let mut view = connection(connected);
            view["client"] = json!(connected.info.connection);
            view
        })
        .collect();
    let more = may_be_more(&found);
    Ok(HttpResponse::Ok().json(json!({"connections": views, "more": more})))
}

/// Whoever goes by this name in realtime.
fn subject(name: &str) -> Result<Subject, Problem> {
    let detail = "A name has at most 255 bytes, and no NUL among them.";
    named(name).ok_or_else(|| Problem::unprocessable("invalid_subject", detail))
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
