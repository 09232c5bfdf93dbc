//! `POST /api/v1/admin/revocations`.

use actix_web::{HttpResponse, http::StatusCode, web};
use protocol::id::{DeviceId, SessionId, UserId};
use serde::Deserialize;

use super::realtime_user::realtime_user;
use crate::http::{
    extractors::{authenticated::AuthenticatedBody, body::Shape, client::Client},
    problem::Problem,
    views::revocation::revocation_view,
};
use service::{Services, Target};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// What to revoke, which is exactly one of the five, and the reason.
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
    /// 422 unless there is exactly one target, and a reason.
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
    let revoked = services.revoke_as_operator(&sent.caller, target, reason, &client.0).await?;
    let status = if revoked.pending > 0 { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(HttpResponse::build(status).json(revocation_view(&revoked)))
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
