//! The request to erase an account: written in the transaction of the revocation that ends the account's sessions.

use deadpool_postgres::Transaction;
use domain::account::{erasure::ErasureRequester, role::Status};
use protocol::id::UserId;
use time::OffsetDateTime;

use crate::{
    error::StoreError,
    row_mapping::{clipped, word},
};

/// The condition that no request exists yet.
pub const ERASURE_REQUESTED: &str = "erasure_requested";

/// The longest reason that is stored, in bytes.
const REASON_BYTES: usize = 2000;

/// A request to erase an account.
#[derive(Clone, Debug)]
pub struct NewErasure {
    /// The kind of requester.
    pub requested_by: ErasureRequester,
    /// The acting user.
    pub actor: Option<UserId>,
    /// The reason, in the words of the requester.
    pub reason: String,
    /// When it is carried out.
    pub due_at: OffsetDateTime,
}

/// Deactivates the account, and notes the request. The caller has locked the row of the account.
///
/// # Errors
/// `Conflict` with [`ERASURE_REQUESTED`] if there is a request.
pub(crate) async fn write(
    transaction: &Transaction<'_>,
    user: i64,
    new: &NewErasure,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let row = transaction.query_one("SELECT status FROM users WHERE id = $1", &[&user]).await?;
    let status = word::<Status>(&row, "status")?;
    // The record of an earlier erasure is replaced: the account came back with a backup.
    let sql = "INSERT INTO erasures AS e (user_id, account_created_at, state, requested_by, actor_id, reason, status_before,
                                          requested_at, due_at)
               SELECT id, created_at, 'pending', $2, $3, $4, $5, $6, $7 FROM users WHERE id = $1
               ON CONFLICT (user_id) DO UPDATE
               SET account_created_at = excluded.account_created_at, state = 'pending', requested_by = excluded.requested_by,
                   actor_id = excluded.actor_id, reason = excluded.reason, status_before = excluded.status_before,
                   requested_at = excluded.requested_at, due_at = excluded.due_at, begun_at = NULL, erased_at = NULL,
                   swept_at = NULL, name_hash = NULL, addresses = NULL, pseudonym = NULL
               WHERE e.state = 'erased'";
    let written = transaction
        .execute(
            sql,
            &[
                &user,
                &new.requested_by.as_str(),
                &new.actor.map(|actor| actor.0),
                &clipped(&new.reason, REASON_BYTES),
                &status.as_str(),
                &now,
                &new.due_at,
            ],
        )
        .await?;
    if written == 0 {
        return Err(StoreError::Conflict(ERASURE_REQUESTED.to_owned()));
    }
    transaction.execute("UPDATE users SET status = 'deactivated' WHERE id = $1", &[&user]).await?;
    Ok(())
}
