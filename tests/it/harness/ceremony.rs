//! WebAuthn ceremonies in a signed-in session. The ceremonies before a sign-in are in `cookie_client`.

use serde_json::{Value, json};

use super::{Answer, PasskeyAuthenticator, Session};

/// A ceremony (WebAuthn's word for the registration or the use of a passkey) that has begun.
#[derive(Clone, Debug)]
pub(crate) struct Ceremony {
    pub(crate) id: String,
    /// The options that the page passes to the browser.
    pub(crate) options: Value,
}

impl Ceremony {
    #[track_caller]
    pub(crate) fn begun(answer: &Answer) -> Self {
        let options = answer.body["publicKey"].clone();
        assert!(options["challenge"].is_string(), "{}", answer.text);
        Self { id: answer.text_of("ceremony_id"), options }
    }

    /// The request body that finishes the ceremony with this credential.
    pub(crate) fn answered(&self, credential: &Value) -> Value {
        json!({"ceremony_id": self.id, "credential": credential})
    }
}

impl Session {
    /// Asks for the options of a registration.
    pub(crate) async fn try_begin_registration(&self) -> Answer {
        self.post("/api/v1/webauthn/register/begin", &json!({})).await
    }

    pub(crate) async fn begin_registration(&self) -> Ceremony {
        Ceremony::begun(&self.try_begin_registration().await.expect(200))
    }

    /// Finishes the ceremony with this credential.
    pub(crate) async fn finish_registration(&self, ceremony: &Ceremony, credential: &Value) -> Answer {
        self.post("/api/v1/webauthn/register/finish", &ceremony.answered(credential)).await
    }

    /// Registers a passkey, and returns the id that the server gave it. The session must have privilege.
    pub(crate) async fn add_passkey(&mut self, authenticator: &mut PasskeyAuthenticator) -> String {
        let ceremony = self.begin_registration().await;
        let credential = authenticator.register(&ceremony.options);
        let added = self.finish_registration(&ceremony, &credential).await.expect(201);
        self.adopt(&added);
        added.text_of("id")
    }

    /// The user's passkeys.
    pub(crate) async fn passkeys(&self) -> Vec<Value> {
        let answer = self.get("/api/v1/webauthn/credentials").await.expect(200);
        answer.body["credentials"].as_array().expect("a list").clone()
    }

    /// Asks for the options of a step-up.
    pub(crate) async fn begin_step_up(&self) -> Ceremony {
        let answer = self.post("/api/v1/webauthn/login/begin", &json!({"step_up": true})).await;
        Ceremony::begun(&answer.expect(200))
    }

    /// Finishes the ceremony with this credential.
    pub(crate) async fn finish_step_up(&self, ceremony: &Ceremony, credential: &Value) -> Answer {
        self.post("/api/v1/auth/step-up", &json!({"passkey": ceremony.answered(credential)})).await
    }
}
