//! The rule that an admin remains: without one, no user could undo a change of roles over the network.
//!
//! Called by transactions that take the role, the status or the account from a user.

use deadpool_postgres::Transaction;

use crate::error::StoreError;

/// The name of the failed condition if a change would leave no active admin.
pub const LAST_ADMIN: &str = "last_admin";

/// The key of an advisory lock. Each transaction that may remove an admin holds the lock. It is taken after the locks of users'
/// rows, and no such lock is taken after it.
const ADMINS_LOCK: i64 = 0x706f_7274_0007;

/// Checks that an active admin remains if none of these users is one any more.
///
/// # Errors
/// `Conflict` with [`LAST_ADMIN`] if none remains, and one of these users is an active admin.
pub(crate) async fn require_another(transaction: &Transaction<'_>, users: &[i64]) -> Result<(), StoreError> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&ADMINS_LOCK]).await?;
    let sql = "SELECT FROM users u WHERE u.role = 'admin' AND u.status = 'active'
                 AND u.id = ANY ($1) AND NOT EXISTS (
                   SELECT FROM users o WHERE o.role = 'admin' AND o.status = 'active' AND NOT (o.id = ANY ($1)))
               LIMIT 1";
    match transaction.query_opt(sql, &[&users]).await? {
        Some(_) => Err(StoreError::Conflict(LAST_ADMIN.to_owned())),
        None => Ok(()),
    }
}
