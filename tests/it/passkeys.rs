//! The regular use of passkeys: registration, listing, sign-in, second factor, step-up, renaming and removal.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Ask, Closed, CookieClient, PasskeyAuthenticator, Person, Session};

/// Longer than the privilege of a session lasts.
const AFTER_PRIVILEGE: Duration = Duration::from_secs(11 * 60);

const NO_PASSWORD: &str = "UPDATE users SET password_hash = '!'";

fn revoked() -> Closed {
    Closed { code: 4500, reason: "session revoked".to_owned() }
}

/// A user with one passkey, and the session that registered it.
async fn owner(app: &App) -> (Person, Session, PasskeyAuthenticator) {
    let person = app.register().await;
    let mut session = person.open_session().await;
    let mut authenticator = PasskeyAuthenticator::of(app);
    session.add_passkey(&mut authenticator).await;
    (person, session, authenticator)
}

async fn method_of(session: &Session) -> String {
    let sql = "SELECT method FROM sessions WHERE id = $1";
    session.app.rows().await.query_one(sql, &[&session.id.0]).await.unwrap().get(0)
}

async fn trust_of_the_device_of(session: &Session) -> String {
    let sql =
        "SELECT d.trust FROM sessions s JOIN registered_devices d ON d.id = s.device_id WHERE s.id = $1";
    session.app.rows().await.query_one(sql, &[&session.id.0]).await.unwrap().get(0)
}

#[tokio::test]
async fn registering_a_passkey_requires_a_recent_proof_of_presence() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    app.advance(AFTER_PRIVILEGE);
    let refusal = session.try_begin_registration().await.refused(403, "step_up_required");
    assert_eq!(refusal.body["methods"], json!(["password"]));
    let mut session = session.stepped_up().await;
    session.add_passkey(&mut PasskeyAuthenticator::of(&app)).await;
    assert_eq!(session.passkeys().await.len(), 1);
}

#[tokio::test]
async fn the_options_prefer_a_discoverable_passkey_and_require_the_verification_of_its_user() {
    let app = App::start();
    let (person, session, authenticator) = owner(&app).await;
    let options = session.begin_registration().await.options;
    assert_eq!(options["rp"]["id"], "localhost");
    assert_eq!(options["authenticatorSelection"]["residentKey"], "preferred");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["excludeCredentials"].as_array().map(Vec::len), Some(1));
    assert_ne!(options["user"]["id"], json!(person.id.0.to_string()));
    let options = CookieClient::of(&app).begin(&json!({"username": person.email})).await.options;
    assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("localhost"), &json!("required")));
    assert_eq!(options["allowCredentials"].as_array().map(Vec::len), Some(20), "with the decoys");
    let asked = options["allowCredentials"].as_array().expect("a list");
    assert_eq!(asked.iter().filter(|asked| authenticator.holds(asked)).count(), authenticator.keys.len());
}

#[tokio::test]
async fn a_passkey_signs_in_without_a_user_name() {
    let app = App::start();
    let (person, _, mut authenticator) = owner(&app).await;
    let client = CookieClient::of(&app);
    let ceremony = client.begin(&json!({})).await;
    assert_eq!(ceremony.options["allowCredentials"].as_array().map_or(0, Vec::len), 0);
    let credential = authenticator.assert(&ceremony.options);
    let session = Session::granted(&person, &client.finish(&ceremony, &credential).await.expect(200));
    assert!(session.works().await);
    assert_eq!(method_of(&session).await, "passkey");
}

#[tokio::test]
async fn a_sign_in_with_a_passkey_gives_trust_to_its_device_only_on_request() {
    let app = App::start();
    let (person, _, mut authenticator) = owner(&app).await;
    for (asked, trust) in [(json!(null), "new"), (json!(false), "new"), (json!(true), "verified")] {
        let client = CookieClient::of(&app);
        let ceremony = client.begin(&json!({})).await;
        let mut answer = ceremony.answered(&authenticator.assert(&ceremony.options));
        answer["trust_device"] = asked;
        let answer = client.post("/api/v1/webauthn/login/finish", &answer).await.expect(200);
        assert_eq!(trust_of_the_device_of(&Session::granted(&person, &answer)).await, trust);
    }
}

