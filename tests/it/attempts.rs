//! Sign-in attempts: each is recorded, users see their own, and old ones are deleted.

use std::time::Duration;

use domain::account::role::Status;
use serde_json::{Value, json};

use crate::harness::{App, Ask, PASSWORD, Session};

const DAY: Duration = Duration::from_secs(86_400);
const ATTEMPTS: &str = "/api/v1/profile/attempts";

async fn outcomes(session: &Session) -> Vec<String> {
    let answer = session.get(ATTEMPTS).await.expect(200);
    let attempts = answer.body["attempts"].as_array().expect("a list");
    attempts.iter().map(|attempt| attempt["outcome"].as_str().expect("a word").to_owned()).collect()
}

#[tokio::test]
async fn attempts_on_an_account_are_shown_to_its_owner_newest_first() {
    let app = App::start();
    let person = app.register().await;
    person.sign_in().await;
    app.advance(Duration::from_secs(1));
    person.try_password("not-her-password-91").await.expect(401);
    app.advance(Duration::from_secs(1));
    let session = person.sign_in().await;
    app.register().await.sign_in().await;
    assert_eq!(outcomes(&session).await, ["success", "wrong_password", "success"]);
    let answer = session.get(ATTEMPTS).await.expect(200);
    let newest = &answer.body["attempts"][0];
    assert_eq!((&newest["session_id"], &newest["method"]), (&json!(session.id), &json!("password")));
    assert_eq!(newest["address"], "127.0.0.1");
    assert_eq!(answer.body["attempts"][1]["session_id"], Value::Null);
}

#[tokio::test]
async fn attempts_are_listed_page_by_page() {
    let app = App::start();
    let person = app.register().await;
    let mut session = person.sign_in().await;
    for _ in 0..4 {
        // Several attempts may have the same timestamp.
        session = person.sign_in().await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = session.get(&format!("{ATTEMPTS}?limit=2{cursor}")).await.expect(200);
        let page = answer.body["attempts"].as_array().expect("a list").clone();
        assert!(page.len() <= 2);
        seen.extend(page.into_iter().map(|attempt| attempt["id"].to_string()));
        let Some(next) = answer.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let all = seen.iter().collect::<std::collections::HashSet<_>>().len();
    assert_eq!((seen.len(), all), (5, 5));
    session.get(&format!("{ATTEMPTS}?cursor=nonsense")).await.refused(422, "invalid_cursor");
    session.get(&format!("{ATTEMPTS}?limit=0")).await.refused(422, "invalid_limit");
}

#[tokio::test]
async fn attempts_on_unknown_accounts_are_recorded_without_the_typed_name() {
    let app = App::start();
    let body = json!({"username": "Nobody@Example.com", "password": PASSWORD});
    app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(401);
    let sql = "SELECT user_id, identifier, outcome, to_jsonb(a)::text AS whole FROM device_login_attempts a";
    let row = app.rows().await.query_one(sql, &[]).await.unwrap();
    assert_eq!(row.get::<_, Option<i64>>("user_id"), None);
    assert_eq!(row.get::<_, &str>("outcome"), "unknown_account");
    assert_eq!(row.get::<_, &str>("identifier").len(), 32);
    let whole = row.get::<_, &str>("whole").to_lowercase();
    assert!(!whole.contains("nobody") && !whole.contains(PASSWORD));
}

#[tokio::test]
async fn a_name_has_the_same_hash_in_upper_and_lower_case() {
    let app = App::start();
    let person = app.register().await;
    for name in [person.email.clone(), person.email.to_uppercase()] {
        let body = json!({"username": name, "password": "not-her-password-91"});
        app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(401);
    }
    assert_eq!(app.count("SELECT count(DISTINCT identifier) FROM device_login_attempts").await, 1);
}

#[tokio::test]
async fn the_right_password_of_a_suspended_account_is_recorded_as_inactive_account() {
    let app = App::start();
    let person = app.register().await;
    person.set_status(Status::Suspended).await;
    person.try_password(PASSWORD).await.expect(401);
    person.set_status(Status::Active).await;
    let session = person.sign_in().await;
    assert_eq!(outcomes(&session).await, ["success", "inactive_account"]);
}

#[tokio::test]
async fn the_partition_of_the_month_exists_before_the_first_sign_in() {
    let app = App::start();
    app.register().await.sign_in().await;
    assert_eq!(app.count("SELECT count(*) FROM device_login_attempts").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM device_login_attempts_default").await, 0);
}

#[tokio::test]
async fn partitions_are_created_in_advance_and_receive_the_rows_of_the_default_partition() {
    let app = App::start();
    let person = app.register().await;
    // There is no partition yet for the month that contains the new time.
    app.advance(70 * DAY);
    let session = person.sign_in().await;
    let in_default = "SELECT count(*) FROM device_login_attempts_default";
    assert_eq!(app.count(in_default).await, 1);
    for _ in 0..2 {
        app.sweep().await;
        let months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'device_login_attempts'::regclass";
        assert_eq!((app.count(months).await, app.count(in_default).await), (5, 0));
    }
    person.sign_in().await;
    assert_eq!(app.count(in_default).await, 0);
    assert_eq!(outcomes(&session).await.len(), 2);
}

#[tokio::test]
async fn attempts_are_deleted_after_the_retention_period() {
    let app = App::start();
    let person = app.register().await;
    person.sign_in().await;
    app.sweep().await;
    // There is no partition yet for the month that contains the new time.
    app.advance(70 * DAY);
    person.sign_in().await;
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM device_login_attempts").await, 2);
    app.advance(60 * DAY);
    let session = person.sign_in().await;
    app.sweep().await;
    assert_eq!(outcomes(&session).await.len(), 2);
}

#[tokio::test]
async fn old_attempts_in_the_default_partition_are_deleted() {
    let app = App::start();
    let person = app.register().await;
    person.sign_in().await;
    let sql = "UPDATE device_login_attempts SET at = '2001-01-01T00:00:00Z'";
    app.rows().await.execute(sql, &[]).await.unwrap();
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM device_login_attempts").await, 0);
}

#[tokio::test]
async fn sweeps_that_run_at_the_same_time_all_succeed() {
    let app = App::start();
    let person = app.register().await;
    // There is no partition yet for the month that contains the new time, so the sweeps must create two partitions.
    app.advance(70 * DAY);
    person.sign_in().await;
    let sweeps = (0..6).map(|_| app.try_sweep());
    for swept in futures_util::future::join_all(sweeps).await {
        swept.unwrap();
    }
    let months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'device_login_attempts'::regclass";
    assert_eq!(app.count(months).await, 5);
    assert_eq!(app.count("SELECT count(*) FROM device_login_attempts").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM device_login_attempts_default").await, 0);
}
