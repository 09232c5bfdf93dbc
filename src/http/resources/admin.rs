//! Operators: `/api/v1/admin`. Lists and revokes the sessions of other users.
//!
//! The services decide which operator may act on which user, and require a recent step-up. This file has the shapes of
//! requests and answers.

use std::net::IpAddr;

use actix_web::{HttpResponse, http::StatusCode, web};
use protocol::id::{ConnectionId, DeviceId, SessionId, Subject, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{AnySession, Services, SessionFilter, Target};
use time::OffsetDateTime;

use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
        page_limit::page_limit,
        subject::subject,
    },
    problem::Problem,
    views::{
        connection::{connection_view, may_have_more},
        revocation::revocation_view,
        session::SessionView,
    },
};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// The target of a revocation, which is exactly one of the first five fields, and the reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevocationRequest {
    session: Option<SessionId>,
    device: Option<DeviceId>,
    user: Option<UserId>,
    subject: Option<String>,
    all: Option<bool>,
    reason: String,
}

impl Shape for RevocationRequest {
    const FIELDS: &'static str = "one of session, device, user, subject or all (true), and reason";
}

impl RevocationRequest {
    /// The target, and the reason without surrounding space.
    ///
    /// # Errors
    /// 422 without exactly one target and a reason.
    fn target(self) -> Result<(Target, String), Problem> {
        let not_one = || {
            Problem::unprocessable(
                "one_target_required",
                "Name exactly one of session, device, user, subject or all.",
            )
        };
        if self.all == Some(false) {
            return Err(not_one());
        }
        let named = [
            self.session.map(Target::Session),
            self.device.map(Target::Device),
            self.user.map(Target::User),
            self.subject.as_deref().map(realtime_user).transpose()?.map(Target::Subject),
            self.all.map(|_| Target::All),
        ];
        let mut targets = named.into_iter().flatten();
        let (Some(target), None) = (targets.next(), targets.next()) else {
            return Err(not_one());
        };
        let reason = self.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > MAX_REASON {
            return Err(Problem::unprocessable("reason_required", "Give a reason of 1 to 500 characters."));
        }
        Ok((target, reason))
    }
}

/// `POST /api/v1/admin/revocations`. 202 while some sockets are not closed yet.
pub(crate) async fn revoke(
    services: web::Data<Services>,
    sent: AuthenticatedBody<RevocationRequest>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (target, reason) = sent.body.target()?;
    let revoked = services.operators.revocation.revoke(&sent.caller, target, reason, &client.0).await?;
    let status = if revoked.pending > 0 { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(HttpResponse::build(status).json(revocation_view(&revoked)))
}

/// The filter and the page of a list of sessions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionsQuery {
    user: Option<UserId>,
    device: Option<DeviceId>,
    subject: Option<String>,
    active: Option<bool>,
    limit: Option<u32>,
    cursor: Option<String>,
}

impl Shape for SessionsQuery {
    const FIELDS: &'static str = "user, device, subject, active (true or false), limit (1 to 200), cursor";
}

/// A session of an account, or an external session.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum AdminSessionView {
    Account(Box<SessionView>),
    External(Box<ExternalSessionView>),
}

#[derive(Serialize)]
struct ExternalSessionView {
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

impl AdminSessionView {
    fn of(overseen: AnySession, current: SessionId) -> Self {
        match overseen {
            AnySession::Account(listed) => {
                Self::Account(Box::new(SessionView::of(&listed.session, listed.open_connections, current)))
            }
            AnySession::External(session, open_connections) => {
                Self::External(Box::new(ExternalSessionView {
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
                }))
            }
        }
    }
}

/// `GET /api/v1/admin/sessions`: newest first, in pages.
pub(crate) async fn sessions(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<SessionsQuery>,
) -> Result<HttpResponse, Problem> {
    let SessionsQuery { user, device, subject, active, limit, cursor } = query.0;
    let limit = page_limit(limit)?;
    let filter = SessionFilter { user, device, active_only: active.unwrap_or(false), limit, cursor };
    let subject = subject.as_deref().map(realtime_user).transpose()?;
    let page = services.operators.listings.sessions(&auth.caller, filter, subject, &client.0).await?;
    let current = auth.caller.session;
    let views: Vec<_> =
        page.sessions.into_iter().map(|overseen| AdminSessionView::of(overseen, current)).collect();
    Ok(HttpResponse::Ok().json(json!({"sessions": views, "next_cursor": page.next})))
}

/// The user of the connections to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionsQuery {
    user: String,
}

impl Shape for ConnectionsQuery {
    const FIELDS: &'static str = "user (the number of an account, or the name that an external issuer gives)";
}

/// `GET /api/v1/admin/connections`: the open connections of a user. `more` says that the list is full, so that there may be
/// more connections.
pub(crate) async fn connections(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<ConnectionsQuery>,
) -> Result<HttpResponse, Problem> {
    let subject = realtime_user(&query.0.user)?;
    let found = services.operators.listings.connections(&auth.caller, &subject, &client.0).await?;
    let views: Vec<_> = found
        .iter()
        .map(|connected| {
            let mut view = connection_view(connected);
            view["client"] = json!(connected.info.connection);
            view
        })
        .collect();
    let more = may_have_more(&found);
    Ok(HttpResponse::Ok().json(json!({"connections": views, "more": more})))
}

/// The subject with this name.
///
/// # Errors
/// 422 for a name that cannot exist.
fn realtime_user(name: &str) -> Result<Subject, Problem> {
    let detail = "A name has at most 255 bytes and no NUL character.";
    subject(name).ok_or_else(|| Problem::unprocessable("invalid_subject", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(Target, String), &'static str> {
        let request: RevocationRequest = serde_json::from_str(body).map_err(|_| "shape")?;
        request.target().map_err(|problem| problem.code)
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
    fn a_target_is_an_id_and_unknown_fields_are_refused() {
        for body in [
            r#"{"session": "7", "reason": "x"}"#,
            r#"{"user": "7", "reason": "x"}"#,
            r#"{"user": 7, "reason": "x", "force": true}"#,
        ] {
            assert_eq!(read(body).err(), Some("shape"), "{body}");
        }
    }
}
