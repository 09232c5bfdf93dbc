//! Second factors: their setup, and the proofs that the second step of a sign-in accepts.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{App, Ask, AuthenticatorApp, PASSWORD, Pending, Session};

const WRONG: &str = "invalid_second_factor";

/// The second factors of the user.
async fn held(session: &Session) -> Value {
    session.get("/api/v1/2fa").await.expect(200).body
}

#[tokio::test]
async fn an_authenticator_app_counts_only_after_a_code_confirms_it() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    assert_eq!(held(&session).await, json!({"totp": null, "backup_codes": 0, "passkeys": 0}));
    let begun = session.post("/api/v1/2fa/totp", &json!({})).await.expect(201);
    let uri = begun.text_of("uri");
    let secret = begun.text_of("secret");
    assert!(uri.starts_with("otpauth://totp/localhost:person0%40example.com?secret="), "{uri}");
    assert!(uri.contains(&secret) && secret.len() == 32 && begun.text_of("qr_svg").starts_with("<svg"));
    assert_eq!(begun.header("cache-control"), Some("no-store"));
    assert_eq!(held(&session).await["totp"], Value::Null);
    session.person.try_password(PASSWORD).await.expect(200).text_of("access_token");
    let totp = AuthenticatorApp::new(&app, &secret);
    app.begin_a_step();
    session.post("/api/v1/2fa/totp/confirm", &json!({"totp": "000000 "})).await.refused(401, WRONG);
    let confirmed = session.post("/api/v1/2fa/totp/confirm", &json!({"totp": totp.code()})).await.expect(200);
    assert_eq!(held(&session).await["totp"]["confirmed_at"], confirmed.body["confirmed_at"]);
    session.person.begin_sign_in().await;
}

#[tokio::test]
async fn a_new_setup_replaces_an_unconfirmed_authenticator_app_but_not_a_confirmed_one() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    session.post("/api/v1/2fa/totp/confirm", &json!({"totp": "123456"})).await.refused(409, "totp_not_begun");
    let first = session.post("/api/v1/2fa/totp", &json!({})).await.expect(201).text_of("secret");
    let totp = session.enable_totp().await;
    assert_ne!(AuthenticatorApp::new(&app, &first).code(), totp.code());
    session.post("/api/v1/2fa/totp", &json!({})).await.refused(409, "totp_already_active");
    let again = session.post("/api/v1/2fa/totp/confirm", &json!({"totp": totp.code()})).await;
    again.refused(409, "totp_already_active");
}

#[tokio::test]
async fn a_password_alone_opens_no_session_once_there_is_a_second_factor() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let answer = person.try_password(PASSWORD).await.expect(200);
    let pending = Pending::of(&person, &answer);
    assert_eq!(answer.body["methods"], json!(["totp"]));
    assert!((295..=300).contains(&answer.body["expires_in"].as_i64().unwrap()));
    for cookie in ["access_token", "refresh_token", "csrf_token", "device_id"] {
        assert_eq!(answer.set_cookie(cookie), None);
    }
    assert_eq!(answer.body["access_token"], Value::Null);
    let session = pending.finish(&totp.code()).await;
    assert!(session.works().await);
    let listed = session.get("/api/v1/sessions").await.expect(200);
    assert_eq!(listed.body["sessions"][0]["method"], "second_factor");
    // A sign-in with a second factor gives privilege.
    session.post("/api/v1/2fa/backup-codes", &json!({})).await.expect(201);
}

#[tokio::test]
async fn codes_of_the_neighbouring_time_steps_are_accepted_and_no_others() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    app.advance(Duration::from_secs(90));
    let now = totp.step();
    for step in [now - 2, now + 2] {
        person.begin_sign_in().await.totp(&totp.code_at(step)).await.refused(401, WRONG);
    }
    for step in [now - 1, now + 1] {
        person.begin_sign_in().await.finish(&totp.code_at(step)).await;
    }
}

