//! Tests of the server with a real browser: passkeys, cookies and sockets.
//!
//! The browser is headless Chromium with a virtual authenticator. The tests control it over the DevTools protocol. Except in
//! two tests, the page has another origin than the server, and the server allows this origin.

mod chromium;
pub(crate) mod devtools;
mod page;
mod passkeys;
mod shared_browser;
mod visitor;

use devtools::{PLATFORM, Tab};
use domain::account::role::Role;
use portcullis::http::openapi_document;
use serde_json::json;
use visitor::Visitor;

use crate::harness::App;

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

/// A page has the server's own origin if a proxy gives the application and the server the same origin.
#[tokio::test]
async fn a_page_of_the_servers_own_origin_opens_an_event_stream_with_the_cookie() {
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

/// Tests only the browser. The tests of passkeys depend on this behaviour.
#[tokio::test]
async fn a_virtual_authenticator_keeps_the_passkey_that_a_page_creates() {
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

/// The policy of the viewer permits only its own files. A script or style that the policy refuses would show nothing.
#[tokio::test]
async fn the_viewer_shows_every_operation_and_the_problem_codes_of_one() {
    let Some(mut tab) = Tab::start().await else { return };
    let app = App::start();
    tab.open(&format!("http://localhost:{}/docs", app.address().port())).await;
    let shown = tab.evaluate(SHOWS_DEVICES).await;
    let document = openapi_document();
    let paths = document["paths"].as_object().expect("paths").values();
    let operations: usize = paths.map(|item| item.as_object().expect("a path").len()).sum();
    assert_eq!(shown["operations"], operations);
    assert_eq!(shown["weight"], "700", "the file of styles is used");
    let text = shown["text"].as_str().expect("a text");
    for part in
        ["/api/v1/devices", "DevicePage", "trusted_until", "invalid_cursor", "X-Request-ID", "accessToken"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

const SHOWS_DEVICES: &str = r#"new Promise((done) => {
    const look = () => {
        const named = document.getElementById("listDevices");
        if (named) named.open = true;
        if (!named?.querySelector("table")) return requestAnimationFrame(look);
        done({
            operations: document.querySelectorAll("main details").length,
            weight: getComputedStyle(named.querySelector(".method")).fontWeight,
            text: named.textContent,
        });
    };
    look();
})"#;
