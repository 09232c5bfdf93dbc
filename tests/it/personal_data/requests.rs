//! Requests to erase an account: the callers that may make them, what they end, and how they are cancelled.

use std::time::Duration;

use domain::account::role::Role;
use reqwest::Method;
use serde_json::json;
use service::Target;
use store::Erased;

use super::{HOUR, app, events, rows};
use crate::harness::{Answer, App, Ask, Closed, PASSWORD, Session, eventually};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn reason() -> serde_json::Value {
    json!({"reason": "asked for by letter"})
}

async fn erase(operator: &Session, user: i64) -> Answer {
    operator.post(&format!("/api/v1/admin/users/{user}/erasure"), &reason()).await
}

async fn cancel(operator: &Session, user: i64) -> Answer {
    let path = format!("/api/v1/admin/users/{user}/erasure");
    operator.request(Method::DELETE, &path).json(&reason()).ask().await
}

async fn pending(app: &App, user: i64) -> bool {
    rows(app, "erasures", &format!("user_id = {user} AND state = 'pending'")).await == 1
}

#[tokio::test]
async fn a_request_ends_every_session_at_once_and_a_sign_in_cancels_it() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let (mut socket, other) = (session.connect().await, session.person.sign_in().await);
    let answer = session.delete("/api/v1/profile").await.expect(202);
    assert_eq!(
        (&answer.body["erasure"]["state"], &answer.body["revocation"]["sessions"]),
        (&json!("pending"), &json!(2))
    );
    assert_eq!(socket.closed().await, Closed { code: 4503, reason: "account disabled".to_owned() });
    assert!(!session.works().await && !other.works().await);
    let id = session.person.id.0;
    assert!(pending(&app, id).await);
    app.advance(13 * DAY);
    app.sweep().await;
    let back = session.person.try_password(PASSWORD).await.expect(200);
    assert_eq!(back.body["user"]["status"], "active");
    assert!(Session::granted(&session.person, &back).works().await);
    assert!(!pending(&app, id).await);
    assert_eq!(
        (events(&app, "erasure.requested", id).await, events(&app, "erasure.cancelled", id).await),
        (1, 1)
    );
    app.advance(2 * DAY);
    app.sweep().await;
    assert_eq!(rows(&app, "users", &format!("id = {id}")).await, 1);
}

#[tokio::test]
async fn a_wrong_password_cancels_nothing_and_a_second_factor_is_still_required() {
    let app = App::start();
    let mut session = app.register().await.sign_in().await;
    let totp = session.enable_totp().await;
    session.delete("/api/v1/profile").await.expect(202);
    session.person.try_password("wrong-marble-otter-63").await.expect(401);
    let id = session.person.id.0;
    let pending_factor = session.person.begin_sign_in().await;
    assert!(pending(&app, id).await, "the password alone cancels nothing");
    app.begin_a_step();
    assert!(pending_factor.finish(&totp.code()).await.works().await);
    assert!(!pending(&app, id).await);
}

#[tokio::test]
async fn after_the_grace_period_no_sign_in_cancels_the_request() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    session.delete("/api/v1/profile").await.expect(202);
    app.advance(14 * DAY + HOUR);
    session.person.try_password(PASSWORD).await.expect(401);
    app.sweep().await;
    assert_eq!(rows(&app, "users", &format!("id = {}", session.person.id)).await, 0);
    session.person.try_password(PASSWORD).await.expect(401);
}

#[tokio::test]
async fn an_export_and_a_request_require_a_recent_proof_of_presence() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    app.advance(Duration::from_secs(11 * 60));
    session.get("/api/v1/profile/export").await.refused(403, "step_up_required");
    session.delete("/api/v1/profile").await.refused(403, "step_up_required");
    let session = session.stepped_up().await;
    assert_eq!(session.get("/api/v1/profile/export").await.expect(200).body["complete"], true);
    session.delete("/api/v1/profile").await.expect(202);
}

#[tokio::test]
async fn a_user_exports_the_own_data_a_few_times_an_hour() {
    let session = App::start().register().await.sign_in().await;
    for _ in 0..5 {
        session.get("/api/v1/profile/export").await.expect(200);
    }
    let refused = session.get("/api/v1/profile/export").await.expect(429).problem();
    assert!(refused.retry_after().is_some());
}

