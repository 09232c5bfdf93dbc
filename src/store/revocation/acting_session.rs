//! The acting session: checks whether the session that requests a change may still make it at the time of the write.
//!
//! A request is verified when it arrives. Before its change is written, its session may be revoked, or its user may be
//! suspended, blocked, demoted or given another password. Called by `commit`, and by other changes that a session requests.
//! `sessions::open` and `sessions::refresh` use only [`hold_off_revoking_all`].
//!
//! Locks are taken in one order everywhere, so there are no deadlocks: the lock of revoking all sessions, then users' rows by
//! id, then sessions' rows by id. A session can end only under the first lock, held exclusively, or under the lock of its
//! user's row. So a transaction that holds the first lock (shared) and the lock of the user's row reads a state that cannot
//! change before its commit.

use deadpool_postgres::Transaction;
use domain::account::role::{Role, Status};
use protocol::id::UserId;
use time::OffsetDateTime;

use super::{denials, order::ActingSession};
use crate::{
    error::{Lapse, StoreError},
    row_mapping,
    sessions::session::NOT_REVOKED,
};

/// The key of the first lock, an advisory lock. A revocation of all sessions holds it exclusively; a change by a session, the
/// opening of a session and the exchange of a refresh token hold it shared.
pub(crate) const REVOKE_ALL_LOCK: i64 = 0x706f_7274_0002;

/// Takes the locks for a change that concerns only the user of the acting session, and checks the acting session.
///
/// # Errors
/// `Lapsed` if the acting session may no longer make its change.
pub(crate) async fn require(
    transaction: &Transaction<'_>,
    acting_session: &ActingSession,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    hold_off_revoking_all(transaction).await?;
    let statement = transaction.prepare_cached("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE").await?;
    transaction.execute(&statement, &[&acting_session.user.0]).await?;
    check(transaction, acting_session, now).await
}

/// Takes the locks for a change that concerns another user, and checks the acting session. Returns whether this user exists and
/// has one of these roles.
///
/// # Errors
/// `Lapsed` if the acting session may no longer make its change.
pub(crate) async fn require_over(
    transaction: &Transaction<'_>,
    acting_session: &ActingSession,
    user: UserId,
    roles: &[Role],
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    hold_off_revoking_all(transaction).await?;
    let statement = transaction
        .prepare_cached("SELECT id, role FROM users WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE")
        .await?;
    let rows = transaction.query(&statement, &[&[acting_session.user.0, user.0].as_slice()]).await?;
    check(transaction, acting_session, now).await?;
    match rows.iter().find(|row| row.try_get::<_, i64>("id").is_ok_and(|id| id == user.0)) {
        Some(row) => Ok(roles.contains(&row_mapping::word(row, "role")?)),
        None => Ok(false),
    }
}

/// Prevents a revocation of all sessions until the end of the transaction.
pub(crate) async fn hold_off_revoking_all(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let statement = transaction.prepare_cached("SELECT pg_advisory_xact_lock_shared($1)").await?;
    transaction.execute(&statement, &[&REVOKE_ALL_LOCK]).await?;
    Ok(())
}

/// Checks the acting session. The caller holds the locks.
///
/// # Errors
/// `Lapsed` if the acting session may no longer make its change.
pub(crate) async fn check(
    transaction: &Transaction<'_>,
    acting_session: &ActingSession,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let statement = transaction
        .prepare_cached(&format!(
            "SELECT {NOT_REVOKED} AND s.expires_at > $3 AS works, s.privileged_until,
                    s.privilege_epoch::bigint, u.status, u.role
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND u.id = $2"
        ))
        .await?;
    let row =
        transaction.query_opt(&statement, &[&acting_session.session.0, &acting_session.user.0, &now]).await?;
    let row = row.ok_or(StoreError::Lapsed(Lapse::Session))?;
    let privileged_until: Option<OffsetDateTime> = row.try_get("privileged_until")?;
    let epoch: i64 = row.try_get("privilege_epoch")?;
    let lapsed = if !row.try_get::<_, bool>("works")? {
        Some(Lapse::Session)
    } else if !row_mapping::word::<Status>(&row, "status")?.is_active()
        || denials::blocked(transaction, acting_session.user.0, now).await?
    {
        Some(Lapse::Account)
    } else if row_mapping::word::<Role>(&row, "role")? < acting_session.role {
        Some(Lapse::Role)
    } else {
        let privileged = privileged_until.is_some_and(|until| until > now);
        let has_privilege = |required: u32| privileged && i64::from(required) == epoch;
        (!acting_session.privilege_epoch.is_none_or(has_privilege)).then_some(Lapse::Privilege)
    };
    lapsed.map_or(Ok(()), |lapse| Err(StoreError::Lapsed(lapse)))
}
