//! Operators: what they may read, which users they may act on, and the answer to a revocation.

mod connections;
mod devices;
mod idempotency;
mod matrix;
mod sessions;
mod users;

use std::time::Duration;

use domain::account::role::Role;
use serde_json::json;

use crate::harness::{App, Ask, Closed, eventually};

const REVOCATIONS: &str = "/api/v1/admin/revocations";

fn revoked() -> Closed {
    Closed { code: 4500, reason: "session revoked".to_owned() }
}

#[tokio::test]
async fn a_revocation_ends_only_the_sessions_of_its_target() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    for target in ["session", "device", "user"] {
        let person = app.register().await;
        let (one, two) = (person.sign_in().await, person.sign_in().await);
        let (mut first, mut second) = (one.connect().await, two.connect().await);
        let named = match target {
            "session" => json!({"session": one.id}),
            "device" => json!({"device": one.device.split('.').next()}),
            _ => json!({"user": person.id}),
        };
        let both = target == "user";
        let answer = operator.revoke(named).await.expect(200);
        let count = if both { 2 } else { 1 };
        assert_eq!(
            (&answer.body["sessions"], &answer.body["sockets_closed"]),
            (&json!(count), &json!(count)),
            "{target}"
        );
        assert_eq!(answer.body["pending"], 0);
        assert!(answer.body["revocation_id"].is_i64());
        assert_eq!(first.closed().await, revoked());
        assert!(!one.works().await);
        if both {
            assert_eq!(second.closed().await, revoked());
        } else {
            assert!(second.is_undisturbed().await && two.works().await, "{target}");
        }
    }
    assert!(operator.works().await);
}

#[tokio::test]
async fn an_admin_can_revoke_all_sessions() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let (one, two) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let mut socket = one.connect().await;
    let answer = admin.revoke(json!({"all": true})).await.expect(200);
    assert!(answer.body["sessions"].as_i64().is_some_and(|sessions| sessions >= 2));
    assert_eq!(socket.closed().await, revoked());
    assert!(!one.works().await && !two.works().await);
    one.person.sign_in().await;
}

#[tokio::test]
async fn an_operator_cannot_revoke_all_sessions() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    operator.revoke(json!({"all": true})).await.refused(403, "admin_required");
    assert!(user.works().await);
}

#[tokio::test]
async fn an_ordinary_user_cannot_use_the_requests_of_operators() {
    let app = App::start();
    let (user, other) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    user.revoke(json!({"session": other.id})).await.refused(403, "operator_required");
    user.get("/api/v1/admin/sessions").await.refused(403, "operator_required");
    app.get("/api/v1/admin/sessions").ask().await.refused(401, "not_authenticated");
    assert!(other.works().await);
    let denied = format!(
        "SELECT count(*) FROM audit_events WHERE actor_id = {} AND outcome = 'denied'
                AND (event = 'sessions.searched' OR (event = 'session.revoked' AND session_id = '{}'))",
        user.person.id, other.id
    );
    eventually("both refusals are recorded", async || app.count(&denied).await == 2).await;
}

#[tokio::test]
async fn an_operator_cannot_revoke_the_sessions_of_an_admin() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let mut socket = admin.connect().await;
    for target in [json!({"user": admin.person.id}), json!({"session": admin.id})] {
        let answer = operator.revoke(target).await;
        assert!(matches!(answer.status, 403 | 404), "{}", answer.text);
    }
    assert!(admin.works().await && socket.is_undisturbed().await);
}

#[tokio::test]
async fn the_current_role_decides_and_not_the_role_in_the_token() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    operator.get("/api/v1/admin/sessions").await.expect(200);
    operator.person.set_role(Role::User).await;
    operator.get("/api/v1/admin/sessions").await.refused(403, "operator_required");
}

#[tokio::test]
async fn a_revocation_requires_a_recent_proof_of_presence() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    app.advance(Duration::from_secs(11 * 60));
    operator.revoke(json!({"session": user.id})).await.refused(403, "step_up_required");
    assert!(user.works().await);
    let stepped_up = operator.stepped_up().await;
    operator.revoke(json!({"session": user.id})).await.refused(403, "step_up_required");
    stepped_up.revoke(json!({"session": user.id})).await.expect(200);
    assert!(!user.works().await);
}

#[tokio::test]
async fn a_request_to_revoke_must_name_one_target_and_a_reason() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let (session, person) = (user.id, user.person.id);
    for order in [
        json!({"reason": "x"}),
        json!({"session": session, "user": person, "reason": "x"}),
        json!({"session": session}),
        json!({"session": session, "reason": " "}),
        json!({"session": "nonsense", "reason": "x"}),
        json!({"session": session, "reason": "x", "force": true}),
    ] {
        operator.post(REVOCATIONS, &order).await.expect(422).problem();
    }
    assert!(user.works().await);
}

