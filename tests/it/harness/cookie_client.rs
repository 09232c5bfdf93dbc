//! A REST client before a sign-in. Like a browser, it keeps cookies between requests.

use std::{collections::BTreeMap, sync::Mutex};

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{Answer, App, Ask, Ceremony, PASSWORD, PasskeyAuthenticator, Person};

/// The cookies that are kept. Cookies with tokens are not kept: a test takes the tokens from the answer to the sign-in.
const KEPT: [&str; 2] = ["psid", "device_id"];

/// A client with its cookies.
pub(crate) struct CookieClient {
    pub(crate) app: App,
    cookies: Mutex<BTreeMap<&'static str, String>>,
}

impl CookieClient {
    /// A client without cookies.
    pub(crate) fn of(app: &App) -> Self {
        Self { app: app.clone(), cookies: Mutex::default() }
    }

    /// A request with the cookies of this client.
    pub(crate) fn posting(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.app.post(path).json(body);
        let cookies = self.cookies.lock().unwrap();
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { request } else { request.header("cookie", pairs.join("; ")) }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let answer = self.posting(path, body).ask().await;
        let mut cookies = self.cookies.lock().unwrap();
        for name in KEPT {
            if let Some(value) = answer.cookie(name) {
                cookies.insert(name, value);
            }
        }
        answer
    }

    /// The answer to a sign-in with the password: a session, or a challenge for a second factor.
    pub(crate) async fn try_password(&self, person: &Person) -> Answer {
        let body = json!({"username": person.email, "password": PASSWORD});
        self.post("/api/v1/auth/jwt/login", &body).await
    }

    /// Begins a sign-in with a passkey. `how` is the body of the request.
    pub(crate) async fn begin(&self, how: &Value) -> Ceremony {
        Ceremony::begun(&self.post("/api/v1/webauthn/login/begin", how).await.expect(200))
    }

    /// Finishes the sign-in with this credential.
    pub(crate) async fn finish(&self, ceremony: &Ceremony, credential: &Value) -> Answer {
        self.post("/api/v1/webauthn/login/finish", &ceremony.answered(credential)).await
    }

    /// The answer to a complete sign-in with a passkey.
    pub(crate) async fn sign_in(&self, authenticator: &mut PasskeyAuthenticator, how: &Value) -> Answer {
        let ceremony = self.begin(how).await;
        self.finish(&ceremony, &authenticator.assert(&ceremony.options)).await
    }
}
