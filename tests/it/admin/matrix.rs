//! Each request of operators against each role. The tests check the refused roles, and that a refusal changes nothing. A change
//! needs a recent proof of presence and cannot reach an admin, and each call is audited.
//!
//! The table must have each route of the server's route table.

use std::{collections::BTreeSet, time::Duration};

use domain::{account::role::Role, tokens::api_key::ApiScopes};
use portcullis::http::route_table;
use protocol::id::UserId;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, App, Ask, Person, Session, eventually};

/// Which roles may send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Operators, auditors and admins. The request changes nothing.
    Read,
    /// Auditors and admins. The request changes nothing.
    ReadAudit,
    /// Operators and admins.
    Operate,
    /// Admins.
    Administer,
}

impl Needs {
    fn permits(self, role: Role) -> bool {
        match self {
            Self::Read => role != Role::User,
            Self::ReadAudit => matches!(role, Role::Auditor | Role::Admin),
            Self::Operate => matches!(role, Role::Operator | Role::Admin),
            Self::Administer => role == Role::Admin,
        }
    }
}

/// The user, device and session that a request names.
struct Target {
    user: UserId,
    device: String,
    session: String,
    new_email: String,
    revocation: i64,
    api_key: String,
    /// A channel with one message.
    channel: String,
    webhook: String,
    /// A mail to the user that was sent.
    mail: String,
}

/// An address that is banned.
const BANNED: &str = "198.51.100.7";

impl Target {
    async fn of(session: &Session) -> Self {
        let app = &session.app;
        let name = Uuid::new_v4().to_string();
        let key = app.create_api_key(&name, ApiScopes::everything(), None).await.expect("a key").1;
        let channel = format!("chat:{name}");
        app.publish(&channel, json!("a message")).await;
        app.ban_address(BANNED, Duration::from_secs(3_600)).await;
        let ended = session.person.open_session().await;
        let revocation = app.revoke(service::Target::Session(ended.id)).await.id.expect("a revocation").0;
        Self {
            revocation,
            api_key: key.id.to_string(),
            channel,
            user: session.person.id,
            device: session.device.split('.').next().unwrap_or_default().to_owned(),
            session: session.id.to_string(),
            new_email: session.app.new_email(),
            webhook: webhook(&session.app).await,
            mail: mail(session).await,
        }
    }
}

/// A webhook that gets nothing.
async fn webhook(app: &App) -> String {
    let sql = "INSERT INTO event_receivers (id, kind, name, url, events, status, created_at, updated_at)
               VALUES (gen_random_uuid(), 'webhook', 'a', 'https://hooks.example/', '{}', 'paused', now(), now())
               RETURNING id::text";
    let rows = app.rows().await;
    // There is a bound of their number, and each request of the table gets a target of its own.
    rows.batch_execute("DELETE FROM event_receivers WHERE kind = 'webhook'").await.unwrap();
    rows.query_one(sql, &[]).await.unwrap().get(0)
}

/// A mail to the user of this session that was sent.
async fn mail(session: &Session) -> String {
    let sql = "INSERT INTO mails (id, user_id, kind, address, created_at, waiting_from, due_at, state, settled_at)
               VALUES (gen_random_uuid(), $1, 'account_locked', 'x@example.com', now(), now(), now(), 'sent', now())
               RETURNING id::text";
    session.app.rows().await.query_one(sql, &[&session.person.id.0]).await.unwrap().get(0)
}

/// One request of operators.
struct Case {
    method: &'static str,
    /// The path below `/api/v1/admin`, as in the route table.
    path: &'static str,
    needs: Needs,
    /// Whether the request acts on one user. The role of this user then counts.
    on_user: bool,
    query: fn(&Target) -> String,
    body: fn(&Target) -> Value,
}

fn none(_: &Target) -> String {
    String::new()
}

fn no_body(_: &Target) -> Value {
    Value::Null
}

fn only_reason(_: &Target) -> Value {
    json!({"reason": "a test"})
}

const fn read(path: &'static str) -> Case {
    Case { method: "GET", path, needs: Needs::Read, on_user: false, query: none, body: no_body }
}

const fn read_audit(path: &'static str) -> Case {
    Case { needs: Needs::ReadAudit, ..read(path) }
}

/// A request with an answer that does not end by itself. `audit_log::admin` tests what a permitted caller gets.
const FOLLOW: &str = "/audit/events/stream";