#[tokio::test]
async fn an_export_has_no_data_of_the_operator_that_acted_on_the_user() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    operator.revoke(json!({"user": session.person.id})).await.expect(200);
    let session = session.person.sign_in().await;
    let export = session.get("/api/v1/profile/export").await.expect(200);
    let revoked = export.body["events"].as_array().expect("events").iter();
    let revoked: Vec<_> = revoked.filter(|event| event["event"] == "session.revoked").collect();
    assert_eq!((revoked.len(), &revoked[0]["address"]), (1, &json!(null)));
    assert!(!export.text.contains(&operator.id.to_string()));
}

#[tokio::test]
async fn only_an_operator_cancels_what_an_operator_has_requested() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    let id = session.person.id.0;
    operator.post(&format!("/api/v1/admin/users/{id}/erasure"), &json!({})).await.expect(422);
    erase(&operator, id).await.expect(202);
    erase(&operator, id).await.refused(409, "erasure_requested");
    assert!(!session.works().await);
    session.person.try_password(PASSWORD).await.expect(401);
    let listed = operator.get("/api/v1/admin/erasures?state=pending").await.expect(200);
    assert_eq!(listed.body["erasures"][0]["user"], id);
    assert_eq!(
        (&listed.body["erasures"][0]["requested_by"], &listed.body["next_cursor"]),
        (&json!("operator"), &json!(null))
    );
    cancel(&operator, id).await.expect(204);
    cancel(&operator, id).await.expect(404);
    session.person.sign_in().await;
    assert_eq!(
        (events(&app, "erasure.requested", id).await, events(&app, "erasure.cancelled", id).await),
        (1, 1)
    );
}

#[tokio::test]
async fn an_account_gets_the_status_back_that_it_had_before_the_request() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    person.set_status(domain::account::role::Status::Suspended).await;
    erase(&operator, person.id.0).await.expect(202);
    cancel(&operator, person.id.0).await.expect(204);
    assert_eq!(rows(&app, "users", &format!("id = {} AND status = 'suspended'", person.id)).await, 1);
}

#[tokio::test]
async fn the_list_has_pages() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    for _ in 0..3 {
        erase(&operator, app.register().await.id.0).await.expect(202);
    }
    let first = operator.get("/api/v1/admin/erasures?limit=2").await.expect(200);
    let cursor = first.text_of("next_cursor");
    let second = operator.get(&format!("/api/v1/admin/erasures?limit=2&cursor={cursor}")).await.expect(200);
    let count = |answer: &Answer| answer.body["erasures"].as_array().map(Vec::len);
    assert_eq!((count(&first), count(&second)), (Some(2), Some(1)));
    assert!(second.body["next_cursor"].is_null());
    operator.get("/api/v1/admin/erasures?cursor=x").await.refused(422, "invalid_cursor");
    operator.get("/api/v1/admin/erasures?state=lost").await.refused(422, "invalid_state");
}

#[tokio::test]
async fn an_admin_is_erased_only_by_an_admin_and_the_last_admin_not_at_all() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    let (one, two) =
        (app.appoint(Role::Admin).await.sign_in().await, app.appoint(Role::Admin).await.sign_in().await);
    let target = one.person.id.0;
    erase(&operator, target).await.refused(403, "not_permitted");
    erase(&auditor, target).await.refused(403, "operator_required");
    let export = format!("/api/v1/admin/users/{target}/export?reason=letter");
    operator.get(&export).await.refused(403, "not_permitted");
    erase(&two, target).await.expect(202);
    cancel(&operator, target).await.refused(403, "not_permitted");
    two.delete("/api/v1/profile").await.refused(409, "last_admin");
    assert!(two.works().await);
}

#[tokio::test]
async fn an_operator_exports_a_user_with_a_reason_and_the_export_is_recorded() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let path = format!("/api/v1/admin/users/{}/export", person.id);
    operator.get(&path).await.expect(422);
    let export = operator.get(&format!("{path}?reason=letter")).await.expect(200);
    assert_eq!(
        (&export.body["account"][0]["email"], &export.body["complete"]),
        (&json!(person.email), &json!(true))
    );
    let recorded = format!(
        "event = 'user.exported' AND actor_id = {} AND detail ->> 'reason' = 'letter'",
        operator.person.id
    );
    eventually("the export is recorded", async || rows(&app, "audit_events", &recorded).await == 1).await;
    app.advance(Duration::from_secs(11 * 60));
    operator.get(&format!("{path}?reason=letter")).await.refused(403, "step_up_required");
}

