//! A mail that an audit event causes. The store writes it in the transaction of the event.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::kind::MailKind;

/// A mail to the user that an audit event is about.
#[derive(Clone, Debug, PartialEq)]
pub struct CausedMail {
    /// The id. A second write of the audit event gives the same id.
    pub id: Uuid,
    /// What the mail is about.
    pub kind: MailKind,
    /// What the mail says: `at_ms`, and `address`, `by`, `factor` and `reasons` where they are known. The store adds the device
    /// and the place.
    pub detail: Map<String, Value>,
    /// Whether the device and the address of the event are those of the user. Those of an operator are not shown to the user.
    pub own: bool,
}
