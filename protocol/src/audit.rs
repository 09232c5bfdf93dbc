//! The audit event: the record of a security-relevant act.
//!
//! Services and sockets build events. If the act changes state in the database, the store inserts the event in the same
//! transaction. The `Audit` actor writes all other events. An event never holds a secret: no token, no password, no cookie
//! value.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::id::{ConnectionId, DeviceId, SessionId, UserId};

/// How the act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The act was done.
    Success,
    /// The act was tried and failed, for example because of a wrong password.
    Failure,
    /// A rule refused the act.
    Denied,
}

impl Outcome {
    /// The stored spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
        }
    }
}

/// One act: the acting user, the user concerned, the origin and the outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// The id of the event, and the key of its row. So an event that is written twice has only one row.
    pub id: Uuid,
    /// The time of the act, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The name of the event as `<noun>.<verb>`, for example `session.opened` or `socket.closed`.
    pub event: String,
    /// The outcome of the act.
    pub outcome: Outcome,
    /// The user that performed the act, if known.
    pub actor: Option<UserId>,
    /// The user that the act concerns.
    pub user: Option<UserId>,
    /// The session that the act concerns.
    pub session: Option<SessionId>,
    /// The device that the act concerns.
    pub device: Option<DeviceId>,
    /// The connection that the act concerns.
    pub connection: Option<ConnectionId>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The id of the request that caused the act.
    pub request_id: Option<String>,
    /// The subject of the user that the act concerns, if the user has no account of this server.
    #[serde(default)]
    pub subject: Option<String>,
    /// The id of the API key, if a call of the server API requested the act.
    #[serde(default)]
    pub api_key: Option<Uuid>,
    /// Further facts about the act, without secrets.
    pub detail: Map<String, Value>,
}

impl AuditEvent {
    /// An event with a new id, a name, an outcome and a time. All other fields are empty.
    #[must_use]
    pub fn new(event: &str, outcome: Outcome, at_ms: i64) -> Self {
        Self {
            id: Uuid::new_v4(),
            at_ms,
            event: event.to_owned(),
            outcome,
            actor: None,
            user: None,
            session: None,
            device: None,
            connection: None,
            address: None,
            request_id: None,
            subject: None,
            api_key: None,
            detail: Map::new(),
        }
    }

    /// Adds a detail to the event.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(key.to_owned(), value.into());
        self
    }
}
