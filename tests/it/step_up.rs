//! Step-up: the accepted proofs, the duration of the privilege, and the requests that require it.

use std::time::Duration;

use domain::account::role::Role;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, App, Ask, PASSWORD, Session};

/// Longer than privilege lasts.
const LATER: Duration = Duration::from_secs(601);

/// Sends requests that need privilege, and returns their answers.
async fn destructive(session: &Session) -> Vec<(&'static str, Answer)> {
    let calls = [
        (Method::POST, "/api/v1/2fa/totp", json!({})),
        (Method::POST, "/api/v1/2fa/totp/confirm", json!({"totp": "123456"})),
        (Method::DELETE, "/api/v1/2fa/totp", json!({})),
        (Method::POST, "/api/v1/2fa/backup-codes", json!({})),
        (Method::POST, "/api/v1/profile/password", json!({"new_password": "another-zebra-lantern-43"})),
        (Method::POST, "/api/v1/admin/revocations", json!({"user": 1, "reason": "a test"})),
    ];
    let mut answers = Vec::new();
    for (method, path, body) in calls {
        answers.push((path, session.request(method, path).json(&body).ask().await));
    }
    answers
}

#[tokio::test]
async fn every_destructive_call_asks_for_it_and_says_how_it_can_be_given() {
    let app = App::start();
    let session = app.appoint(Role::Operator).await.sign_in().await;
    app.advance(LATER);
    for (path, answer) in destructive(&session).await {
        let answer = answer.refused(403, "step_up_required");
        assert_eq!(answer.body["methods"], json!(["password"]), "{path}");
    }
}

#[tokio::test]
async fn an_app_is_among_the_methods_once_it_counts_and_a_backup_code_never_is() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    session.enable_totp().await;
    session.backup_codes().await;
    app.advance(LATER);
    let refused = session.delete("/api/v1/2fa/totp").await.refused(403, "step_up_required");
    assert_eq!(refused.body["methods"], json!(["password", "totp"]));
    let other = session.step_up_with(json!({"backup_code": "0000-0000-0000"})).await;
    other.refused(422, "invalid_body");
}

#[tokio::test]
async fn a_code_of_the_app_proves_presence_once() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    let totp = session.enable_totp().await;
    app.advance(LATER);
    let code = totp.code();
    let granted = session.step_up_with(json!({"totp": code})).await.expect(200);
    session.step_up_with(json!({"totp": code})).await.refused(401, "invalid_second_factor");
    let privileged = Session { access: granted.text_of("access_token"), ..session.clone() };
    // The old token does not receive the privilege.
    session.delete("/api/v1/2fa/totp").await.refused(403, "step_up_required");
    privileged.delete("/api/v1/2fa/totp").await.expect(200);
}

#[tokio::test]
async fn a_code_that_signed_in_does_not_step_up_and_the_reverse() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    app.advance(Duration::from_secs(60));
    let code = totp.code();
    let session = person.begin_sign_in().await.finish(&code).await;
    session.step_up_with(json!({"totp": code})).await.refused(401, "invalid_second_factor");
    let next = totp.code_at(totp.step() + 1);
    session.step_up_with(json!({"totp": next})).await.expect(200);
    person.begin_sign_in().await.totp(&next).await.refused(401, "invalid_second_factor");
}

#[tokio::test]
async fn a_wrong_proof_leaves_the_session_as_it_was() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    session.enable_totp().await;
    session.step_up_with(json!({"totp": "000000"})).await.refused(401, "invalid_second_factor");
    session
        .step_up_with(json!({"password": "not-her-password-91"}))
        .await
        .refused(401, "invalid_credentials");
    assert!(session.works().await);
    let refused = "SELECT count(*) FROM audit_events WHERE event = 'session.step_up_refused'";
    crate::harness::eventually("both are recorded", async || app.count(refused).await == 2).await;
}

#[tokio::test]
async fn exactly_one_proof_is_taken() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    for proof in [json!({}), json!({"password": PASSWORD, "totp": "123456"})] {
        session.step_up_with(proof).await.refused(422, "one_proof_required");
    }
}

#[tokio::test]
async fn somebody_without_an_app_proves_nothing_with_a_code() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    session.step_up_with(json!({"totp": "123456"})).await.refused(401, "invalid_second_factor");
    // An authenticator app that is still being set up is not accepted either.
    let begun = session.post("/api/v1/2fa/totp", &json!({})).await.expect(201);
    let totp = crate::harness::AuthenticatorApp::new(&app, &begun.text_of("secret"));
    session.step_up_with(json!({"totp": totp.code()})).await.refused(401, "invalid_second_factor");
}

#[tokio::test]
async fn privilege_that_was_lost_while_the_request_was_on_its_way_is_asked_for_anew() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    session.enable_totp().await;
    assert!(session.works().await, "it is remembered with its privilege");
    let sql = "UPDATE sessions SET privileged_until = NULL WHERE id = $1";
    app.rows().await.execute(sql, &[&session.id.0]).await.unwrap();
    for (method, path) in [(Method::POST, "/api/v1/2fa/totp"), (Method::DELETE, "/api/v1/2fa/totp")] {
        let answer = session.request(method, path).ask().await.refused(403, "step_up_required");
        assert_eq!(answer.body["methods"], json!(["password", "totp"]));
    }
    assert!(session.get("/api/v1/2fa").await.expect(200).body["totp"].is_object(), "nothing was changed");
}
