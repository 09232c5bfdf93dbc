//! `/api/v1/admin/revocations`: revokes sessions, lists revocations, and shows how far they are carried out, and their receipts.

use std::{net::IpAddr, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, web};
use protocol::{
    close::Cause,
    id::{DeviceId, RevocationId, SessionId, UserId},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{Created, RevocationQuery, Services, Target};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::{bounded_network, realtime_user};
use crate::http::{
    extractors::{
        authenticated::Authenticated,
        body::{Query, Shape},
        client::Client,
        idempotency::{IdempotentBody, created},
        page_limit::page_limit,
        path_id::path_id,
        reason::reason,
    },
    problem::Problem,
    views::revocation::{ListedRevocationView, OperatorRevocationView, ProgressView},
};

/// The largest number of users in one revocation.
const MAX_USERS: usize = 1_000;

/// The target of a revocation and the reason. Exactly one of the fields before `lock_password` must be given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevocationRequest {
    session: Option<SessionId>,
    device: Option<DeviceId>,
    user: Option<UserId>,
    #[schema(min_items = 1, max_items = 1000)]
    users: Option<Vec<UserId>>,
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// A network with a prefix of at least 8 bits (IPv4) or 16 bits (IPv6).
    network: Option<String>,
    /// The sessions that were opened since this moment, which is not in the future.
    #[serde(default, with = "time::serde::rfc3339::option")]
    opened_since: Option<OffsetDateTime>,
    /// The name that an external issuer gives.
    #[schema(max_length = 255)]
    subject: Option<String>,
    /// All sessions. Only admins may do this.
    all: Option<bool>,
    /// With `user` or `users`: the passwords no longer permit a sign-in. Only admins may do this.
    #[serde(default)]
    lock_password: bool,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for RevocationRequest {
    const FIELDS: &'static str = "one of session, device, user, users (a list of ids), address, network, opened_since (RFC 3339), \
         subject or all (true), and reason; with user or users also lock_password";
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
                "Name exactly one of session, device, user, users, address, network, opened_since, subject or all.",
            )
        };
        if self.all == Some(false) {
            return Err(not_one());
        }
        let named = [
            self.session.map(Target::Session),
            self.device.map(Target::Device),
            self.user.map(Target::User),
            self.users.map(users).transpose()?,
            self.address.map(|address| Target::Network(address.to_canonical().into())),
            self.network.as_deref().map(bounded_network).transpose()?.map(Target::Network),
            self.opened_since.map(Target::OpenedSince),
            self.subject.as_deref().map(realtime_user).transpose()?.map(Target::Subject),
            self.all.map(|_| Target::All),
        ];
        let mut targets = named.into_iter().flatten();
        let (Some(target), None) = (targets.next(), targets.next()) else {
            return Err(not_one());
        };
        Ok((target, reason(&self.reason)?))
    }
}

/// The users without repetitions.
fn users(mut listed: Vec<UserId>) -> Result<Target, Problem> {
    if listed.is_empty() || listed.len() > MAX_USERS {
        return Err(Problem::unprocessable("invalid_users", "Name 1 to 1,000 users."));
    }
    listed.sort_unstable_by_key(|user| user.0);
    listed.dedup();
    Ok(Target::Users(listed))
}

/// `POST /api/v1/admin/revocations`. 202 while some sockets are not closed yet.
pub(crate) async fn create(
    services: web::Data<Services>,
    sent: IdempotentBody<RevocationRequest>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let lock = sent.body.lock_password;
    let (target, reason) = sent.body.target()?;
    let (caller, meta, operators) = (sent.caller.clone(), client.0.clone(), Arc::clone(&services.operators));
    let work = async move {
        let revoked = operators.revocation.revoke(&caller, target, reason, lock, &meta).await?;
        let status = if revoked.pending > 0 { 202 } else { 200 };
        Ok(Created { status, body: json!(OperatorRevocationView::of(&revoked)), secrets: &[] })
    };
    let answer = services.operators.idempotency.once(&sent.caller, sent.key, &client.0, work).await?;
    Ok(created(&answer))
}