#[tokio::test]
async fn a_revoked_session_is_not_revoked_again() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    operator.revoke(json!({"session": user.id})).await.expect(200);
    let again = operator.revoke(json!({"session": user.id})).await;
    assert!(again.status == 404 || again.body["sessions"] == 0, "{}", again.text);
    assert_eq!(app.count("SELECT count(*) FROM revocations WHERE cause = 'revoked'").await, 1);
}

#[tokio::test]
async fn the_list_of_sessions_is_filtered_and_paged() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    for _ in 0..3 {
        person.sign_in().await;
        app.advance(Duration::from_secs(1));
    }
    let ended = person.sign_in().await;
    ended.sign_out("local").await.expect(200);
    let user = person.id;
    let first =
        operator.get(&format!("/api/v1/admin/sessions?user={user}&active=true&limit=2")).await.expect(200);
    assert_eq!(first.body["sessions"].as_array().map(Vec::len), Some(2));
    let cursor = first.text_of("next_cursor");
    let path = format!("/api/v1/admin/sessions?user={user}&active=true&limit=2&cursor={cursor}");
    let second = operator.get(&path).await.expect(200);
    assert_eq!(second.body["sessions"].as_array().map(Vec::len), Some(1));
    assert!(second.body["next_cursor"].is_null());
    let all = operator.get(&format!("/api/v1/admin/sessions?user={user}")).await.expect(200);
    assert_eq!(all.body["sessions"].as_array().map(Vec::len), Some(4));
    let before_the_year_zero = format!("-377705116800000000.{}", ended.id);
    for cursor in ["nonsense", &before_the_year_zero] {
        operator.get(&format!("/api/v1/admin/sessions?cursor={cursor}")).await.refused(422, "invalid_cursor");
    }
}

#[tokio::test]
async fn the_operator_the_session_and_the_reason_of_a_revocation_are_recorded() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let order = json!({"session": user.id, "reason": "found on a shared machine"});
    let answer = operator.post(REVOCATIONS, &order).await.expect(200);
    let rows = app.rows().await;
    let id = answer.body["revocation_id"].as_i64().unwrap();
    let row = rows
        .query_one("SELECT reason, actor_id, sessions FROM revocations WHERE id = $1", &[&id])
        .await
        .unwrap();
    assert_eq!(row.get::<_, String>(0), "found on a shared machine");
    assert_eq!((row.get::<_, Option<i64>>(1), row.get::<_, i32>(2)), (Some(operator.person.id.0), 1));
    let sql =
        "SELECT count(*) FROM audit_events WHERE actor_id = $1 AND session_id = $2 AND outcome = 'success'";
    let noted: i64 = rows.query_one(sql, &[&operator.person.id.0, &user.id.0]).await.unwrap().get(0);
    assert_eq!(noted, 1);
}

#[tokio::test]
async fn an_invalid_subject_is_refused_and_an_unknown_subject_is_accepted() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    for (sent, in_query) in [("a\0b".to_owned(), "a%00b".to_owned()), ("x".repeat(256), "x".repeat(256))] {
        operator.revoke(json!({"subject": sent})).await.refused(422, "invalid_subject");
        let sessions = format!("/api/v1/admin/sessions?subject={in_query}");
        operator.get(&sessions).await.refused(422, "invalid_subject");
        let connections = format!("/api/v1/admin/connections?user={in_query}");
        operator.get(&connections).await.refused(422, "invalid_subject");
    }
    operator.get("/api/v1/admin/sessions?subject=nobody").await.expect(200);
}

#[tokio::test]
async fn the_filters_subject_and_user_cannot_be_combined() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let own = operator.person.id;
    let found = operator.get(&format!("/api/v1/admin/sessions?subject={own}")).await.expect(200);
    assert_eq!(found.body["sessions"].as_array().map(Vec::len), Some(1));
    let both = format!("/api/v1/admin/sessions?subject=nobody&user={own}");
    operator.get(&both).await.refused(422, "contradicting_filters");
}

#[tokio::test]
async fn each_search_of_an_operator_writes_an_audit_event() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    for read in ["sessions", "connections"] {
        operator.get(&format!("/api/v1/admin/{read}?user={}", person.id)).await.expect(200);
        let read = format!(
            "SELECT count(*) FROM audit_events WHERE event = '{read}.searched' AND outcome = 'success'
               AND actor_id = {} AND user_id = {}",
            operator.person.id, person.id
        );
        eventually("the event is written", async || app.count(&read).await == 1).await;
    }
}

#[tokio::test]
async fn a_revocation_refuses_the_number_of_an_account_as_its_subject() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    let number = session.person.id.to_string();
    operator.revoke(json!({"subject": number})).await.refused(422, "subject_is_account");
    assert!(session.works().await);
    operator.revoke(json!({"subject": "999999"})).await.expect(200);
    operator.revoke(json!({"user": session.person.id})).await.expect(200);
    assert!(!session.works().await);
}
