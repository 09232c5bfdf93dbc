//! `Idempotency-Key`: a request that creates something is carried out once.

use std::time::Duration;

use domain::account::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Ask, Session, secret_watch};

const USERS: &str = "/api/v1/admin/users";

async fn post(caller: &Session, path: &str, key: &str, body: &Value) -> Answer {
    caller.request(Method::POST, path).header("idempotency-key", key).json(body).ask().await
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_without_its_password() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let body = json!({"email": app.new_email(), "reason": "a test"});
    let first = post(&operator, USERS, "key-1", &body).await.expect(201);
    secret_watch::note("generated password", &first.text_of("password"));
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = post(&operator, USERS, "key-1", &body).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((&again.body["user"], &again.body["password"]), (&first.body["user"], &Value::Null));
    let stored = "SELECT count(*) FROM idempotency_keys WHERE answer LIKE '%\"password\":null%'";
    assert_eq!(app.count(stored).await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_caller() {
    let app = App::start();
    let (one, two) = (
        app.appoint(Role::Operator).await.sign_in().await,
        app.appoint(Role::Operator).await.sign_in().await,
    );
    let user = app.register().await.sign_in().await;
    let revoke = json!({"session": user.id, "reason": "a test"});
    post(&one, "/api/v1/admin/revocations", "k", &revoke).await.expect(200);
    let other = json!({"session": user.id, "reason": "another"});
    post(&one, "/api/v1/admin/revocations", "k", &other).await.refused(422, "idempotency_key_reused");
    let new = json!({"email": app.new_email(), "password": "none", "reason": "a test"});
    post(&one, USERS, "k", &new).await.refused(422, "idempotency_key_reused");
    post(&two, USERS, "k", &new).await.expect(201);
    assert_eq!(app.count("SELECT count(*) FROM revocations WHERE cause = 'revoked'").await, 1);
}

#[tokio::test]
async fn of_many_requests_with_one_key_at_once_one_is_carried_out() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let body = json!({"email": app.new_email(), "password": "none", "reason": "a test"});
    let answers = futures_util::future::join_all((0..8).map(|_| post(&operator, USERS, "k", &body))).await;
    for answer in answers {
        let replayed = answer.header("idempotency-replayed").is_some();
        match answer.status {
            201 => {}
            _ => {
                answer.refused(409, "request_in_progress");
                assert!(!replayed);
            }
        }
    }
    let created = "SELECT count(*) FROM audit_events WHERE event = 'user.created'";
    assert_eq!(app.count(created).await, 1);
}

#[tokio::test]
async fn a_request_that_failed_gives_its_key_back() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let body = json!({"email": app.new_email(), "role": "admin", "password": "none", "reason": "a test"});
    post(&operator, USERS, "k", &body).await.refused(403, "admin_required");
    post(&operator, USERS, "k", &body).await.refused(403, "admin_required");
    assert_eq!(app.count("SELECT count(*) FROM idempotency_keys").await, 0);
}

#[tokio::test]
async fn a_request_whose_outcome_is_unknown_is_not_carried_out_again() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let body = json!({"email": app.new_email(), "password": "none", "reason": "a test"});
    post(&operator, USERS, "k", &body).await.expect(201);
    // As if the server had been killed between the change and its answer.
    app.rows().await.execute("UPDATE idempotency_keys SET status = NULL, answer = NULL", &[]).await.unwrap();
    post(&operator, USERS, "k", &body).await.refused(409, "request_in_progress");
    app.advance(Duration::from_secs(61));
    post(&operator, USERS, "k", &body).await.refused(409, "outcome_unknown");
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_and_users_cannot_keep_keys() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let body = json!({"email": app.new_email(), "password": "none", "reason": "a test"});
    post(&user, USERS, "k", &body).await.refused(403, "operator_required");
    assert_eq!(app.count("SELECT count(*) FROM idempotency_keys").await, 0);
    post(&operator, USERS, "k", &body).await.expect(201);
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM idempotency_keys").await, 1);
    app.advance(Duration::from_secs(24 * 3_600 + 1));
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM idempotency_keys").await, 0);
}

#[tokio::test]
async fn an_invalid_key_is_refused() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let body = json!({"email": app.new_email(), "password": "none", "reason": "a test"});
    for key in ["", "a b", &"x".repeat(256)] {
        post(&operator, USERS, key, &body).await.refused(400, "invalid_idempotency_key");
    }
    let twice =
        operator.request(Method::POST, USERS).header("idempotency-key", "a").header("idempotency-key", "b");
    twice.json(&body).ask().await.refused(400, "invalid_idempotency_key");
}

#[tokio::test]
async fn a_request_that_a_busy_server_did_not_begin_gives_its_key_back() {
    let app = App::start();
    let busy = App::over(app.database().clone(), |settings| settings.password_queue = 0);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let at_busy = Session { app: busy.clone(), ..operator.clone() };
    let bodies: Vec<_> = (0..40).map(|_| json!({"email": app.new_email(), "reason": "a test"})).collect();
    let keys: Vec<_> = (0..40).map(|number| format!("key-{number}")).collect();
    let posts = bodies.iter().zip(&keys).map(|(body, key)| post(&at_busy, USERS, key, body));
    let answers = futures_util::future::join_all(posts).await;
    let refused: Vec<_> = (0..40).filter(|number| answers[*number].status == 503).collect();
    assert!(!refused.is_empty(), "the server was never busy");
    for number in refused {
        post(&operator, USERS, &keys[number], &bodies[number]).await.expect(201);
    }
}
