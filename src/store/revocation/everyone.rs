//! Revoking all sessions: the transaction writes one row. After its commit, every session that was opened earlier has ended.
//!
//! The row of a session has the id of the newest revocation of all sessions at the session's opening. Every check of a session
//! compares this id with the id of the newest revocation of all sessions at present. No session row is locked or changed, so
//! the revocation is fast even if there are many sessions. Afterwards a job calls `end_covered`, which ends the session rows in
//! batches.

use deadpool_postgres::Transaction;
use protocol::close::Cause;

use super::{
    order::{CommittedRevocation, Ended, Left, RevocationRequest},
    row,
};
use crate::{
    error::StoreError,
    pool::Store,
    sessions::{external::NOT_REVOKED_WITH_ALL, session::NOT_REVOKED},
};

/// Sessions are counted only up to this number, because the lock is held during the count.
const COUNTED: i64 = 100_000;

/// A query for the id of the newest revocation of all sessions, or 0.
pub(crate) const NEWEST: &str = "SELECT coalesce(max(id), 0) FROM revocations WHERE scope = 'all'";

/// This statement ends rows in `table` of sessions that were revoked with all sessions. It also adds the number of sessions
/// that each revocation ended to the row of this revocation. `open` is the condition that a row is not ended. Rows that another
/// transaction has locked are left for the next time.
fn end_sql(table: &str, open: &str) -> String {
    format!(
        "WITH covered AS (
             SELECT id, revoked_all FROM {table} WHERE {open} AND revoked_all < ({NEWEST}) LIMIT $1 FOR UPDATE SKIP LOCKED
         ), ended AS (
             UPDATE {table} s SET revoked_at = r.created_at, revocation_id = r.id
             FROM covered c CROSS JOIN LATERAL (SELECT id, created_at FROM revocations
                                                WHERE scope = 'all' AND id > c.revoked_all ORDER BY id LIMIT 1) r
             WHERE s.id = c.id RETURNING r.id AS revocation
         ), counted AS (
             SELECT revocation, count(*)::integer AS sessions FROM ended GROUP BY revocation
         ), noted AS (
             UPDATE revocations r SET sessions = r.sessions + c.sessions FROM counted c WHERE r.id = c.revocation
         )
         SELECT count(*) FROM ended"
    )
}

impl Store {
    /// Ends the rows of sessions that were revoked with all sessions: at most `limit` sessions, and at most `limit` external
    /// sessions. Returns the number of rows that it ended.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn end_covered(&self, limit: u32) -> Result<u64, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let mut ended = 0;
                for (table, open) in [
                    ("sessions", "revoked_at IS NULL"),
                    ("external_sessions", "ended_at IS NULL AND revoked_at IS NULL"),
                ] {
                    let statement = client.prepare_cached(&end_sql(table, open)).await?;
                    let counted = client.query_one(&statement, &[&i64::from(limit)]).await?;
                    ended += counted.try_get::<_, i64>(0)?.unsigned_abs();
                }
                Ok(ended)
            })
        })
        .await
    }
}

/// Writes the revocation within the caller's transaction. The transaction holds `REVOKE_ALL_LOCK` exclusively, so no session of
/// an account is opened meanwhile.
pub(super) async fn write(
    transaction: &Transaction<'_>,
    order: &RevocationRequest,
) -> Result<CommittedRevocation, StoreError> {
    if order.cause != Cause::Revoked || order.except.is_some() || order.change.is_some() {
        return Err(StoreError::internal("a revocation of all sessions has no exception and no change"));
    }
    let sessions = count(transaction).await?;
    let id = row::insert(transaction, order, None, sessions, Left::default()).await?;
    let mut event = order.audit.clone();
    event.actor = event.actor.or(order.actor);
    let event = row::described(event, order, id);
    let event = match sessions {
        Some(sessions) => event.with("sessions", sessions),
        None => event,
    };
    row::announce(transaction, id, &[event]).await?;
    Ok(CommittedRevocation {
        id: Some(id),
        cause: order.cause,
        ended: Ended::Everyone { sessions },
        except: None,
        left: Left::default(),
        renewed: None,
    })
}

/// The number of sessions that have not ended; `None` if the number exceeds [`COUNTED`].
async fn count(transaction: &Transaction<'_>) -> Result<Option<usize>, StoreError> {
    let sql = format!(
        "SELECT (SELECT count(*) FROM (SELECT FROM sessions s WHERE {NOT_REVOKED} LIMIT $1) own)
              + (SELECT count(*) FROM (SELECT FROM external_sessions WHERE ended_at IS NULL AND revoked_at IS NULL
                                       AND {NOT_REVOKED_WITH_ALL} LIMIT $1) outside)"
    );
    let counted: i64 = transaction.query_one(&sql, &[&(COUNTED + 1)]).await?.try_get(0)?;
    Ok(usize::try_from(counted).ok().filter(|_| counted <= COUNTED))
}