#[tokio::test]
async fn a_passkey_signs_in_with_a_user_name_in_any_case() {
    let app = App::start();
    let (person, _, mut authenticator) = owner(&app).await;
    for name in [person.email.clone(), person.email.to_uppercase()] {
        let answer =
            CookieClient::of(&app).sign_in(&mut authenticator, &json!({"username": name})).await.expect(200);
        let session = Session::granted(&person, &answer);
        assert!(session.works().await);
        assert!(session.connect().await.is_undisturbed().await);
    }
}

#[tokio::test]
async fn a_passkey_without_a_counter_can_be_used_repeatedly() {
    let app = App::start();
    let person = app.register().await;
    let mut authenticator = PasskeyAuthenticator { step: 0, ..PasskeyAuthenticator::of(&app) };
    person.open_session().await.add_passkey(&mut authenticator).await;
    for _ in 0..3 {
        CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await.expect(200);
    }
}

#[tokio::test]
async fn a_passkey_is_the_second_factor_after_a_password() {
    let app = App::start();
    let (person, _, mut authenticator) = owner(&app).await;
    let client = CookieClient::of(&app);
    let asked = client.try_password(&person).await.expect(200);
    assert_eq!(asked.body["status"], "2fa_required");
    assert_eq!(asked.body["methods"], json!(["passkey"]));
    assert!(asked.cookie("access_token").is_none() && asked.body.get("access_token").is_none());
    let how = json!({"challenge_id": asked.text_of("challenge_id")});
    let session = Session::granted(&person, &client.sign_in(&mut authenticator, &how).await.expect(200));
    assert!(session.works().await);
    assert_eq!(method_of(&session).await, "second_factor");
    // The challenge has been answered, so it no longer exists.
    client.post("/api/v1/webauthn/login/begin", &how).await.expect(401).problem();
}

#[tokio::test]
async fn a_step_up_with_a_passkey_gives_privilege() {
    let app = App::start();
    let (_, session, mut authenticator) = owner(&app).await;
    app.advance(AFTER_PRIVILEGE);
    let refusal = session.try_begin_registration().await.refused(403, "step_up_required");
    assert_eq!(refusal.body["methods"], json!(["passkey"]));
    let ceremony = session.begin_step_up().await;
    let credential = authenticator.assert(&ceremony.options);
    let answer = session.finish_step_up(&ceremony, &credential).await.expect(200);
    let privileged = session.renewed_by(&answer);
    privileged.try_begin_registration().await.expect(200);
    session.try_begin_registration().await.expect(403);
    privileged.finish_step_up(&ceremony, &credential).await.expect(401).problem();
}

#[tokio::test]
async fn the_options_of_an_unknown_user_name_are_stable_and_look_like_those_of_a_known_one() {
    let app = App::start();
    let (person, _, mut authenticator) = owner(&app).await;
    let unknown = json!({"username": "nobody@example.com"});
    let known = CookieClient::of(&app).begin(&json!({"username": person.email})).await.options;
    let (one, two) =
        (CookieClient::of(&app).begin(&unknown).await, CookieClient::of(&app).begin(&unknown).await);
    assert_eq!(shape(&one.options), shape(&known));
    assert_eq!(one.options["allowCredentials"], two.options["allowCredentials"]);
    assert_ne!(one.options["challenge"], two.options["challenge"]);
    let other = CookieClient::of(&app).begin(&json!({"username": "nobody2@example.com"})).await.options;
    assert_ne!(one.options["allowCredentials"], other["allowCredentials"]);
    // The second step does not reveal whether the account exists either.
    let client = CookieClient::of(&app);
    let mut refusals = Vec::new();
    for name in ["nobody@example.com", app.register().await.email.as_str()] {
        let ceremony = client.begin(&json!({"username": name})).await;
        let credential = authenticator.assert_with(0, &ceremony.options);
        refusals.push(client.finish(&ceremony, &credential).await.expect(401).problem());
    }
    assert_eq!(refusals[0].code(), refusals[1].code());
    assert_eq!(refusals[0].body["detail"], refusals[1].body["detail"]);
}

