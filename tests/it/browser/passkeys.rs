//! Passkeys in a real browser with a virtual authenticator. The browser checks the options of the server by the rules of
//! WebAuthn, and writes the JSON of the answers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    devtools::{Ability, PLATFORM},
    visitor::Visitor,
};

/// Longer than the privilege of a sign-in lasts.
const UNTIL_PRIVILEGE_IS_OVER: Duration = Duration::from_secs(11 * 60);

/// A visitor that has registered a passkey and signed out, and the server's description of the passkey.
async fn owner(authenticator: Ability) -> Option<(Visitor, Value)> {
    let mut visitor = Visitor::arrive(authenticator).await?;
    visitor.sign_in_with_password().await.text_of("session_id");
    let passkey = visitor.register("My laptop").await;
    visitor.sign_out().await;
    Some((visitor, passkey))
}

#[tokio::test]
async fn a_browser_registers_a_passkey() {
    let Some(mut visitor) = Visitor::arrive(PLATFORM).await else { return };
    visitor.sign_in_with_password().await.text_of("session_id");
    let passkey = visitor.register("My laptop").await;
    assert_eq!((&passkey["name"], &passkey["suspended"]), (&json!("My laptop"), &json!(false)));
    let listed = visitor.call("GET", "/api/v1/webauthn/credentials").await.expect(200);
    assert_eq!(listed.body["credentials"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed.body["credentials"][0]["id"], passkey["id"]);
    let held = visitor.tab.credentials(&visitor.authenticator).await;
    assert_eq!(held.len(), 1);
    assert_eq!((&held[0]["rpId"], &held[0]["isResidentCredential"]), (&json!("localhost"), &json!(true)));
}

#[tokio::test]
async fn a_browser_signs_in_with_a_user_name_and_a_passkey() {
    // This authenticator stores no discoverable credentials, so the server must list the permitted ones.
    let Some((mut visitor, _)) = owner(Ability { resident_key: false, ..PLATFORM }).await else { return };
    let granted = visitor.ask(&visitor.signs_in_by_name()).await.expect(200);
    assert_eq!(granted.body["user"]["id"], json!(visitor.person.id));
    let profile = visitor.call("GET", "/api/v1/profile").await.expect(200);
    assert_eq!(profile.body["email"], visitor.person.email);
}

#[tokio::test]
async fn a_browser_signs_in_with_a_passkey_without_a_user_name() {
    let Some((mut visitor, _)) = owner(PLATFORM).await else { return };
    let granted = visitor.ask("signIn({})").await.expect(200);
    assert_eq!(granted.body["user"]["id"], json!(visitor.person.id));
    visitor.call("GET", "/api/v1/profile").await.expect(200);
    let held = visitor.tab.credentials(&visitor.authenticator).await;
    assert_eq!(held.len(), 1, "the browser still has only the registered passkey");
}

#[tokio::test]
async fn a_browser_uses_a_passkey_as_second_factor_after_the_password() {
    let Some((mut visitor, _)) = owner(PLATFORM).await else { return };
    let challenge = visitor.sign_in_with_password().await;
    assert_eq!(challenge.body["status"], "2fa_required");
    assert!(challenge.body["methods"].as_array().is_some_and(|methods| methods.contains(&json!("passkey"))));
    visitor.call("GET", "/api/v1/profile").await.expect(401);
    let ask = json!({"challenge_id": challenge.body["challenge_id"]});
    let granted = visitor.ask(&format!("signIn({ask})")).await.expect(200);
    assert_eq!(granted.body["user"]["id"], json!(visitor.person.id));
    visitor.call("GET", "/api/v1/profile").await.expect(200);
}

#[tokio::test]
async fn a_browser_steps_up_with_a_passkey() {
    let Some((mut visitor, _)) = owner(PLATFORM).await else { return };
    visitor.ask("signIn({})").await.expect(200);
    visitor.app.advance(UNTIL_PRIVILEGE_IS_OVER);
    let codes = "/api/v1/2fa/backup-codes";
    let refused = visitor.call("POST", codes).await.expect(403);
    assert_eq!(refused.body["code"], "step_up_required");
    assert!(refused.body["methods"].as_array().is_some_and(|methods| methods.contains(&json!("passkey"))));
    visitor.ask("stepUp()").await.expect(200);
    visitor.call("POST", codes).await.expect(201);
}

#[tokio::test]
async fn an_authenticator_is_not_registered_twice() {
    let Some((mut visitor, _)) = owner(PLATFORM).await else { return };
    visitor.ask("signIn({})").await.expect(200);
    let refused =
        visitor.tab.try_evaluate("register('Again')").await.expect_err("the authenticator is known");
    assert!(refused.contains("InvalidStateError"), "{refused}");
    let listed = visitor.call("GET", "/api/v1/webauthn/credentials").await.expect(200);
    assert_eq!(listed.body["credentials"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_sign_in_with_a_removed_passkey_is_refused() {
    let Some((mut visitor, passkey)) = owner(PLATFORM).await else { return };
    visitor.ask("signIn({})").await.expect(200);
    let path = format!("/api/v1/webauthn/credentials/{}", passkey["id"].as_str().expect("an id"));
    visitor.call("DELETE", &path).await.expect(200);
    visitor.sign_out().await;
    // The browser still has the passkey, and uses it.
    assert_eq!(visitor.tab.credentials(&visitor.authenticator).await.len(), 1);
    let refused = visitor.ask("signIn({})").await.expect(401);
    assert!(refused.body["detail"].as_str().is_some_and(|words| !words.is_empty()), "{}", refused.text);
    visitor.call("GET", "/api/v1/profile").await.expect(401);
}

#[tokio::test]
async fn a_copied_passkey_is_refused_and_ends_the_sessions_of_its_user() {
    let Some((mut visitor, _)) = owner(PLATFORM).await else { return };
    let copy = visitor.tab.credentials(&visitor.authenticator).await.remove(0);
    visitor.ask("signIn({})").await.expect(200);
    visitor.tab.evaluate("connect().then((open) => { window.socket = open; })").await;
    // The copy still has the counter from before that sign-in.
    visitor.tab.replace_credential(&visitor.authenticator, copy).await;
    visitor.ask("signIn({})").await.expect(401);
    assert_eq!(visitor.tab.evaluate("socket.ended.then((end) => end.code)").await, 4500);
    visitor.call("GET", "/api/v1/profile").await.expect(401);
}
