//! Cancelling a request to erase an account: by a sign-in of the person, or by an operator.

use deadpool_postgres::Transaction;
use domain::account::role::Role;
use protocol::{audit::AuditEvent, id::UserId};
use time::OffsetDateTime;

use super::requests::{Erasure, SELECTED, read};
use crate::{
    audit,
    error::StoreError,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
};

/// The condition for cancelling a request `e` by a sign-in of its person at the time `$2`.
const BY_SIGN_IN: &str = "e.state = 'pending' AND e.requested_by = 'user' AND e.due_at > $2";

/// Whether a sign-in of the user of a row `u` cancels a request: a condition in SQL. The exact time is compared when the session
/// is opened.
pub(crate) const CANCELLABLE: &str = "EXISTS (SELECT FROM erasures e
     WHERE e.user_id = u.id AND e.state = 'pending' AND e.requested_by = 'user')";

/// Cancels the person's own request, and activates the account. `false` if there is no such request. The caller has locked the row
/// of the account.
pub(crate) async fn by_sign_in(
    transaction: &Transaction<'_>,
    user: UserId,
    opening: &AuditEvent,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let sql = format!("DELETE FROM erasures e WHERE e.user_id = $1 AND {BY_SIGN_IN}");
    if transaction.execute(&sql, &[&user.0, &now]).await? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE users SET status = 'active', updated_at = $2 WHERE id = $1 AND status = 'deactivated'";
    if transaction.execute(sql, &[&user.0, &now]).await? == 0 {
        return Ok(false);
    }
    let event = AuditEvent {
        id: uuid::Uuid::new_v4(),
        event: "erasure.cancelled".to_owned(),
        detail: serde_json::Map::new(),
        ..opening.clone()
    };
    audit::insert(transaction, &[event.with("by", "sign-in").with("status", "active")]).await?;
    Ok(true)
}

impl Store {
    /// Cancels a request that has not begun, and gives the account its earlier status. With `acting`, the acting session must
    /// still have the permission, and the account must have one of these roles. `None` if there is no such request.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change, `Unavailable` if the database cannot be reached.
    pub async fn cancel_erasure(
        &self,
        user: UserId,
        acting: Option<(ActingSession, Vec<Role>)>,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Option<Erasure>, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if let Some((session, roles)) = acting {
                    if !acting_session::require_over(&transaction, &session, user, &roles, now).await? {
                        return Ok(None);
                    }
                } else {
                    let sql = "SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE";
                    transaction.execute(sql, &[&user.0]).await?;
                }
                let sql = format!(
                    "DELETE FROM erasures e WHERE e.user_id = $1 AND e.state = 'pending' RETURNING {SELECTED}, e.status_before"
                );
                let Some(row) = transaction.query_opt(&sql, &[&user.0]).await? else {
                    return Ok(None);
                };
                // An operator may have given the account another status meanwhile.
                let sql =
                    "UPDATE users SET status = $2, updated_at = $3 WHERE id = $1 AND status = 'deactivated'";
                let before: String = row.try_get("status_before")?;
                let changed = transaction.execute(sql, &[&user.0, &before, &now]).await? == 1;
                let event = if changed { event.with("status", before) } else { event };
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                read(&row).map(Some)
            })
        })
        .await
    }
}
