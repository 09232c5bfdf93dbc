//! The server with a real browser: its passkeys, cookies and sockets.
//!
//! Headless Chromium, controlled over the DevTools protocol, with a virtual authenticator. Like most applications,
//! the page that it opens has another origin than the server; the server allows this origin.

mod chromium;
mod devtools;
mod page;
mod passkeys;
mod visitor;

use devtools::PLATFORM;
use domain::account::role::Role;
use serde_json::json;
use visitor::Visitor;

#[tokio::test]
async fn a_socket_that_a_browser_opened_is_closed_when_its_session_is_revoked() {
    let Some(mut visitor) = Visitor::arrive(PLATFORM).await else { return };
    let operator = visitor.app.appoint(Role::Operator).await.sign_in().await;
    let session = visitor.sign_in_with_password().await.text_of("session_id");
    visitor.tab.evaluate("connect().then((open) => { window.socket = open; })").await;
    assert_eq!(visitor.app.open_sockets(), 1);
    operator.revoke(json!({"session": session})).await.expect(200);
    let ended = visitor.tab.evaluate("socket.ended").await;
    assert_eq!(ended, json!({"code": 4500, "reason": "session revoked"}));
    visitor.call("GET", "/api/v1/profile").await.expect(401);
}

/// This is the case behind a proxy that gives the application and the server the same origin.
#[tokio::test]
async fn events_open_by_the_cookie_on_a_page_of_the_servers_own_origin() {
    let Some(mut visitor) = Visitor::arrive(PLATFORM).await else { return };
    visitor.sign_in_with_password().await;
    visitor.tab.bypass_policies().await;
    let port = visitor.app.address().port();
    visitor.tab.open(&format!("http://localhost:{port}/health/live")).await;
    let first = visitor.tab.evaluate(OPENS_EVENTS).await;
    assert!(first["connect"]["client"].is_string(), "{first}");
    assert_eq!(visitor.app.open_sockets(), 1);
}

const OPENS_EVENTS: &str = r#"new Promise((done, failed) => {
    const command = encodeURIComponent('{"id":1,"connect":{}}');
    window.events = new EventSource("/connection/sse?cf_connect=" + command);
    events.onmessage = ({ data }) => done(JSON.parse(data));
    events.onerror = () => failed(new Error("the events do not open"));
})"#;

/// Tests only the browser, because the other tests here depend on this behaviour.
#[tokio::test]
async fn a_virtual_authenticator_keeps_what_the_page_makes() {
    let Some(mut visitor) = Visitor::arrive(PLATFORM).await else { return };
    let made = visitor.tab.evaluate(MAKES_AND_USES).await;
    let held = visitor.tab.credentials(&visitor.authenticator).await;
    assert_eq!(held.len(), 1);
    assert_eq!(held[0]["isResidentCredential"], true);
    assert_eq!(held[0]["rpId"], "localhost");
    assert_eq!(made["made"], made["used"]);
}

const MAKES_AND_USES: &str = r#"(async () => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON({
        rp: { id: "localhost", name: "a test" }, user: { id: "dXNlcg", name: "user", displayName: "User" },
        challenge: "Y2hhbGxlbmdl", pubKeyCredParams: [{ type: "public-key", alg: -7 }],
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
    });
    const made = (await navigator.credentials.create({ publicKey })).toJSON();
    const options = PublicKeyCredential.parseRequestOptionsFromJSON({ challenge: "Y2hhbGxlbmdl", rpId: "localhost" });
    const used = (await navigator.credentials.get({ publicKey: options })).toJSON();
    return { made: made.id, used: used.id };
})()"#;
