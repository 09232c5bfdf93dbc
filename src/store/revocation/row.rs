//! The row of a revocation, its audit event and its announcement: what every revocation writes.
//!
//! Called by `commit` and `everyone`, within their transaction.

use deadpool_postgres::Transaction;
use protocol::{
    audit::AuditEvent,
    id::{RevocationId, Subject},
};

use super::order::{CHANNEL, RevocationRequest, Target};
use crate::{audit, error::StoreError, row_mapping::clipped};

/// The maximum length of a reason. Longer texts are cut, because programs do not use them.
const REASON_BYTES: usize = 1000;

/// Writes the audit event of a revocation, and wakes the nodes.
pub(super) async fn announce(
    transaction: &Transaction<'_>,
    id: RevocationId,
    event: AuditEvent,
) -> Result<(), StoreError> {
    audit::insert(transaction, &[event]).await?;
    transaction.execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &id.to_string()]).await?;
    Ok(())
}

/// Writes the row of a revocation. `sessions` is `None` if the sessions that it ends are not counted yet.
pub(super) async fn insert(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
    sessions: Option<usize>,
) -> Result<RevocationId, StoreError> {
    let (session, device, user) = match order.target {
        Target::Session(id) => (Some(id.0), None, order.only_user),
        Target::Device(id) => (None, Some(id.0), order.only_user),
        Target::User(id) => (None, None, Some(id)),
        Target::Subject(_) | Target::All => (None, None, order.only_user),
    };
    let statement = transaction
        .prepare_cached(
            "INSERT INTO revocations (scope, session_id, device_id, user_id, except_session_id, cause, reason,
                                      actor_id, sessions, created_at, origin, subject)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id",
        )
        .await?;
    let row = transaction
        .query_one(
            &statement,
            &[
                &order.target.scope(),
                &session,
                &device,
                &user.map(|id| id.0),
                &order.except.map(|id| id.0),
                &order.cause.as_str(),
                &clipped(&order.reason, REASON_BYTES),
                &order.actor.map(|id| id.0),
                &i32::try_from(sessions.unwrap_or(0)).unwrap_or(i32::MAX),
                &order.now,
                &order.origin,
                &order.target.subject().map(Subject::as_str),
            ],
        )
        .await?;
    Ok(RevocationId(row.try_get(0)?))
}

/// Adds the scope, the cause, the reason and the id of the revocation.
pub(super) fn described(event: AuditEvent, order: &RevocationRequest, id: RevocationId) -> AuditEvent {
    event
        .with("scope", order.target.scope())
        .with("cause", order.cause.as_str())
        .with("reason", clipped(&order.reason, REASON_BYTES))
        .with("revocation", id.0)
}