#[tokio::test]
async fn a_used_code_and_all_earlier_codes_are_refused() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let code = totp.code();
    person.begin_sign_in().await.finish(&code).await;
    person.begin_sign_in().await.totp(&code).await.refused(401, WRONG);
    app.advance(Duration::from_secs(60));
    person.begin_sign_in().await.finish(&totp.code()).await;
    let before = totp.code_at(totp.step() - 1);
    person.begin_sign_in().await.totp(&before).await.refused(401, WRONG);
}

#[tokio::test]
async fn the_code_that_confirmed_an_authenticator_app_is_refused_at_a_sign_in() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let confirming = totp.code_at(totp.step() - 1);
    person.begin_sign_in().await.totp(&confirming).await.refused(401, WRONG);
}

#[tokio::test]
async fn a_challenge_can_be_answered_only_once() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let pending = person.begin_sign_in().await;
    pending.finish(&totp.code()).await;
    pending.totp(&totp.code_at(totp.step() + 1)).await.refused(401, WRONG);
}

#[tokio::test]
async fn a_challenge_ends_after_five_minutes() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let pending = person.begin_sign_in().await;
    app.advance(Duration::from_secs(301));
    pending.totp(&totp.code()).await.refused(401, WRONG);
}

#[tokio::test]
async fn only_the_browser_of_a_sign_in_can_answer_its_challenge() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let (mine, other) = (person.begin_sign_in().await, person.begin_sign_in().await);
    let stolen = Pending { presession: other.presession.clone(), ..mine.clone() };
    stolen.totp(&totp.code()).await.refused(401, WRONG);
    let body = json!({"challenge_id": mine.challenge, "totp": totp.code()});
    app.post("/api/v1/auth/2fa/verify").json(&body).ask().await.refused(401, WRONG);
    let forged = Pending { presession: uuid::Uuid::new_v4().to_string(), ..mine.clone() };
    forged.totp(&totp.code()).await.refused(401, WRONG);
    mine.finish(&totp.code()).await;
}

#[tokio::test]
async fn all_wrong_answers_get_the_same_text() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let pending = person.begin_sign_in().await;
    let unknown = Pending { challenge: uuid::Uuid::new_v4().to_string(), ..pending.clone() };
    let answers = [
        pending.totp("000000").await,
        pending.answer(json!({"backup_code": "0000-0000-0000"})).await,
        pending.totp("not a code").await,
        unknown.totp(&totp.code()).await,
    ];
    let texts: Vec<_> =
        answers.into_iter().map(|answer| answer.refused(401, WRONG).text_of("detail")).collect();
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[tokio::test]
async fn an_answer_must_contain_exactly_one_proof() {
    let app = App::start();
    let person = app.register().await;
    person.enable_totp().await;
    let pending = person.begin_sign_in().await;
    for proof in [json!({}), json!({"totp": "123456", "backup_code": "0000-0000-0000"})] {
        pending.answer(proof).await.refused(422, "one_proof_required");
    }
    pending.answer(json!({"totp": 123_456})).await.refused(422, "invalid_body");
}

#[tokio::test]
async fn a_new_password_makes_an_open_challenge_invalid() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let pending = person.begin_sign_in().await;
    app.reset_password(person.id, "another-zebra-lantern-43").await;
    pending.totp(&totp.code()).await.refused(401, WRONG);
}

#[tokio::test]
async fn a_suspended_user_is_refused_even_with_the_right_code() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let pending = person.begin_sign_in().await;
    person.set_status(domain::account::role::Status::Suspended).await;
    pending.totp(&totp.code()).await.refused(401, WRONG);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_finish_a_sign_in() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let pending = person.begin_sign_in().await;
    let body = json!({"challenge_id": pending.challenge, "totp": totp.code()});
    let request = app.request(Method::POST, "/api/v1/auth/2fa/verify").json(&body);
    let request = request.header("cookie", format!("psid={}", pending.presession));
    request.header("sec-fetch-site", "cross-site").ask().await.expect(403).problem();
}
