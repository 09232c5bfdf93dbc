//! Registration, sign-in, and the request that reports whether a client is signed in.

use domain::account::{
    password::{self, HashParams},
    role::Status,
};
use serde_json::{Value, json};

use crate::harness::{Answer, App, Ask, PASSWORD, Session};

/// The parts of an answer that must be equal for existing and unknown accounts: the status, and the body without its request
/// id.
fn comparable_parts(answer: &Answer) -> (u16, Value) {
    let mut body = answer.body.clone();
    body["request_id"] = Value::Null;
    body["trace_id"] = Value::Null;
    (answer.status, body)
}

#[tokio::test]
async fn a_user_registers_and_signs_in() {
    let app = App::start();
    let person = app.register().await;
    let session = person.sign_in().await;
    let profile = session.get("/api/v1/profile").await.expect(200);
    assert_eq!(profile.text_of("email"), person.email);
    assert_eq!((profile.text_of("role").as_str(), profile.text_of("status").as_str()), ("user", "active"));
}

#[tokio::test]
async fn the_same_address_in_another_case_is_the_same_account() {
    let app = App::start();
    let person = app.register().await;
    for email in [person.email.clone(), person.email.to_uppercase()] {
        let body = json!({"email": email, "password": PASSWORD});
        app.post("/api/v1/auth/register").json(&body).ask().await.expect(409).problem();
    }
    let shouting = json!({"username": person.email.to_uppercase(), "password": PASSWORD});
    app.post("/api/v1/auth/jwt/login").json(&shouting).ask().await.expect(200);
}