const RECEIPT: &str = "/revocations/{revocation}/receipt";

const fn change(method: &'static str, path: &'static str, needs: Needs, body: fn(&Target) -> Value) -> Case {
    Case { method, path, needs, on_user: true, query: none, body }
}

const fn of_webhook(method: &'static str, path: &'static str, body: fn(&Target) -> Value) -> Case {
    Case { on_user: false, ..change(method, path, Needs::Administer, body) }
}

/// Each request of operators.
const CASES: &[Case] = &[
    read("/sessions"),
    Case { query: |target| format!("?user={}", target.user), ..read("/connections") },
    read("/users"),
    read("/users/{id}"),
    read("/users/{id}/devices"),
    read("/users/{id}/devices/{device}"),
    read_audit("/audit/events"),
    read_audit(FOLLOW),
    read_audit("/audit/export"),
    // The log of this test is empty, so the answers to a permitted caller are 404.
    Case { query: |_| "?index=0".to_owned(), ..read_audit("/audit/proofs/inclusion") },
    Case { query: |_| "?from=1".to_owned(), ..read_audit("/audit/proofs/consistency") },
    change(
        "POST",
        "/revocations",
        Needs::Operate,
        |target| json!({"session": target.session, "reason": "a test"}),
    ),
    Case {
        on_user: false,
        ..change(
            "POST",
            "/users",
            Needs::Operate,
            |target| json!({"email": target.new_email, "reason": "a test"}),
        )
    },
    read("/revocations"),
    read("/revocations/{revocation}"),
    // No entries enter the log of this test, so the answer to a permitted caller is 409.
    read(RECEIPT),
    read("/attempts"),
    read("/attempts/stuffing"),
    read("/settings"),
    Case { query: |_| "?series=sign_ins".to_owned(), ..read("/statistics") },
    Case { on_user: false, ..change("POST", "/drill", Needs::Administer, only_reason) },
    read("/bans"),
    Case {
        on_user: false,
        ..change(
            "POST",
            "/bans",
            Needs::Operate,
            |_| json!({"network": "203.0.113.0/24", "until": "9000-01-01T00:00:00Z", "reason": "a test"}),
        )
    },
    Case {
        on_user: false,
        ..change("POST", "/bans/lift", Needs::Operate, |_| json!({"network": BANNED, "reason": "a test"}))
    },
    read("/api-keys"),
    Case {
        on_user: false,
        ..change(
            "POST",
            "/api-keys",
            Needs::Administer,
            |target| json!({"name": format!("{} new", target.channel), "scopes": ["channels"], "reason": "a test"}),
        )
    },
    Case { on_user: false, ..change("POST", "/api-keys/{key}/revoke", Needs::Administer, only_reason) },
    read("/issuers"),
    read("/channels"),
    Case { query: |target| format!("?channel={}", target.channel), ..read("/channels/subscribers") },
    Case { query: |target| format!("?channel={}", target.channel), ..read("/channels/history") },
    Case {
        on_user: false,
        ..change(
            "POST",
            "/channels/messages/remove",
            Needs::Operate,
            |target| json!({"channel": target.channel, "offset": 1, "reason": "a test"}),
        )
    },
    change(
        "POST",
        "/channels/messages/erase",
        Needs::Administer,
        |target| json!({"user": target.user.to_string(), "reason": "a test"}),
    ),
    change("PATCH", "/users/{id}", Needs::Administer, |_| json!({"status": "suspended", "reason": "a test"})),
    change("POST", "/users/{id}/password-reset", Needs::Administer, only_reason),
    // The users of this test have no second factor, so the answer is a 409.
    change("POST", "/users/{id}/factor-reset", Needs::Administer, only_reason),
    change("POST", "/users/{id}/devices/{device}/distrust", Needs::Operate, only_reason),
    change("POST", "/users/{id}/devices/{device}/forget", Needs::Operate, only_reason),
    read("/webhooks"),
    read("/webhooks/{webhook}"),
    read("/webhooks/{webhook}/deliveries"),
    of_webhook(
        "POST",
        "/webhooks",
        |_| json!({"name": "a", "url": "https://hooks.example/", "events": ["security"], "reason": "a test"}),
    ),
    of_webhook("PATCH", "/webhooks/{webhook}", |_| json!({"status": "disabled", "reason": "a test"})),
    of_webhook("DELETE", "/webhooks/{webhook}", only_reason),
    of_webhook("POST", "/webhooks/{webhook}/test", no_body),
    of_webhook("POST", "/webhooks/{webhook}/replay", only_reason),
    read("/mail"),
    change("POST", "/mail/{mail}/send-again", Needs::Operate, only_reason),
    read("/erasures"),
    read("/node"),
    Case {
        query: |_| "?reason=test".to_owned(),
        ..change("GET", "/users/{id}/export", Needs::Operate, no_body)
    },
    change("POST", "/users/{id}/erasure", Needs::Operate, only_reason),
    // No erasure of the users of this test is requested, so the answer is a 404.
    change("DELETE", "/users/{id}/erasure", Needs::Operate, only_reason),
];

