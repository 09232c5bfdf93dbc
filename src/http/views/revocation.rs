//! The result of a revocation.

use serde_json::{Value, json};
use service::RevocationResult;

/// The answer of every route that revokes: how many sessions ended (null if there were too many to count), how many sockets
/// are closed, and how many are not yet.
pub(crate) fn revocation_view(revoked: &RevocationResult) -> Value {
    json!({
        "sessions": revoked.sessions,
        "sockets_closed": revoked.sockets_closed,
        "pending": revoked.pending,
        "revocation_id": revoked.id,
    })
}
