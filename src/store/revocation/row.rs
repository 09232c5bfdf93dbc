//! The row of a revocation, its audit event and its announcement: what every revocation writes.
//!
//! Called by `commit` and `everyone`, within their transaction.

use deadpool_postgres::Transaction;
use protocol::{
    audit::AuditEvent,
    id::{RevocationId, Subject},
};

use super::{
    order::{CHANNEL, Left, RevocationRequest, Target},
    progress,
};
use crate::{audit, error::StoreError, row_mapping::clipped};

/// The maximum length of a reason, in bytes. Longer texts are shortened, because programs do not use them.
const REASON_BYTES: usize = 1000;

/// Writes the audit events of a revocation, and notifies the nodes.
pub(super) async fn announce(
    transaction: &Transaction<'_>,
    id: RevocationId,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    audit::insert(transaction, events).await?;
    transaction.execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &id.to_string()]).await?;
    Ok(())
}

/// Writes the row of a revocation, and the beginning of its progress on the node that carries it out. `sessions` is `None` if
/// the rows of the sessions are ended later. `counted` is then their number, if it is known.
pub(super) async fn insert(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
    sessions: Option<usize>,
    counted: Option<usize>,
    left: Left,
) -> Result<RevocationId, StoreError> {
    let (session, device, user) = match order.target {
        Target::Session(id) => (Some(id.0), None, order.only_user),
        Target::Device(id) => (None, Some(id.0), order.only_user),
        Target::User(id) => (None, None, Some(id)),
        Target::Users(_) | Target::Network(_) | Target::OpenedSince(_) | Target::Subject(_) | Target::All => {
            (None, None, order.only_user)
        }
    };
    let (network, since, users) = match &order.target {
        Target::Network(network) => (Some(network.to_string()), None, None),
        Target::OpenedSince(moment) => (None, Some(*moment), None),
        Target::Users(users) => (None, None, Some(i32::try_from(users.len()).unwrap_or(i32::MAX))),
        _ => (None, None, None),
    };
    let statement = transaction
        .prepare_cached(
            "WITH written AS (
             INSERT INTO revocations (scope, session_id, device_id, user_id, except_session_id, cause, reason,
                                      actor_id, sessions, created_at, origin, subject, network, opened_since, users,
                                      excluded, more, reported)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::cidr, $14, $15, $16, $17, true)
             RETURNING id),
             -- A drill leaves one event in the audit log, and no receipt.
             due AS (INSERT INTO receipts_due (revocation_id, counted) SELECT id, $18 FROM written WHERE $6::text <> 'drill')
             SELECT id FROM written",
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
                &network,
                &since,
                &users,
                &i32::try_from(left.excluded).unwrap_or(i32::MAX),
                &left.more,
                &counted.map(|counted| i32::try_from(counted).unwrap_or(i32::MAX)),
            ],
        )
        .await?;
    let id = RevocationId(row.try_get(0)?);
    if let Some(node) = order.reported_by {
        progress::begin(transaction, id, node).await?;
    }
    Ok(id)
}

/// Adds the scope, the cause, the reason and the id of the revocation to the event.
pub(super) fn described(event: AuditEvent, order: &RevocationRequest, id: RevocationId) -> AuditEvent {
    event
        .with("scope", order.target.scope())
        .with("cause", order.cause.as_str())
        .with("reason", clipped(&order.reason, REASON_BYTES))
        .with("revocation", id.0)
}
