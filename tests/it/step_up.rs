//! Step-up: the accepted proofs, the duration of the privilege, and the requests that require it.

use std::time::Duration;

use domain::account::role::Role;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, App, Ask, Barrier, PASSWORD, PasskeyAuthenticator, Session};

/// Longer than privilege lasts.
const LATER: Duration = Duration::from_secs(601);

/// Sends requests that require privilege, and returns their answers.
async fn privileged_requests(session: &Session) -> Vec<(&'static str, Answer)> {
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
async fn without_privilege_a_request_that_requires_it_is_refused_with_the_methods_of_a_step_up() {
    let app = App::start();
    let session = app.appoint(Role::Operator).await.sign_in().await;
    app.advance(LATER);
    for (path, answer) in privileged_requests(&session).await {
        let answer = answer.refused(403, "step_up_required");
        assert_eq!(answer.body["methods"], json!(["password"]), "{path}");
    }
}

#[tokio::test]
async fn an_active_authenticator_app_is_a_method_of_step_ups_and_a_backup_code_is_not() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    session.enable_totp().await;
    session.backup_codes().await;
    app.advance(LATER);
    let refused = session.delete("/api/v1/2fa/totp").await.refused(403, "step_up_required");
    assert_eq!(refused.body["methods"], json!(["totp"]));
    let other = session.step_up_with(json!({"backup_code": "0000-0000-0000"})).await;
    other.refused(422, "invalid_body");
}

#[tokio::test]
async fn a_code_of_the_app_permits_one_step_up() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    let totp = session.enable_totp().await;
    app.advance(LATER);
    let code = totp.code();
    let granted = session.step_up_with(json!({"totp": code})).await.expect(200);
    session.step_up_with(json!({"totp": code})).await.refused(401, "invalid_second_factor");
    let privileged = session.renewed_by(&granted);
    // The old token does not receive the privilege.
    session.delete("/api/v1/2fa/totp").await.refused(403, "step_up_required");
    privileged.delete("/api/v1/2fa/totp").await.expect(200);
}

#[tokio::test]
async fn a_code_works_either_for_a_sign_in_or_for_a_step_up() {
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
async fn a_wrong_proof_does_not_change_the_session() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    let wrong = json!({"password": "not-her-password-91"});
    session.step_up_with(wrong).await.refused(401, "invalid_credentials");
    session.enable_totp().await;
    session.step_up_with(json!({"totp": "000000"})).await.refused(401, "invalid_second_factor");
    assert!(session.works().await);
    session.delete("/api/v1/2fa/totp").await.expect(200);
    let refused = "SELECT count(*) FROM audit_events WHERE event = 'session.step_up_refused'";
    crate::harness::eventually("both refusals are recorded", async || app.count(refused).await == 2).await;
}

#[tokio::test]
async fn with_a_second_factor_the_password_is_refused_for_a_step_up() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    let totp = session.enable_totp().await;
    app.advance(LATER);
    for password in [PASSWORD, "not-her-password-91"] {
        let refused = session.step_up_with(json!({"password": password})).await;
        assert_eq!(refused.refused(403, "step_up_required").body["methods"], json!(["totp"]));
    }
    session.delete("/api/v1/2fa/totp").await.refused(403, "step_up_required");
    let granted = session.step_up_with(json!({"totp": totp.code()})).await.expect(200);
    session.renewed_by(&granted).delete("/api/v1/2fa/totp").await.expect(200);
}

#[tokio::test]
async fn on_a_trusted_device_the_password_is_not_enough_to_remove_the_second_factor() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let device = person.begin_sign_in().await.finish_trusting(&totp.code()).await.device;
    let session =
        Session::granted(&person, &person.try_password_on(PASSWORD, Some(&device)).await.expect(200));
    session.delete("/api/v1/2fa/totp").await.refused(403, "step_up_required");
    session.step_up_with(json!({"password": PASSWORD})).await.refused(403, "step_up_required");
    session.delete("/api/v1/2fa/totp").await.refused(403, "step_up_required");
}

