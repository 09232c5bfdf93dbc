//! A client of the DevTools protocol, as far as the tests need it: commands to one tab, and their answers.
//!
//! The messages are JSON over a WebSocket (<https://chromedevtools.github.io/devtools-protocol/>). Of the events of the browser, only
//! complaints about the page are kept: the scripts in the pages wait for what the tests need.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::{chromium::Chromium, shared_browser};
use crate::harness::within;

/// A tab of a browser.
pub(crate) struct Tab {
    link: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The id by which commands name the tab; `None` until the browser has opened the tab.
    session: Option<String>,
    next_id: u64,
    /// The set of cookies that the tab shares with its [siblings](Self::sibling); `None` in a browser of its own.
    context: Option<String>,
    complaints: Vec<String>,
    /// Stops the browser when the tab is dropped. `None` for the browser that tests share.
    _browser: Option<Chromium>,
}

/// The capabilities of a virtual authenticator.
#[derive(Clone, Copy)]
pub(crate) struct Ability {
    /// Whether the authenticator keeps discoverable credentials.
    pub(crate) resident_key: bool,
    /// Whether the authenticator can verify its user.
    pub(crate) user_verification: bool,
}

/// The authenticator of a phone or laptop, which has both capabilities.
pub(crate) const PLATFORM: Ability = Ability { resident_key: true, user_verification: true };

/// A virtual authenticator, by the id that the browser gave it.
pub(crate) struct VirtualAuthenticator(String);

impl Tab {
    /// A new browser with an empty tab; `None` if browser tests are skipped.
    pub(crate) async fn start() -> Option<Self> {
        let (browser, endpoint) = Chromium::start().await?;
        Some(Self::attach(&endpoint, Some(browser), None).await)
    }

    /// An empty tab of the browser that tests share, with cookies and storage of its own; `None` if browser tests are skipped.
    pub(crate) async fn shared() -> Option<Self> {
        let endpoint = shared_browser::endpoint()?;
        let (mut tab, options) = (Self::linked(endpoint, None).await, json!({"disposeOnDetach": true}));
        let made = tab.command("Target.createBrowserContext", options).await;
        tab.context = made["browserContextId"].as_str().map(str::to_owned);
        tab.begin().await;
        Some(tab)
    }

    /// Another tab of the shared browser, with the cookies and the storage of this one. It must be dropped first.
    pub(crate) async fn sibling(&self) -> Self {
        let endpoint = shared_browser::endpoint().expect("the browser of this tab");
        Self::attach(endpoint, None, self.context.clone()).await
    }

    async fn attach(endpoint: &str, browser: Option<Chromium>, context: Option<String>) -> Self {
        let mut tab = Self::linked(endpoint, browser).await;
        tab.context = context;
        tab.begin().await;
        tab
    }

    async fn linked(endpoint: &str, browser: Option<Chromium>) -> Self {
        let (link, _) =
            within("a link to the browser", Box::pin(connect_async(endpoint))).await.expect("a WebSocket");
        let complaints = Vec::new();
        Self { link, session: None, next_id: 1, context: None, complaints, _browser: browser }
    }

    /// Opens the tab, and turns on what the tests use.
    async fn begin(&mut self) {
        let mut create = json!({"url": "about:blank"});
        if let Some(context) = &self.context {
            create["browserContextId"] = context.as_str().into();
        }
        let target = self.command("Target.createTarget", create).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.command("Target.attachToTarget", attach).await;
        self.session = Some(attached["sessionId"].as_str().expect("a session").to_owned());
        for domain in ["Page", "Runtime", "Log", "Audits"] {
            self.command(&format!("{domain}.enable"), json!({})).await;
        }
        // A browser uses passkeys only in a focused tab, and several tabs may be used at the same time.
        self.command("Emulation.setFocusEmulationEnabled", json!({"enabled": true})).await;
        self.command("WebAuthn.enable", json!({"enableUI": false})).await;
    }

