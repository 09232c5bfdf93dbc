//! A client of the DevTools protocol, as far as the tests need it: commands to one tab, and their answers.
//!
//! The messages are JSON over a WebSocket (<https://chromedevtools.github.io/devtools-protocol/>). Events of the browser
//! are ignored: the scripts in the pages wait for what the tests need.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::chromium::Chromium;
use crate::harness::within;

/// A browser with one tab.
pub(super) struct Tab {
    link: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The id by which commands name the tab; `None` until the browser has opened the tab.
    session: Option<String>,
    next_id: u64,
    /// Stops the browser when the tab is dropped.
    _browser: Chromium,
}

/// The capabilities of a virtual authenticator.
#[derive(Clone, Copy)]
pub(super) struct Ability {
    /// Whether the authenticator keeps discoverable credentials.
    pub(super) resident_key: bool,
    /// Whether the authenticator can verify its user.
    pub(super) user_verification: bool,
}

/// The authenticator of a phone or laptop, which has both capabilities.
pub(super) const PLATFORM: Ability = Ability { resident_key: true, user_verification: true };

/// A virtual authenticator, by the id that the browser gave it.
pub(super) struct VirtualAuthenticator(String);

impl Tab {
    /// A new browser with an empty tab; `None` if browser tests are skipped.
    pub(super) async fn start() -> Option<Self> {
        let (browser, endpoint) = Chromium::start().await?;
        let (link, _) =
            within("a link to the browser", Box::pin(connect_async(endpoint))).await.expect("a WebSocket");
        let mut tab = Self { link, session: None, next_id: 1, _browser: browser };
        let target = tab.command("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = tab.command("Target.attachToTarget", attach).await;
        tab.session = Some(attached["sessionId"].as_str().expect("a session").to_owned());
        tab.command("Page.enable", json!({})).await;
        // A browser uses passkeys only in a focused tab, and several browsers may run at the same time.
        tab.command("Emulation.setFocusEmulationEnabled", json!({"enabled": true})).await;
        tab.command("WebAuthn.enable", json!({"enableUI": false})).await;
        Some(tab)
    }

    /// Opens this page, and waits until its script has run.
    pub(super) async fn open(&mut self, url: &str) {
        let navigated = self.command("Page.navigate", json!({"url": url})).await;
        assert!(navigated["errorText"].is_null(), "{url}: {navigated}");
        self.evaluate(
            "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))",
        )
        .await;
    }

    /// Disables the content security policy of the server's own pages, which would block the scripts of the test.
    pub(super) async fn bypass_policies(&mut self) {
        self.command("Page.setBypassCSP", json!({"enabled": true})).await;
    }

    /// The value of an expression. If the value is a promise, the result of the promise.
    pub(super) async fn evaluate(&mut self, expression: &str) -> Value {
        match self.try_evaluate(expression).await {
            Ok(value) => value,
            Err(thrown) => panic!("{expression}: {thrown}"),
        }
    }

    /// As [`Self::evaluate`], but returns the text of an exception as an error.
    pub(super) async fn try_evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let evaluate = json!({
            "expression": expression,
            "awaitPromise": true,
            "returnByValue": true,
            // The browser treats the expression like a click of the user.
            "userGesture": true,
        });
        let mut done = self.command("Runtime.evaluate", evaluate).await;
        match &done["exceptionDetails"] {
            Value::Null => Ok(done["result"]["value"].take()),
            thrown => {
                let text = thrown["exception"]["description"].as_str().or(thrown["text"].as_str());
                Err(text.unwrap_or_default().to_owned())
            }
        }
    }

    /// Adds a virtual authenticator, which confirms every request.
    pub(super) async fn add_authenticator(&mut self, can: Ability) -> VirtualAuthenticator {
        let options = json!({
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": can.resident_key,
            "hasUserVerification": can.user_verification,
            "isUserVerified": can.user_verification,
            "automaticPresenceSimulation": true,
        });
        let added = self.command("WebAuthn.addVirtualAuthenticator", json!({"options": options})).await;
        VirtualAuthenticator(added["authenticatorId"].as_str().expect("an authenticator").to_owned())
    }

    /// The credentials of the authenticator.
    pub(super) async fn credentials(&mut self, of: &VirtualAuthenticator) -> Vec<Value> {
        let mut held = self.command("WebAuthn.getCredentials", json!({"authenticatorId": of.0})).await;
        match held["credentials"].take() {
            Value::Array(credentials) => credentials,
            other => panic!("no list: {other}"),
        }
    }

    /// Replaces the credential with the same id in the authenticator.
    pub(super) async fn replace_credential(&mut self, of: &VirtualAuthenticator, credential: Value) {
        let old = json!({"authenticatorId": of.0, "credentialId": credential["credentialId"]});
        self.command("WebAuthn.removeCredential", old).await;
        let new = json!({"authenticatorId": of.0, "credential": credential});
        self.command("WebAuthn.addCredential", new).await;
    }

    async fn command(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        self.link.send(Message::text(command.to_string())).await.expect("the browser listens");
        let mut answer = within(method, self.answer(id)).await;
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].take()
    }

    async fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.link.next().await.expect("the browser runs").expect("a message");
            let Message::Text(text) = message else { continue };
            let object: Value = serde_json::from_str(&text).expect("JSON");
            if object["id"] == id {
                return object;
            }
        }
    }
}
