//! An event on its way to receivers: the id, the type, the subject and the content.
//!
//! An event is stored in this form, once per receiver. `webhook` and `security_event` make the body that a receiver gets.

use protocol::id::{DeviceId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

/// A group of types of webhook events. A receiver may ask for a whole group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Changes of accounts, credentials, sessions and trust.
    Security,
    /// Attempts that were refused, for example with a wrong password. There may be very many.
    Refusals,
    /// Connections that begin and end.
    Connections,
    /// Channels that become occupied or vacant, and publications.
    Channels,
    /// Events of the receiver itself: tests and verifications. Every receiver gets its own.
    Receiver,
    /// Security Event Tokens. Streams ask for single types.
    SecurityEventTokens,
}

impl Group {
    /// The groups that a webhook may ask for.
    pub const OF_WEBHOOKS: [Self; 4] = [Self::Security, Self::Refusals, Self::Connections, Self::Channels];

    /// The word in the settings of a receiver.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Refusals => "refusals",
            Self::Connections => "connections",
            Self::Channels => "channels",
            Self::Receiver => "receiver",
            Self::SecurityEventTokens => "security_event_tokens",
        }
    }

    /// Whether events of this group are dropped while too many events wait for the receiver.
    #[must_use]
    pub fn may_be_dropped(self) -> bool {
        matches!(self, Self::Refusals | Self::Connections | Self::Channels)
    }
}

/// The subject of a security event, without the name of the issuer. The name is added when the event is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalSubject {
    /// A user with an account.
    User(UserId),
    /// One session. The user is given if it is a session of an account.
    Session(Option<UserId>, SessionId),
    /// A device of a user.
    Device(Option<UserId>, DeviceId),
    /// A user of an external issuer, by the name that the issuer gives.
    External(String),
    /// A token, by its `jti`.
    Token(String),
    /// All users.
    Everyone,
    /// The stream itself.
    Stream(Uuid),
}

/// The content of an event, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Content {
    /// The `data` of a webhook.
    Webhook {
        /// The fields.
        data: Map<String, Value>,
    },
    /// A Security Event Token.
    SecurityEvent {
        /// What the event is about.
        about: SignalSubject,
        /// The members of the event in the claim `events`.
        claims: Map<String, Value>,
        /// The audit event that caused the event (RFC 8417, `txn`).
        transaction: Option<Uuid>,
    },
}

/// An event for the receivers that want its type or its group.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingEvent {
    /// The id, which is the same in every attempt to deliver the event.
    pub id: Uuid,
    /// The type: a word such as `session.revoked`, or the URI of a security event.
    pub kind: String,
    /// The group of the type.
    pub group: Group,
    /// Events with the same text are delivered in their order.
    pub subject: String,
    /// When it happened, in milliseconds since the epoch.
    pub at_ms: i64,
    /// What it says.
    pub content: Content,
}

/// The id of the `index`th event of this type that an audit event causes. A second write of the audit event gives the same id.
#[must_use]
pub fn event_id(cause: Uuid, kind: &str, index: usize) -> Uuid {
    let digest = Sha256::new()
        .chain_update("portcullis event v1")
        .chain_update(cause.as_bytes())
        .chain_update(index.to_string())
        .chain_update(":")
        .chain_update(kind)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_event_depends_only_on_its_cause_its_type_and_its_place() {
        let cause = Uuid::from_u128(7);
        assert_eq!(event_id(cause, "a", 0), event_id(cause, "a", 0));
        let ids = [event_id(cause, "a", 0), event_id(cause, "a", 1), event_id(cause, "b", 0)];
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
        assert_ne!(event_id(Uuid::from_u128(8), "a", 0), ids[0]);
    }

    #[test]
    fn a_stored_content_is_read_as_it_was_written() {
        let content = Content::SecurityEvent {
            about: SignalSubject::Session(Some(UserId(4)), SessionId(Uuid::from_u128(5))),
            claims: Map::new(),
            transaction: None,
        };
        let stored = serde_json::to_value(&content).unwrap();
        assert_eq!(serde_json::from_value::<Content>(stored).unwrap(), content);
    }
}