#[tokio::test]
async fn a_password_that_is_short_guessable_or_too_long_is_refused_and_creates_no_account() {
    let app = App::start();
    let own = "barbarella.morgenstern@example.com";
    for password in ["short", "password1234", "barbarella.morgenstern", &"x".repeat(1025)] {
        let body = json!({"email": own, "password": password});
        app.post("/api/v1/auth/register").json(&body).ask().await.expect(422).problem();
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn a_registration_registers_the_device_of_its_client() {
    let app = App::start();
    let body = json!({"email": app.new_email(), "password": PASSWORD});
    let answer = app.post("/api/v1/auth/register").json(&body).ask().await.expect(201);
    let cookie = answer.cookie("device_id").expect("a device cookie");
    let device = cookie.split('.').next().expect("an id");
    let known = format!(
        "SELECT count(*) FROM registered_devices WHERE id = '{device}' AND user_id = {}",
        answer.body["id"]
    );
    assert_eq!(app.count(&known).await, 1);
    let again = json!({"email": app.new_email(), "password": PASSWORD});
    let request =
        app.post("/api/v1/auth/register").header("cookie", format!("device_id={cookie}")).json(&again);
    assert_eq!(request.ask().await.expect(201).cookie("device_id"), Some(cookie));
}

#[tokio::test]
async fn with_email_verification_a_known_address_gets_the_same_answer_as_a_new_one() {
    let app = App::with(|settings| settings.require_email_verification = true);
    let body = json!({"email": app.new_email(), "password": PASSWORD});
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut answer = app.post("/api/v1/auth/register").json(&body).ask().await.expect(201);
        answer.body["created_at"] = Value::Null;
        assert!(answer.cookie("device_id").is_some_and(|cookie| cookie.contains('.')));
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        answers.push((answer.body, names));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn registration_can_be_closed() {
    let app = App::with(|settings| settings.registration_open = false);
    let body = json!({"email": app.new_email(), "password": PASSWORD});
    app.post("/api/v1/auth/register").json(&body).ask().await.expect(403).problem();
}

#[tokio::test]
async fn a_pending_user_cannot_sign_in() {
    let app = App::with(|settings| settings.require_email_verification = true);
    let body = json!({"email": app.new_email(), "password": PASSWORD});
    app.post("/api/v1/auth/register").json(&body).ask().await.expect(201);
    let credentials = json!({"username": body["email"], "password": PASSWORD});
    app.post("/api/v1/auth/jwt/login").json(&credentials).ask().await.expect(401).problem();
}

#[tokio::test]
async fn the_answer_to_a_sign_in_has_tokens_and_cookies() {
    let app = App::start();
    let person = app.register().await;
    let answer = person.try_password(PASSWORD).await.expect(200);
    assert_eq!((&answer.body["token_type"], &answer.body["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert_eq!(answer.body["user"]["id"], person.id.0);
    assert_eq!(answer.cookie("access_token"), Some(answer.text_of("access_token")));
    assert_eq!(answer.cookie("refresh_token"), Some(answer.text_of("refresh_token")));
    assert_eq!(answer.cookie("csrf_token"), Some(answer.text_of("csrf_token")));
    for (cookie, attributes) in [
        ("access_token", ["HttpOnly", "SameSite=Lax", "Path=/"].as_slice()),
        ("refresh_token", &["HttpOnly", "SameSite=Strict", "Path=/api/v1/auth"]),
        ("csrf_token", &["HttpOnly"]),
        ("device_id", &["HttpOnly", "Max-Age=31536000"]),
    ] {
        let line = answer.set_cookie(cookie).expect("the cookie");
        for attribute in attributes {
            assert!(line.split("; ").any(|part| part == *attribute), "{attribute}: {line}");
        }
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_browser_gets_its_refresh_token_in_the_cookie_only() {
    let app = App::start();
    let person = app.register().await;
    let body = json!({"username": person.email, "password": PASSWORD});
    let request = app.post("/api/v1/auth/jwt/login").header("sec-fetch-site", "same-origin").json(&body);
    let answer = request.ask().await.expect(200);
    assert!(answer.body.get("refresh_token").is_none());
    assert!(answer.cookie("refresh_token").is_some_and(|token| !token.is_empty()));
}

#[tokio::test]
async fn an_unknown_account_a_wrong_password_and_a_suspended_account_get_the_same_answer() {
    let app = App::start();
    let (person, suspended) = (app.register().await, app.register().await);
    suspended.set_status(Status::Suspended).await;
    let unknown = json!({"username": "nobody@example.com", "password": PASSWORD});
    let unknown = app.post("/api/v1/auth/jwt/login").json(&unknown).ask().await.expect(401).problem();
    let wrong = person.try_password("not-her-password-91").await;
    assert_eq!(comparable_parts(&unknown), comparable_parts(&wrong));
    assert_eq!(comparable_parts(&unknown), comparable_parts(&suspended.try_password(PASSWORD).await));
    assert_eq!(
        comparable_parts(&unknown),
        comparable_parts(&suspended.try_password("not-her-password-91").await)
    );
}

#[tokio::test]
async fn a_sign_in_may_be_sent_as_a_form() {
    let app = App::start();
    let person = app.register().await;
    let form = [("username", person.email.as_str()), ("password", PASSWORD), ("grant_type", "password")];
    let answer = app.post("/api/v1/auth/jwt/login").form(&form).ask().await.expect(200);
    assert!(Session::granted(&person, &answer).works().await);
}

#[tokio::test]
async fn the_deprecated_route_still_signs_in_and_its_answer_names_the_new_route() {
    let app = App::start();
    let person = app.register().await;
    let body = json!({"username": person.email, "password": PASSWORD});
    let answer = app.post("/api/v1/auth/login").json(&body).ask().await.expect(200);
    assert!(answer.header("deprecation").is_some());
    assert!(answer.header("link").is_some_and(|link| link.contains("/api/v1/auth/jwt/login")));
    let newer = app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(200);
    assert!(newer.header("deprecation").is_none());
}

#[tokio::test]
async fn auth_status_shows_whether_the_client_is_signed_in_and_answers_200_in_both_cases() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let mine = session.get("/api/v1/auth/status").await.expect(200);
    assert_eq!(mine.body["authenticated"], true);
    assert_eq!(mine.body["session"]["id"], session.id.to_string());
    let anonymous = app.get("/api/v1/auth/status").ask().await.expect(200);
    assert_eq!(anonymous.body, json!({"authenticated": false}));
    let garbage = app.get("/api/v1/auth/status").bearer_auth("garbage").ask().await.expect(200);
    assert_eq!(garbage.body, json!({"authenticated": false}));
}

#[tokio::test]
async fn every_sign_in_opens_a_new_session() {
    let app = App::start();
    let person = app.register().await;
    let (one, two) = (person.sign_in().await, person.sign_in().await);
    assert_ne!(one.id, two.id);
    assert!(one.works().await && two.works().await);
}

#[tokio::test]
async fn a_device_is_recognised_by_its_cookie_but_not_by_a_forged_cookie() {
    let app = App::start();
    let person = app.register().await;
    let first = person.sign_in().await;
    let sign_in = async |device: &str| {
        let body = json!({"username": person.email, "password": PASSWORD});
        let request = app.post("/api/v1/auth/jwt/login").header("cookie", format!("device_id={device}"));
        let session = Session::granted(&person, &request.json(&body).ask().await.expect(200));
        session.device
    };
    assert_eq!(sign_in(&first.device).await, first.device);
    let (id, _) = first.device.split_once('.').expect("an id and a seal");
    assert_ne!(sign_in(&format!("{id}.{}", "0".repeat(64))).await, first.device);
    let devices = app.count("SELECT count(*) FROM registered_devices").await;
    assert_eq!(devices, 3, "the devices of the registration, of the first sign-in and of the forged cookie");
}

#[tokio::test]
async fn registration_sign_in_refresh_and_sign_out_are_audited() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    session.try_refresh().await.expect(200);
    session.sign_out("local").await.expect(200);
    session.person.try_password("not-her-password-91").await.expect(401);
    assert!(app.realtime().flush(std::time::Duration::from_secs(5)).await);
    let rows = app.rows().await;
    let sql = "SELECT event, outcome FROM audit_events WHERE address IS NOT NULL AND request_id IS NOT NULL ORDER BY seq";
    let rows = rows.query(sql, &[]).await.unwrap();
    let events: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert!(events.iter().any(|(_, outcome)| outcome == "failure" || outcome == "denied"), "{events:?}");
    assert!(events.iter().filter(|(_, outcome)| outcome == "success").count() >= 4, "{events:?}");
}

#[tokio::test]
async fn a_password_hash_with_outdated_parameters_is_replaced_at_a_sign_in() {
    let app = App::start();
    let person = app.register().await;
    let cheap = HashParams { m_kib: 64, t: 1, p: 1 };
    let old = password::hash(&PASSWORD.into(), [7; 16], cheap).unwrap();
    let rows = app.rows().await;
    rows.execute("UPDATE users SET password_hash = $2 WHERE id = $1", &[&person.id.0, &old]).await.unwrap();
    let hash = async || -> String {
        let sql = "SELECT password_hash FROM users WHERE id = $1";
        rows.query_one(sql, &[&person.id.0]).await.unwrap().get(0)
    };
    person.try_password("not-her-password-91").await.expect(401);
    assert_eq!(hash().await, old, "a wrong password does not replace the hash");
    person.sign_in().await;
    assert!(hash().await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    person.sign_in().await;
}

#[tokio::test]
async fn an_account_is_found_by_any_equivalent_spelling_of_its_address() {
    let app = App::start();
    let body = json!({"email": "ju\u{308}rgen@example.com", "password": PASSWORD});
    app.post("/api/v1/auth/register").json(&body).ask().await.expect(201);
    let body = json!({"username": " J\u{dc}RGEN@Example.com", "password": PASSWORD});
    app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(200);
}
