//! Genuine answers of passkeys that the server must refuse. They are, for example, replayed, late, from another browser, for
//! another kind of ceremony, or given with the passkey of another user.

use std::time::Duration;

use serde_json::json;

use super::{owner, patient, refused_in_words, still_signs_in};
use crate::harness::{Ceremony, CookieClient, PasskeyAuthenticator};

const TOO_LATE: Duration = Duration::from_secs(5 * 60 + 1);

#[tokio::test]
async fn a_ceremony_can_be_finished_only_once() {
    let app = patient();
    let (_, _, mut authenticator) = owner(&app).await;
    let client = CookieClient::of(&app);
    let ceremony = client.begin(&json!({})).await;
    let credential = authenticator.assert(&ceremony.options);
    client.finish(&ceremony, &credential).await.expect(200);
    refused_in_words(client.finish(&ceremony, &credential).await.expect(401));
    let again = client.begin(&json!({})).await;
    refused_in_words(client.finish(&again, &credential).await.expect(401));
    still_signs_in(&app, &mut authenticator).await;
}

#[tokio::test]
async fn a_failed_ceremony_cannot_be_repeated() {
    let app = patient();
    let (_, _, mut authenticator) = owner(&app).await;
    let client = CookieClient::of(&app);
    let ceremony = client.begin(&json!({})).await;
    authenticator.verified = false;
    let credential = authenticator.assert(&ceremony.options);
    refused_in_words(client.finish(&ceremony, &credential).await.expect(401));
    authenticator.verified = true;
    let credential = authenticator.assert(&ceremony.options);
    refused_in_words(client.finish(&ceremony, &credential).await.expect(401));
}

#[tokio::test]
async fn a_ceremony_belongs_to_the_browser_that_began_it() {
    let app = patient();
    let (_, _, mut authenticator) = owner(&app).await;
    let (one, two) = (CookieClient::of(&app), CookieClient::of(&app));
    two.begin(&json!({})).await;
    let ceremony = one.begin(&json!({})).await;
    let credential = authenticator.assert(&ceremony.options);
    refused_in_words(two.finish(&ceremony, &credential).await.expect(401));
    refused_in_words(CookieClient::of(&app).finish(&ceremony, &credential).await.expect(401));
    one.finish(&ceremony, &credential).await.expect(200);
}

#[tokio::test]
async fn a_ceremony_belongs_to_the_session_that_began_it() {
    let app = patient();
    let (person, session, mut authenticator) = owner(&app).await;
    let (other, stranger) = (person.open_session().await, app.register().await.open_session().await);
    let registration = session.begin_registration().await;
    let made = PasskeyAuthenticator::of(&app).register(&registration.options);
    let step_up = session.begin_step_up().await;
    let shown = authenticator.assert(&step_up.options);
    for thief in [&other, &stranger] {
        refused_in_words(thief.finish_registration(&registration, &made).await);
        refused_in_words(thief.finish_step_up(&step_up, &shown).await);
    }
    refused_in_words(CookieClient::of(&app).finish(&step_up, &shown).await.expect(401));
    session.finish_step_up(&step_up, &shown).await.expect(200);
}

#[tokio::test]
async fn an_expired_ceremony_is_refused() {
    let app = patient();
    let (_, session, mut authenticator) = owner(&app).await;
    let client = CookieClient::of(&app);
    let (sign_in, registration) = (client.begin(&json!({})).await, session.begin_registration().await);
    app.advance(TOO_LATE);
    let credential = authenticator.assert(&sign_in.options);
    refused_in_words(client.finish(&sign_in, &credential).await.expect(401));
    let credential = PasskeyAuthenticator::of(&app).register(&registration.options);
    refused_in_words(session.finish_registration(&registration, &credential).await);
    still_signs_in(&app, &mut authenticator).await;
}