impl Case {
    fn reads(&self) -> bool {
        matches!(self.needs, Needs::Read | Needs::ReadAudit)
    }

    async fn send(&self, caller: &Session, target: &Target) -> Answer {
        let path = self.path.replace("{id}", &target.user.to_string()).replace("{device}", &target.device);
        let path =
            path.replace("{revocation}", &target.revocation.to_string()).replace("{key}", &target.api_key);
        let path = path.replace("{webhook}", &target.webhook).replace("{mail}", &target.mail);
        let path = format!("/api/v1/admin{path}{}", (self.query)(target));
        let request = caller.request(Method::from_bytes(self.method.as_bytes()).unwrap(), &path);
        match (self.body)(target) {
            Value::Null => request.ask().await,
            body => request.json(&body).ask().await,
        }
    }
}

fn server() -> App {
    App::with(|settings| {
        settings.limits.refused_user.burst = 1_000;
        settings.limits.request_user.burst = 1_000;
    })
}

/// The rows of a user that operators can change.
async fn state_of(app: &App, user: UserId) -> String {
    let sql = "SELECT jsonb_build_array(
                   (SELECT to_jsonb(u) FROM users u WHERE u.id = $1),
                   (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.id) FROM sessions s WHERE s.user_id = $1),
                   (SELECT jsonb_agg(to_jsonb(d) ORDER BY d.id) FROM registered_devices d WHERE d.user_id = $1),
                   (SELECT count(*) FROM users), (SELECT count(*) FROM revocations WHERE cause <> 'role_changed'))::text";
    app.rows().await.query_one(sql, &[&user.0]).await.unwrap().get(0)
}

/// Checks that the call of this answer is in the audit trail with this outcome.
async fn is_audited(app: &App, answer: &Answer, caller: &Session, outcome: &str, what: &str) {
    let id = answer.header("x-request-id").expect("an id");
    let sql = format!(
        "SELECT count(*) FROM audit_events WHERE request_id = '{id}' AND outcome = '{outcome}' AND actor_id = {}",
        caller.person.id
    );
    eventually(what, async || app.count(&sql).await == 1).await;
}

#[test]
fn the_table_has_each_route_of_operators() {
    let below = |(method, path): (&'static str, String)| {
        Some((method.to_owned(), path.strip_prefix("/api/v1/admin")?.to_owned()))
    };
    let mut routed: BTreeSet<_> = route_table().into_iter().filter_map(below).collect();
    routed.retain(|(method, _)| method != "HEAD");
    let tested: BTreeSet<_> =
        CASES.iter().map(|case| (case.method.to_owned(), case.path.to_owned())).collect();
    assert!(routed.len() >= 13, "the route table is read: {routed:?}");
    assert_eq!(routed, tested);
}

#[tokio::test]
async fn each_request_is_refused_to_each_role_without_the_right_changes_nothing_and_is_audited() {
    let app = server();
    let held = app.register().await.open_session().await;
    let target = Target::of(&held).await;
    for role in Role::ALL {
        let caller = app.appoint(role).await.sign_in().await;
        let before = state_of(&app, target.user).await;
        for case in CASES.iter().filter(|case| !case.needs.permits(role)) {
            let what = format!("{role} {} {}", case.method, case.path);
            let answer = case.send(&caller, &target).await;
            assert_eq!(answer.status, 403, "{what}: {}", answer.text);
            assert!(
                matches!(answer.code(), "operator_required" | "admin_required" | "auditor_required"),
                "{what}: {}",
                answer.text
            );
            is_audited(&app, &answer, &caller, "denied", &what).await;
        }
        assert_eq!(state_of(&app, target.user).await, before, "{role}");
    }
    for case in CASES {
        let path = case.path.replace("{id}", "1").replace("{device}", &target.device);
        let path = path.replace("{webhook}", &target.webhook).replace("{mail}", &target.mail);
        let method = Method::from_bytes(case.method.as_bytes()).unwrap();
        let answer = app.request(method, &format!("/api/v1/admin{path}")).json(&json!({})).ask().await;
        answer.refused(401, "not_authenticated");
    }
}

