//! The audit event: what every part of the server writes down about a security-relevant act.
//!
//! Shared vocabulary, like `id` and `close`: services build events, the store inserts those of a state change in the
//! change's own transaction, and the `Audit` actor carries the others. An event never holds a secret: no token, no
//! password, no cookie value.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::id::{ConnectionId, DeviceId, SessionId, UserId};

/// How the act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was tried and did not work, such as a wrong password.
    Failure,
    /// It was refused by a rule.
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

/// One act: its actor, its subject, its origin and its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Makes writing idempotent: the same event written twice is one row.
    pub id: Uuid,
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// What, as `<noun>.<verb>`: `session.opened`, `socket.closed`.
    pub event: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The actor, if known.
    pub actor: Option<UserId>,
    /// The user that it concerns.
    pub user: Option<UserId>,
    /// The session concerned.
    pub session: Option<SessionId>,
    /// The device concerned.
    pub device: Option<DeviceId>,
    /// The connection concerned.
    pub connection: Option<ConnectionId>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// The realtime name of the user that it concerns, if that is no account of this server.
    #[serde(default)]
    pub subject: Option<String>,
    /// The key of the server API with which it was asked for.
    #[serde(default)]
    pub api_key: Option<Uuid>,
    /// What else is worth knowing; no secrets.
    pub detail: Map<String, Value>,
}

impl AuditEvent {
    /// An event with a fresh id and nothing but its name, outcome and time.
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

    /// The event with one more detail.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(key.to_owned(), value.into());
        self
    }
}
