//! The server API, as the backend of an application uses it.

use reqwest::RequestBuilder;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Answer, App, Ask};

/// The API key in the settings of [`app_with_key`].
pub(crate) const API_KEY: &str = "a-key-of-the-settings-that-only-tests-know";

/// A server with [`API_KEY`].
pub(crate) fn app_with_key() -> App {
    App::with(|settings| settings.api_key = Some(SecretString::from(API_KEY)))
}

impl App {
    /// A request to this method without a key.
    pub(crate) fn api_request(&self, method: &str) -> RequestBuilder {
        self.post(&format!("/api/{method}"))
    }

    /// The answer of a method to a request with the key of the settings.
    pub(crate) async fn api(&self, method: &str, parameters: Value) -> Answer {
        self.api_with(API_KEY, method, &parameters).await
    }

    /// The answer of a method to a request with this key.
    pub(crate) async fn api_with(&self, key: &str, method: &str, parameters: &Value) -> Answer {
        self.api_request(method).header("x-api-key", key).json(parameters).ask().await
    }

    /// The result of a method, which must succeed.
    #[track_caller]
    pub(crate) fn api_result(&self, method: &str, parameters: Value) -> impl Future<Output = Value> {
        let (app, method) = (self.clone(), method.to_owned());
        async move {
            let answer = app.api(&method, parameters).await.expect(200);
            assert!(answer.body["error"].is_null(), "{method}: {}", answer.text);
            answer.body["result"].clone()
        }
    }

    /// The error code of a method, which must fail.
    pub(crate) async fn api_error(&self, method: &str, parameters: Value) -> u64 {
        let answer = self.api(method, parameters).await.expect(200);
        answer.body["error"]["code"].as_u64().unwrap_or_else(|| panic!("{method}: {}", answer.text))
    }
}

/// Parameters that name a user.
pub(crate) fn of_user(user: impl std::fmt::Display) -> Value {
    json!({"user": user.to_string()})
}
