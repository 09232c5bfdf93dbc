//! The claims of a Security Event Token (RFC 8417), with subjects as RFC 9493 and SSF 1.0 define them.
//!
//! `service::events` signs the claims with `tokens::event_token`.

use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::outgoing::SignalSubject;

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecurityEventClaims {
    /// The transmitter: `https://` and the domain of this server.
    pub iss: String,
    /// The audience of the stream.
    pub aud: String,
    /// When the token is issued, in seconds since the epoch.
    pub iat: i64,
    /// The id of the event.
    pub jti: Uuid,
    /// The audit event that caused the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn: Option<Uuid>,
    /// What the event is about.
    pub sub_id: Value,
    /// The event, under its type.
    pub events: Map<String, Value>,
}

/// The subject as a subject identifier. `issuer` is the `iss` of access tokens, so that a receiver of access tokens knows the
/// user by the same name.
#[must_use]
pub fn subject_identifier(about: &SignalSubject, issuer: &str) -> Value {
    let user = |id: &protocol::id::UserId| json!({"format": "iss_sub", "iss": issuer, "sub": id.to_string()});
    let opaque = |id: &str| json!({"format": "opaque", "id": id});
    match about {
        SignalSubject::User(id) => user(id),
        SignalSubject::Session(Some(id), session) => {
            json!({"format": "complex", "user": user(id), "session": opaque(&session.to_string())})
        }
        SignalSubject::Session(None, session) => {
            json!({"format": "complex", "session": opaque(&session.to_string())})
        }
        SignalSubject::Device(Some(id), device) => {
            json!({"format": "complex", "user": user(id), "device": opaque(&device.to_string())})
        }
        SignalSubject::Device(None, device) => {
            json!({"format": "complex", "device": opaque(&device.to_string())})
        }
        SignalSubject::External(name) => opaque(name),
        SignalSubject::Token(id) => json!({"format": "jwt_id", "iss": issuer, "jti": id}),
        SignalSubject::Everyone => json!({"format": "complex", "tenant": opaque(issuer)}),
        SignalSubject::Stream(id) => opaque(&id.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::{SessionId, UserId};

    use super::*;

    #[test]
    fn subjects_have_the_formats_of_rfc_9493_and_of_ssf() {
        let session = SessionId(Uuid::from_u128(1));
        let text = session.to_string();
        let user = json!({"format": "iss_sub", "iss": "a.example", "sub": "7"});
        let cases = [
            (SignalSubject::User(UserId(7)), user.clone()),
            (
                SignalSubject::Session(Some(UserId(7)), session),
                json!({"format": "complex", "user": user, "session": {"format": "opaque", "id": text}}),
            ),
            (SignalSubject::External("u".into()), json!({"format": "opaque", "id": "u"})),
            (
                SignalSubject::Everyone,
                json!({"format": "complex", "tenant": {"format": "opaque", "id": "a.example"}}),
            ),
            (SignalSubject::Token("t".into()), json!({"format": "jwt_id", "iss": "a.example", "jti": "t"})),
        ];
        for (about, expected) in cases {
            assert_eq!(subject_identifier(&about, "a.example"), expected);
        }
    }
}