#[tokio::test]
async fn a_ceremony_of_one_kind_cannot_be_finished_as_another() {
    let app = patient();
    let (_, session, mut authenticator) = owner(&app).await;
    let client = CookieClient::of(&app);
    let (sign_in, step_up) = (client.begin(&json!({})).await, session.begin_step_up().await);
    let registration = session.begin_registration().await;
    // Each ceremony gets wrong answers: an assertion at the endpoint of registrations, a registration at the other endpoints.
    for ceremony in [&sign_in, &step_up, &registration] {
        let shown = authenticator.assert_with(0, &with_rp(ceremony));
        let made = PasskeyAuthenticator::of(&app).register(&with_rp(ceremony));
        refused_in_words(session.finish_registration(ceremony, &shown).await);
        refused_in_words(client.finish(ceremony, &made).await);
        refused_in_words(session.finish_step_up(ceremony, &made).await);
    }
    let (sign_in, step_up) = (client.begin(&json!({})).await, session.begin_step_up().await);
    let registration = session.begin_registration().await;
    for ceremony in [&step_up, &registration] {
        let shown = authenticator.assert_with(0, &with_rp(ceremony));
        refused_in_words(client.finish(ceremony, &shown).await);
        refused_in_words(session.post("/api/v1/webauthn/login/finish", &ceremony.answered(&shown)).await);
    }
    for ceremony in [&sign_in, &step_up] {
        let made = PasskeyAuthenticator::of(&app).register(&with_rp(ceremony));
        refused_in_words(session.finish_registration(ceremony, &made).await);
    }
    assert_eq!(session.passkeys().await.len(), 1);
}

/// Options with the challenge of this ceremony. They have all fields that an authenticator needs for an assertion or a
/// registration.
fn with_rp(ceremony: &Ceremony) -> serde_json::Value {
    let mut options = json!({"rpId": "localhost", "rp": {"id": "localhost"}, "user": {"id": "AAAA"}});
    options["challenge"] = ceremony.options["challenge"].clone();
    options
}

#[tokio::test]
async fn a_passkey_does_not_sign_in_under_the_name_of_another_user() {
    let app = patient();
    let (victim, _, mut theirs) = owner(&app).await;
    let (_, _, mut own) = owner(&app).await;
    let client = CookieClient::of(&app);
    let ceremony = client.begin(&json!({"username": victim.email})).await;
    let credential = own.assert_with(0, &ceremony.options);
    refused_in_words(client.finish(&ceremony, &credential).await.expect(401));
    // With the user handle of the victim, the passkey is refused, too.
    let ceremony = client.begin(&json!({})).await;
    let handle = user_handle(&theirs.assert(&ceremony.options));
    own.user_handle = Some(handle);
    let credential = own.assert(&ceremony.options);
    refused_in_words(client.finish(&ceremony, &credential).await.expect(401));
}

fn user_handle(credential: &serde_json::Value) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(credential["response"]["userHandle"].as_str().expect("a handle")).unwrap()
}

#[tokio::test]
async fn a_passkey_of_another_user_is_no_second_factor() {
    let app = patient();
    let (victim, _, _) = owner(&app).await;
    let (_, _, mut own) = owner(&app).await;
    let client = CookieClient::of(&app);
    let asked = client.try_password(&victim).await.expect(200);
    let how = json!({"challenge_id": asked.text_of("challenge_id")});
    let ceremony = client.begin(&how).await;
    let credential = own.assert_with(0, &ceremony.options);
    refused_in_words(client.finish(&ceremony, &credential).await.expect(401));
    // Another browser cannot begin the ceremony either.
    refused_in_words(CookieClient::of(&app).post("/api/v1/webauthn/login/begin", &how).await.expect(401));
}

#[tokio::test]
async fn a_passkey_of_another_user_is_no_proof_of_presence() {
    let app = patient();
    let (_, session, _) = owner(&app).await;
    let (_, _, mut own) = owner(&app).await;
    app.advance(Duration::from_secs(11 * 60));
    let ceremony = session.begin_step_up().await;
    let credential = own.assert_with(0, &ceremony.options);
    refused_in_words(session.finish_step_up(&ceremony, &credential).await.expect(401));
    session.try_begin_registration().await.refused(403, "step_up_required");
}

#[tokio::test]
async fn a_user_suspended_during_a_ceremony_is_not_signed_in() {
    let app = patient();
    let (person, _, mut authenticator) = owner(&app).await;
    let client = CookieClient::of(&app);
    let ceremony = client.begin(&json!({})).await;
    person.set_status(domain::account::role::Status::Suspended).await;
    let credential = authenticator.assert(&ceremony.options);
    refused_in_words(client.finish(&ceremony, &credential).await.expect(401));
    let live = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL";
    assert_eq!(app.count(live).await, 0);
}

#[tokio::test]
async fn an_unregistered_passkey_is_refused() {
    let app = patient();
    let (_, session, _) = owner(&app).await;
    let mut made = PasskeyAuthenticator::of(&app);
    let ceremony = session.begin_registration().await;
    made.register(&ceremony.options);
    let answer = CookieClient::of(&app).sign_in(&mut made, &json!({})).await.expect(401);
    refused_in_words(answer);
}