#[tokio::test]
async fn an_account_that_an_operator_activates_meanwhile_is_not_erased() {
    let app = app();
    let session = app.register().await.sign_in().await;
    session.delete("/api/v1/profile").await.expect(202);
    session.person.set_status(domain::account::role::Status::Active).await;
    app.advance(HOUR);
    app.sweep().await;
    let id = session.person.id.0;
    assert_eq!(rows(&app, "users", &format!("id = {id} AND status = 'active'")).await, 1);
    assert_eq!(events(&app, "erasure.cancelled", id).await, 1);
}

#[tokio::test]
async fn two_nodes_erase_an_account_once() {
    let one = app();
    let two = App::over(one.database().clone(), |_| {});
    let session = one.register().await.sign_in().await;
    let id = session.person.id.0;
    let many = format!(
        "INSERT INTO audit_events (id, at, event, outcome, user_id, detail)
         SELECT gen_random_uuid(), now(), 'session.opened', 'success', {id}, '{{\"reason\": \"x\"}}' FROM generate_series(1, 5000)"
    );
    one.rows().await.batch_execute(&many).await.expect("rows");
    session.delete("/api/v1/profile").await.expect(202);
    one.advance(HOUR);
    two.advance(HOUR);
    tokio::join!(one.sweep(), two.sweep());
    one.sweep().await;
    assert_eq!(rows(&one, "users", &format!("id = {id}")).await, 0);
    assert_eq!(events(&one, "erasure.carried_out", id).await, 1);
    assert_eq!(rows(&one, "audit_events", &format!("user_id = {id} AND detail ? 'reason'")).await, 0);
}

#[tokio::test]
async fn a_cancelled_erasure_tells_other_systems_that_the_account_is_enabled_again() {
    let app = App::start();
    let receiver = "INSERT INTO event_receivers (id, kind, name, events, status, created_at, updated_at)
        SELECT gen_random_uuid(), 'poll', 'a system', array_agg('https://schemas.openid.net/secevent/risc/event-type/' || kind),
               'paused', now(), now() FROM unnest(ARRAY['account-disabled', 'account-enabled']) kind";
    app.rows().await.batch_execute(receiver).await.expect("a receiver");
    let told = async |user: i64, kind: &str| {
        rows(&app, "event_deliveries", &format!("subject = 'user:{user}' AND type LIKE '%/{kind}'")).await
    };
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    // By the person's sign-in.
    let session = app.register().await.sign_in().await;
    let one = session.person.id.0;
    session.delete("/api/v1/profile").await.expect(202);
    assert_eq!((told(one, "account-disabled").await, told(one, "account-enabled").await), (1, 0));
    session.person.sign_in().await;
    assert_eq!(told(one, "account-enabled").await, 1);
    // By an operator: one account becomes active, and the other one stays suspended.
    let two = app.register().await.id.0;
    erase(&operator, two).await.expect(202);
    cancel(&operator, two).await.expect(204);
    assert_eq!(told(two, "account-enabled").await, 1);
    let suspended = app.register().await;
    suspended.set_status(domain::account::role::Status::Suspended).await;
    erase(&operator, suspended.id.0).await.expect(202);
    cancel(&operator, suspended.id.0).await.expect(204);
    assert_eq!(told(suspended.id.0, "account-enabled").await, 0);
}

#[tokio::test]
async fn an_export_ends_without_its_last_piece_when_the_session_is_revoked() {
    let app = App::start();
    for target in [None, Some(Target::All)] {
        let session = app.register().await.sign_in().await;
        let mut export = app.begin_export(&session).await;
        export.next().await.expect("a piece").expect("more");
        app.revoke(target.unwrap_or(Target::Session(session.id))).await;
        export.next().await.expect_err("the session has ended");
    }
}

#[tokio::test]
async fn an_erasure_ends_while_the_job_of_the_audit_log_takes_events_of_the_person() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let user = session.person.id.0;
    session.delete("/api/v1/profile").await.expect(202);
    let begun = format!(
        "UPDATE erasures SET state = 'erasing', begun_at = now(), name_hash = repeat('0', 32), addresses = '{{}}', pseudonym = 'x'
         WHERE user_id = {user}"
    );
    let job = app.rows().await;
    job.batch_execute(&begun).await.expect("the erasure has begun");
    job.batch_execute("BEGIN; SELECT FROM audit_log_head FOR UPDATE").await.expect("the lock of the head");
    let (erased, ()) = tokio::join!(app.finish_erasure(user), async {
        let waits = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("the erasure waits", async || app.count(waits).await >= 1).await;
        let take = format!("DELETE FROM audit_events WHERE user_id = {user}; COMMIT");
        job.batch_execute(&take).await.expect("the job takes the events");
    });
    assert_eq!(erased, Erased::Yes);
}