/// The filter and the page of a list of revocations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevocationsQuery {
    #[param(inline)]
    cause: Option<Cause>,
    /// The number of the account whose sessions were ended.
    #[param(value_type = Option<i64>)]
    user: Option<UserId>,
    /// The number of the account that requested the revocation.
    #[param(value_type = Option<i64>)]
    actor: Option<UserId>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    since: Option<OffsetDateTime>,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for RevocationsQuery {
    const FIELDS: &'static str = "cause, user, actor, since (RFC 3339), limit (1 to 200), cursor";
}

/// A page of revocations.
#[derive(Serialize, ToSchema)]
pub(crate) struct RevocationPage<'r> {
    next_cursor: Option<&'r str>,
    revocations: Vec<ListedRevocationView<'r>>,
}

/// `GET /api/v1/admin/revocations`: newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<RevocationsQuery>,
) -> Result<HttpResponse, Problem> {
    let RevocationsQuery { cause, user, actor, since, limit, cursor } = query.0;
    let query = RevocationQuery { cause, user, actor, since, limit: page_limit(limit)?, cursor };
    let page = services.operators.revocations.list(&auth.caller, query, &client.0).await?;
    let revocations = page.revocations.iter().map(ListedRevocationView::of).collect();
    Ok(HttpResponse::Ok().json(json!(RevocationPage { next_cursor: page.next.as_deref(), revocations })))
}

/// `GET /api/v1/admin/revocations/{id}`: a revocation, and how far each node has carried it out.
pub(crate) async fn show(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = RevocationId(path_id(&request, "revocation")?);
    let found = services.operators.revocations.show(&auth.caller, id, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(ProgressView::of(&found))))
}

/// `GET /api/v1/admin/revocations/{id}/receipt`: the receipt of a revocation, which is checked offline.
pub(crate) async fn receipt(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = RevocationId(path_id(&request, "revocation")?);
    let receipt = services.operators.revocations.receipt(&auth.caller, id, &client.0).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(receipt.encoded()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(Target, String), &'static str> {
        let request: RevocationRequest = serde_json::from_str(body).map_err(|_| "shape")?;
        request.target().map_err(|problem| problem.code)
    }

    #[test]
    fn exactly_one_target_is_required() {
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
    fn an_address_and_a_network_are_networks_without_host_bits() {
        for (body, expected) in [
            (r#"{"address": "203.0.113.9", "reason": "x"}"#, "203.0.113.9/32"),
            (r#"{"address": "::ffff:203.0.113.9", "reason": "x"}"#, "203.0.113.9/32"),
            (r#"{"network": "203.0.113.9/24", "reason": "x"}"#, "203.0.113.0/24"),
            (r#"{"network": "2001:db8::1/32", "reason": "x"}"#, "2001:db8::/32"),
        ] {
            let Ok((Target::Network(network), _)) = read(body) else { panic!("{body}") };
            assert_eq!(network.to_string(), expected);
        }
        for body in
            [r#"{"network": "10.0.0.0/7", "reason": "x"}"#, r#"{"network": "2000::/15", "reason": "x"}"#]
        {
            assert_eq!(read(body).err(), Some("network_too_wide"), "{body}");
        }
    }

    #[test]
    fn a_list_of_users_has_a_bound_and_no_repetitions() {
        let body = r#"{"users": [7, 3, 7], "reason": "x"}"#;
        assert!(matches!(read(body), Ok((Target::Users(users), _)) if users == [UserId(3), UserId(7)]));
        let many: Vec<_> = (1..=1_001).collect();
        for list in [serde_json::json!([]), serde_json::json!(many)] {
            let body = serde_json::json!({"users": list, "reason": "x"}).to_string();
            assert_eq!(read(&body).err(), Some("invalid_users"));
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