/// These options with the length of each text instead of the text. For credential ids, the length is omitted, because it
/// depends on the authenticator.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| {
                (name.clone(), if name == "id" { json!(field.is_string()) } else { shape(field) })
            })
            .collect(),
        Value::Array(values) => values.iter().map(shape).collect(),
        Value::String(text) => json!(text.len()),
        other => other.clone(),
    }
}

#[tokio::test]
async fn the_options_of_an_account_without_passkeys_look_like_those_of_one_with_passkeys() {
    let app = App::start();
    let (with, mut session, _) = owner(&app).await;
    for _ in 0..2 {
        session.add_passkey(&mut PasskeyAuthenticator::of(&app)).await;
    }
    let without = app.register().await;
    let client = CookieClient::of(&app);
    let one = client.begin(&json!({"username": with.email})).await.options;
    let two = client.begin(&json!({"username": without.email})).await.options;
    assert_eq!(shape(&one), shape(&two));
}

/// Finishes a ceremony with an answer that has this user handle.
async fn finish_with_handle(
    client: &CookieClient,
    authenticator: &mut PasskeyAuthenticator,
    how: &Value,
    handle: Value,
) -> Answer {
    let ceremony = client.begin(how).await;
    let mut credential = authenticator.assert(&ceremony.options);
    credential["response"]["userHandle"] = handle;
    client.finish(&ceremony, &credential).await
}

#[tokio::test]
async fn an_empty_user_handle_counts_as_absent() {
    let app = App::start();
    let (person, _, mut authenticator) = owner(&app).await;
    let by_name = json!({"username": person.email});
    for handle in [Value::Null, json!("")] {
        let client = CookieClient::of(&app);
        finish_with_handle(&client, &mut authenticator, &by_name, handle.clone()).await.expect(200);
        let client = CookieClient::of(&app);
        let asked = client.try_password(&person).await.expect(200);
        let factor = json!({"challenge_id": asked.text_of("challenge_id")});
        finish_with_handle(&client, &mut authenticator, &factor, handle.clone()).await.expect(200);
        let client = CookieClient::of(&app);
        finish_with_handle(&client, &mut authenticator, &json!({}), handle).await.expect(401).problem();
    }
    let client = CookieClient::of(&app);
    finish_with_handle(&client, &mut authenticator, &by_name, json!("AAAA")).await.expect(401).problem();
}

