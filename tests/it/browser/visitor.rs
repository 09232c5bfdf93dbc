//! A visitor of the page, with a browser and a passkey authenticator.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{
    devtools::{Ability, Tab, VirtualAuthenticator},
    page::Page,
};
use crate::harness::{Answer, App, PASSWORD, Person};

/// A user of a browser that shows the page. At first the user is not signed in.
pub(super) struct Visitor {
    pub(super) app: App,
    pub(super) person: Person,
    pub(super) tab: Tab,
    pub(super) authenticator: VirtualAuthenticator,
    _page: Page,
}

impl Visitor {
    /// Starts a server with an account, and a browser with this authenticator that shows the page. `None` if browser
    /// tests are skipped.
    pub(super) async fn arrive(authenticator: Ability) -> Option<Self> {
        let mut tab = Tab::start().await?;
        let page = Page::serve().await;
        let app = App::with(|settings| {
            settings.web.allowed_origins.push(page.origin());
            settings.passkeys.origins.push(page.origin());
        });
        let person = app.register().await;
        let authenticator = tab.add_authenticator(authenticator).await;
        tab.open(&page.url(app.address().port())).await;
        tab.evaluate("arrive()").await;
        Some(Self { app, person, tab, authenticator, _page: page })
    }

    /// Runs a script of the page, and returns the server's answer to it.
    pub(super) async fn ask(&mut self, script: &str) -> Answer {
        let mut answer = self.tab.evaluate(script).await;
        let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let body = answer["body"].take();
        Answer {
            status: status.unwrap_or_else(|| panic!("{script}: {answer}")),
            headers: HeaderMap::new(),
            text: body.to_string(),
            body,
        }
    }

    pub(super) async fn call(&mut self, method: &str, path: &str) -> Answer {
        self.ask(&format!("call({}, {})", json!(method), json!(path))).await
    }

    pub(super) async fn send(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask(&format!("call({}, {}, {body})", json!(method), json!(path))).await
    }

    /// The answer to a sign-in with the password: a session, or a challenge for a second factor.
    pub(super) async fn sign_in_with_password(&mut self) -> Answer {
        let body = json!({"username": self.person.email, "password": PASSWORD});
        self.send("POST", "/api/v1/auth/jwt/login", &body).await.expect(200)
    }

    /// Registers a passkey with this name, and returns the server's description of it.
    pub(super) async fn register(&mut self, name: &str) -> Value {
        self.ask(&format!("register({})", json!(name))).await.expect(201).body
    }

    /// Signs out, and gets a fresh CSRF token.
    pub(super) async fn sign_out(&mut self) {
        self.ask("signOut()").await.expect(200);
    }

    /// The script for a sign-in with the e-mail address and a passkey.
    pub(super) fn signs_in_by_name(&self) -> String {
        format!("signIn({})", json!({"username": self.person.email}))
    }
}