#[tokio::test]
async fn each_request_is_granted_to_each_role_with_the_right_and_is_audited() {
    let app = server();
    for role in Role::ALL {
        let caller = app.appoint(role).await.sign_in().await;
        for case in CASES.iter().filter(|case| case.needs.permits(role) && case.path != FOLLOW) {
            let what = format!("{role} {} {}", case.method, case.path);
            let held = app.register().await.open_session().await;
            let answer = case.send(&caller, &Target::of(&held).await).await;
            let none_to_reset = answer.status == 409 && answer.code() == "factor_gone"
                || answer.status == 404
                    && (case.method == "DELETE" || case.path.starts_with("/audit/proofs"));
            let no_log = case.path == RECEIPT && answer.status == 409 && answer.code() == "receipt_pending";
            assert!(
                none_to_reset || no_log || (200..300).contains(&answer.status),
                "{what}: {}",
                answer.text
            );
            if !none_to_reset {
                is_audited(&app, &answer, &caller, "success", &what).await;
            }
        }
    }
}

#[tokio::test]
async fn each_change_needs_a_recent_proof_of_presence_and_no_read_does() {
    let app = server();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let held = app.register().await.open_session().await;
    let target = Target::of(&held).await;
    app.advance(Duration::from_secs(11 * 60));
    let before = state_of(&app, target.user).await;
    for case in CASES.iter().filter(|case| case.path != FOLLOW) {
        let answer = case.send(&admin, &target).await;
        if case.path.starts_with("/audit/proofs") {
            answer.expect(404);
        } else if case.path == RECEIPT {
            answer.refused(409, "receipt_pending");
        } else if case.reads() {
            answer.expect(200);
        } else {
            answer.refused(403, "step_up_required");
        }
    }
    assert_eq!(state_of(&app, target.user).await, before);
}

#[tokio::test]
async fn no_operator_can_change_an_admin() {
    let app = server();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let admin = app.appoint(Role::Admin).await.open_session().await;
    let target = Target::of(&admin).await;
    let before = state_of(&app, target.user).await;
    for case in CASES.iter().filter(|case| case.on_user) {
        let what = format!("{} {}", case.method, case.path);
        let answer = case.send(&operator, &target).await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text);
        is_audited(&app, &answer, &operator, "denied", &what).await;
    }
    assert_eq!(state_of(&app, target.user).await, before);
    assert!(admin.works().await);
}

#[tokio::test]
async fn refusals_of_one_user_are_limited() {
    let app = App::with(|settings| settings.limits.refused_user.burst = 3);
    let user = app.register().await.open_session().await;
    for _ in 0..3 {
        user.get("/api/v1/admin/users").await.refused(403, "operator_required");
    }
    user.get("/api/v1/admin/users").await.expect(429).problem();
    let denied = format!(
        "SELECT count(*) FROM audit_events WHERE actor_id = {} AND outcome = 'denied'",
        user.person.id
    );
    eventually("three events", async || app.count(&denied).await == 3).await;
}

#[tokio::test]
async fn the_role_in_the_database_decides_about_each_request_and_not_the_role_in_the_token() {
    let app = server();
    let held = app.register().await.open_session().await;
    let target = Target::of(&held).await;
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let elsewhere = App::over(app.database().clone(), |settings| settings.limits.refused_user.burst = 1_000);
    // The other node changes the role, and its revocation row is not read in the meantime by waiting for anything.
    Person { app: elsewhere.clone(), ..admin.person.clone() }.set_role(Role::User).await;
    let before = state_of(&app, target.user).await;
    for case in CASES.iter().filter(|case| !case.reads()) {
        let answer = case.send(&admin, &target).await;
        assert_eq!(answer.status, 403, "{} {}: {}", case.method, case.path, answer.text);
    }
    assert_eq!(state_of(&app, target.user).await, before);
}
