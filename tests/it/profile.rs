//! The profile of a user, and changes of the password, which require a recent proof of presence.

use std::time::Duration;

use portcullis::config::Environment;
use reqwest::Method;
use serde_json::json;

use crate::harness::{App, Ask, Closed, PASSWORD};

const NEW_PASSWORD: &str = "another-copper-walrus-17";
/// Longer than the privilege of a sign-in lasts.
const AFTER_PRIVILEGE: Duration = Duration::from_secs(11 * 60);

#[tokio::test]
async fn a_profile_is_read_and_changed() {
    let session = App::start().register().await.sign_in().await;
    let body = json!({"display_name": "Ann Example"});
    session.request(Method::PUT, "/api/v1/profile").json(&body).ask().await.expect(200);
    let profile = session.get("/api/v1/profile").await.expect(200);
    assert_eq!(profile.text_of("display_name"), "Ann Example");
    assert!(!profile.text.contains("argon2"), "the answer has no hash");
    session
        .request(Method::PUT, "/api/v1/profile")
        .json(&json!({"display_name": null}))
        .ask()
        .await
        .expect(200);
    assert!(session.get("/api/v1/profile").await.body["display_name"].is_null());
}

#[tokio::test]
async fn a_change_of_the_profile_cannot_change_the_role() {
    let session = App::start().register().await.sign_in().await;
    let body = json!({"display_name": "Ann", "role": "admin"});
    session.request(Method::PUT, "/api/v1/profile").json(&body).ask().await.expect(422).problem();
    assert_eq!(session.get("/api/v1/profile").await.text_of("role"), "user");
}

#[tokio::test]
async fn a_new_password_ends_only_the_other_sessions_of_its_user_with_4502() {
    let app = App::start();
    let (person, stranger) = (app.register().await, app.register().await.sign_in().await);
    let (own, other) = (person.sign_in().await, person.sign_in().await);
    let (mut kept, mut ended, mut strange) =
        (own.connect().await, other.connect().await, stranger.connect().await);
    let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
    let answer = own.post("/api/v1/profile/password", &body).await.expect(200);
    assert_eq!((&answer.body["sessions"], &answer.body["sockets_closed"]), (&json!(1), &json!(1)));
    assert_eq!(ended.closed().await, Closed { code: 4502, reason: "password changed".to_owned() });
    assert!(kept.is_undisturbed().await && strange.is_undisturbed().await);
    assert!(own.works().await && !other.works().await && stranger.works().await);
    other.try_refresh().await.expect(401).problem();
    person.try_password(PASSWORD).await.expect(401).problem();
    person.try_password(NEW_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_password_change_requires_a_recent_proof_of_presence() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    app.advance(AFTER_PRIVILEGE);
    let body = json!({"new_password": NEW_PASSWORD});
    session.post("/api/v1/profile/password", &body).await.refused(403, "step_up_required");
    session
        .post("/api/v1/auth/step-up", &json!({"password": "not-her-password-91"}))
        .await
        .expect(401)
        .problem();
    session.post("/api/v1/profile/password", &body).await.refused(403, "step_up_required");
    session.stepped_up().await.post("/api/v1/profile/password", &body).await.expect(200);
}

#[tokio::test]
async fn a_password_change_ends_the_privilege_of_its_session() {
    let session = App::start().register().await.sign_in().await;
    session.post("/api/v1/profile/password", &json!({"new_password": NEW_PASSWORD})).await.expect(200);
    let again = json!({"new_password": "a-third-marble-otter-63"});
    session.post("/api/v1/profile/password", &again).await.refused(403, "step_up_required");
}

#[tokio::test]
async fn a_step_up_gives_privilege_to_the_new_token_and_ends_that_of_the_old_one() {
    let session = App::start().register().await.sign_in().await;
    let stepped_up = session.stepped_up().await;
    let body = json!({"new_password": NEW_PASSWORD});
    session.post("/api/v1/profile/password", &body).await.refused(403, "step_up_required");
    assert!(session.works().await && stepped_up.works().await, "both tokens work");
    let again = stepped_up.stepped_up().await;
    stepped_up.post("/api/v1/profile/password", &body).await.refused(403, "step_up_required");
    let renewed = again.renewed().await;
    renewed.post("/api/v1/profile/password", &body).await.expect(200);
}

#[tokio::test]
async fn a_guessable_or_short_new_password_is_refused() {
    let session = App::start().register().await.sign_in().await;
    // In capital letters, because addresses that are noted as secrets would be found in the lines of other tests.
    let address = session.person.email.to_uppercase();
    for weak in ["password1234", "short", &address] {
        session.post("/api/v1/profile/password", &json!({"new_password": weak})).await.expect(422).problem();
    }
    session.person.try_password(PASSWORD).await.expect(200);
}

#[tokio::test]
async fn the_debug_answer_shows_the_caller_and_no_secrets() {
    let session = App::start().register().await.sign_in().await;
    let answer = session.by_cookie(Method::GET, "/api/v1/profile/debug").ask().await.expect(200);
    assert_eq!(answer.text_of("credential"), "cookie");
    assert_eq!(answer.body["caller"]["session"], session.id.to_string());
    for secret in [&session.access, &session.refresh, &session.csrf, &session.device] {
        assert!(!answer.text.contains(secret.as_str()));
    }
}

#[tokio::test]
async fn the_debug_answer_does_not_exist_in_production() {
    let app = App::with(|settings| settings.environment = Environment::Production);
    let session = app.register().await.sign_in().await;
    session.get("/api/v1/profile/debug").await.refused(404, "not_found");
}