#[tokio::test]
async fn without_a_usable_factor_a_new_sign_in_is_required() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    session.add_passkey(&mut PasskeyAuthenticator::of(&app)).await;
    app.rows().await.batch_execute("UPDATE passkey_credentials SET suspended_at = now()").await.unwrap();
    app.advance(LATER);
    session.try_begin_registration().await.refused(403, "sign_in_required");
    session.step_up_with(json!({"password": PASSWORD})).await.refused(403, "sign_in_required");
}

#[tokio::test]
async fn a_step_up_requires_exactly_one_proof() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    for proof in [json!({}), json!({"password": PASSWORD, "totp": "123456"})] {
        session.step_up_with(proof).await.refused(422, "one_proof_required");
    }
}

#[tokio::test]
async fn a_code_is_refused_if_the_account_has_no_active_authenticator_app() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    session.step_up_with(json!({"totp": "123456"})).await.refused(401, "invalid_second_factor");
    // An authenticator app that is still being set up is not accepted either.
    let begun = session.post("/api/v1/2fa/totp", &json!({})).await.expect(201);
    let totp = crate::harness::AuthenticatorApp::new(&app, &begun.text_of("secret"));
    session.step_up_with(json!({"totp": totp.code()})).await.refused(401, "invalid_second_factor");
}

#[tokio::test]
async fn a_change_is_refused_if_its_session_loses_the_privilege_before_the_change_is_written() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    session.enable_totp().await;
    assert!(session.works().await, "the session is in the cache with its privilege");
    let sql = "UPDATE sessions SET privileged_until = NULL WHERE id = $1";
    app.rows().await.execute(sql, &[&session.id.0]).await.unwrap();
    for (method, path) in [(Method::POST, "/api/v1/2fa/totp"), (Method::DELETE, "/api/v1/2fa/totp")] {
        let answer = session.request(method, path).ask().await.refused(403, "step_up_required");
        assert_eq!(answer.body["methods"], json!(["totp"]));
    }
    assert!(session.get("/api/v1/2fa").await.expect(200).body["totp"].is_object(), "nothing was changed");
}

/// Sends a step-up. While the step-up waits in the database, the revocation epoch of the user rises, as when another session
/// ends.
async fn while_another_session_ends(session: &Session, step_up: impl Future<Output = Answer>) -> Answer {
    let end = format!("UPDATE users SET generation = generation + 1 WHERE id = {}", session.person.id);
    let barrier = Barrier::at(session.app.database(), &end).await;
    let conduct = async {
        barrier.wait_for(1).await;
        barrier.release().await;
    };
    tokio::join!(step_up, conduct).0
}

#[tokio::test]
async fn a_step_up_succeeds_even_if_another_session_ends_meanwhile() {
    let app = App::start();
    let by_password = app.register().await.open_session().await;
    let proof = by_password.step_up_with(json!({"password": PASSWORD}));
    while_another_session_ends(&by_password, proof).await.expect(200);

    let mut by_code = app.register().await.open_session().await;
    let totp = by_code.enable_totp().await;
    app.advance(Duration::from_secs(60));
    let code = totp.code();
    while_another_session_ends(&by_code, by_code.step_up_with(json!({"totp": code}))).await.expect(200);

    let mut by_passkey = app.register().await.open_session().await;
    let mut authenticator = PasskeyAuthenticator::of(&app);
    by_passkey.add_passkey(&mut authenticator).await;
    let ceremony = by_passkey.begin_step_up().await;
    let credential = authenticator.assert(&ceremony.options);
    let proof = by_passkey.finish_step_up(&ceremony, &credential);
    while_another_session_ends(&by_passkey, proof).await.expect(200);
}

#[tokio::test]
async fn a_step_up_of_a_session_that_ends_meanwhile_is_refused() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    let end = format!("UPDATE sessions SET revoked_at = now() WHERE id = '{}'", session.id);
    let lock = format!("SELECT FROM users WHERE id = {} FOR NO KEY UPDATE; {end}", session.person.id);
    let barrier = Barrier::at(app.database(), &lock).await;
    let conduct = async {
        barrier.wait_for(1).await;
        barrier.release().await;
    };
    let (answer, ()) = tokio::join!(session.step_up_with(json!({"password": PASSWORD})), conduct);
    answer.refused(401, "session_revoked");
}