    /// What the browser has complained about so far: errors in the console, exceptions, rejections that nothing handles, and
    /// violations of the content security policy. A refused request is not a complaint.
    pub(crate) async fn complaints(&mut self) -> Vec<String> {
        // The events that happened before come before this answer.
        self.evaluate("new Promise((done) => setTimeout(done))").await;
        std::mem::take(&mut self.complaints)
    }

    /// Opens this page, and waits until its script has run.
    pub(crate) async fn open(&mut self, url: &str) {
        let navigated = self.command("Page.navigate", json!({"url": url})).await;
        assert!(navigated["errorText"].is_null(), "{url}: {navigated}");
        self.evaluate(
            "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))",
        )
        .await;
    }

    /// Disables the content security policy of the server's own pages, which would block the scripts of the test.
    pub(crate) async fn bypass_policies(&mut self) {
        self.command("Page.setBypassCSP", json!({"enabled": true})).await;
    }

    /// The value of an expression. If the value is a promise, the result of the promise.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        match self.try_evaluate(expression).await {
            Ok(value) => value,
            Err(thrown) => panic!("{expression}: {thrown}"),
        }
    }

    /// As [`Self::evaluate`], but returns the text of an exception as an error.
    pub(crate) async fn try_evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let evaluate = json!({
            "expression": expression,
            "awaitPromise": true,
            "returnByValue": true,
            // The browser treats the expression like a click of the user.
            "userGesture": true,
        });
        let mut done = self.try_command("Runtime.evaluate", evaluate).await?;
        match &done["exceptionDetails"] {
            Value::Null => Ok(done["result"]["value"].take()),
            thrown => {
                let text = thrown["exception"]["description"].as_str().or(thrown["text"].as_str());
                Err(text.unwrap_or_default().to_owned())
            }
        }
    }

    /// Adds a virtual authenticator, which confirms every request.
    pub(crate) async fn add_authenticator(&mut self, can: Ability) -> VirtualAuthenticator {
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
    pub(crate) async fn credentials(&mut self, of: &VirtualAuthenticator) -> Vec<Value> {
        let mut held = self.command("WebAuthn.getCredentials", json!({"authenticatorId": of.0})).await;
        match held["credentials"].take() {
            Value::Array(credentials) => credentials,
            other => panic!("no list: {other}"),
        }
    }

    /// Replaces the credential with the same id in the authenticator.
    pub(crate) async fn replace_credential(&mut self, of: &VirtualAuthenticator, credential: Value) {
        let old = json!({"authenticatorId": of.0, "credentialId": credential["credentialId"]});
        self.command("WebAuthn.removeCredential", old).await;
        let new = json!({"authenticatorId": of.0, "credential": credential});
        self.command("WebAuthn.addCredential", new).await;
    }

    pub(crate) async fn command(&mut self, method: &str, parameters: Value) -> Value {
        match self.try_command(method, parameters).await {
            Ok(result) => result,
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// As [`Self::command`], but returns the refusal of the browser as an error.
    async fn try_command(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        let id = self.next_id;
        self.next_id += 1;
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        self.link.send(Message::text(command.to_string())).await.expect("the browser listens");
        let mut answer = within(method, self.answer(id)).await;
        if answer["error"].is_null() { Ok(answer["result"].take()) } else { Err(answer["error"].to_string()) }
    }

    async fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.link.next().await.expect("the browser runs").expect("a message");
            let Message::Text(text) = message else { continue };
            let object: Value = serde_json::from_str(&text).expect("JSON");
            if object["id"] == id {
                return object;
            }
            self.complaints.extend(complaint(&object));
        }
    }
}

/// What an event of the browser complains about, if it does.
fn complaint(event: &Value) -> Option<String> {
    let about = &event["params"];
    let wrong = match event["method"].as_str()? {
        "Runtime.exceptionThrown" => true,
        "Runtime.consoleAPICalled" => ["error", "assert", "warning"].contains(&about["type"].as_str()?),
        "Log.entryAdded" => about["entry"]["level"] == "error" && about["entry"]["source"] != "network",
        "Audits.issueAdded" => about["issue"]["code"] == "ContentSecurityPolicyIssue",
        _ => false,
    };
    wrong.then(|| event.to_string())
}