#[tokio::test]
async fn a_passkey_can_be_listed_and_renamed_only_by_its_user() {
    let app = App::start();
    let (_, session, mut authenticator) = owner(&app).await;
    let listed = session.passkeys().await;
    let id = listed[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!((&listed[0]["suspended"], &listed[0]["last_used_at"]), (&json!(false), &Value::Null));
    assert!(listed[0]["name"].as_str().is_some_and(|name| !name.is_empty()));
    let path = format!("/api/v1/webauthn/credentials/{id}");
    let rename =
        async |session: &Session, body: Value| session.request(Method::PATCH, &path).json(&body).ask().await;
    rename(&session, json!({"name": " The blue key "})).await.expect(200);
    assert_eq!(session.passkeys().await[0]["name"], "The blue key");
    rename(&session, json!({"name": "  "})).await.expect(422).problem();
    let stranger = app.register().await.open_session().await;
    rename(&stranger, json!({"name": "mine"})).await.expect(404).problem();
    stranger.delete(&path).await.expect(404).problem();
    assert_eq!(stranger.passkeys().await.len(), 0);
    CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await.expect(200);
    let listed = session.passkeys().await;
    assert_eq!(listed[0]["name"], "The blue key");
    assert!(listed[0]["last_used_at"].is_string());
}

#[tokio::test]
async fn one_credential_is_not_registered_twice() {
    let app = App::start();
    let (_, session, mut authenticator) = owner(&app).await;
    let stranger = app.register().await.open_session().await;
    for (session, status) in [(session, 401), (stranger, 409)] {
        let ceremony = session.begin_registration().await;
        let id = authenticator.keys[0].id.clone();
        let answer = authenticator.register_as(id, &ceremony.options);
        session.finish_registration(&ceremony, &answer).await.expect(status).problem();
    }
    assert_eq!(app.count("SELECT count(*) FROM passkey_credentials").await, 1);
}

#[tokio::test]
async fn a_new_passkey_ends_only_the_other_sessions_of_its_user() {
    let app = App::start();
    let person = app.register().await;
    let (mut own, other) = (person.open_session().await, person.open_session().await);
    let stranger = app.register().await.open_session().await;
    let (mut kept, mut ended, mut theirs) =
        (own.connect().await, other.connect().await, stranger.connect().await);
    own.add_passkey(&mut PasskeyAuthenticator::of(&app)).await;
    assert_eq!(ended.closed().await, revoked());
    assert!(kept.is_undisturbed().await && theirs.is_undisturbed().await);
    assert!(own.works().await && !other.works().await);
    own.try_begin_registration().await.expect(200);
}

#[tokio::test]
async fn a_removed_passkey_is_refused_and_only_the_other_sessions_of_its_user_end() {
    let app = App::start();
    let (person, own, mut authenticator) = owner(&app).await;
    let other = person.open_session().await;
    let (_, stranger, _) = owner(&app).await;
    let (mut kept, mut ended, mut theirs) =
        (own.connect().await, other.connect().await, stranger.connect().await);
    let begun = CookieClient::of(&app);
    let ceremony = begun.begin(&json!({})).await;
    remove(&own, 0).await.expect(200);
    assert_eq!(ended.closed().await, revoked());
    assert!(kept.is_undisturbed().await && theirs.is_undisturbed().await);
    assert!(own.works().await && !other.works().await && stranger.works().await);
    let credential = authenticator.assert(&ceremony.options);
    begun.finish(&ceremony, &credential).await.expect(401).problem();
    CookieClient::of(&app).try_password(&person).await.expect(200).text_of("access_token");
    assert_eq!(stranger.passkeys().await.len(), 1);
}

#[tokio::test]
async fn removing_a_passkey_requires_a_recent_proof_of_presence() {
    let app = App::start();
    let (_, session, _) = owner(&app).await;
    app.advance(AFTER_PRIVILEGE);
    remove(&session, 0).await.refused(403, "step_up_required");
    assert_eq!(session.passkeys().await.len(), 1);
}

#[tokio::test]
async fn the_last_passkey_of_an_account_without_a_password_cannot_be_removed() {
    let app = App::start();
    let (_, mut session, mut authenticator) = owner(&app).await;
    let mut second = PasskeyAuthenticator::of(&app);
    session.add_passkey(&mut second).await;
    app.rows().await.batch_execute(NO_PASSWORD).await.unwrap();
    session.adopt(&remove(&session, 1).await.expect(200));
    remove(&session, 0).await.refused(409, "last_factor");
    assert_eq!(session.passkeys().await.len(), 1);
    assert!(session.works().await);
    let one = CookieClient::of(&app).sign_in(&mut authenticator, &json!({})).await;
    let two = CookieClient::of(&app).sign_in(&mut second, &json!({})).await;
    assert_eq!([one.status, two.status].iter().filter(|status| **status == 200).count(), 1);
}

/// Removes the passkey at this index of the list.
async fn remove(session: &Session, index: usize) -> Answer {
    let id = session.passkeys().await[index]["id"].as_str().expect("an id").to_owned();
    session.delete(&format!("/api/v1/webauthn/credentials/{id}")).await
}
