//! Expiry: finding sessions that must be revoked as expired.
//!
//! Called by the expiry job. Verification does not depend on the job: a session past its end is always refused.

use protocol::id::SessionId;
use time::OffsetDateTime;

use super::session::NOT_REVOKED;
use crate::{error::StoreError, pool::Store};

/// [`EXPIRED_BATCH`] in the type of a query's parameter.
const BATCH: i64 = EXPIRED_BATCH as i64;
/// The largest number of sessions that a call returns, so that a backlog after an outage is processed in pieces.
pub const EXPIRED_BATCH: usize = 500;

impl Store {
    /// Sessions past their absolute end, the earliest end first, at most [`EXPIRED_BATCH`].
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn expired_sessions(&self, now: OffsetDateTime) -> Result<Vec<SessionId>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                // The rows are sorted by their end, because the planner then uses the index on the end. Otherwise the planner
                // may use another index, and read the row of every session that is not revoked, even if no session has expired.
                let sql = format!(
                    "SELECT s.id FROM sessions s WHERE {NOT_REVOKED} AND s.expires_at <= $1
                     ORDER BY s.expires_at LIMIT $2"
                );
                let statement = client.prepare_cached(&sql).await?;
                let rows = client.query(&statement, &[&now, &BATCH]).await?;
                rows.iter().map(|row| Ok(SessionId(row.try_get(0)?))).collect()
            })
        })
        .await
    }

    /// At most [`EXPIRED_BATCH`] sessions that were not used since `since`, with the oldest last use first. A session may be
    /// used before it is revoked, so the revocation request must state the same condition. A session with open sockets is
    /// usually not among them, because its node regularly writes a use.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn idle_sessions(&self, since: OffsetDateTime) -> Result<Vec<SessionId>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                // The rows are sorted for the same reason as above.
                let sql = format!(
                    "SELECT s.id FROM sessions s WHERE {NOT_REVOKED} AND s.last_seen_at <= $1
                     ORDER BY s.last_seen_at LIMIT $2"
                );
                let statement = client.prepare_cached(&sql).await?;
                let rows = client.query(&statement, &[&since, &BATCH]).await?;
                rows.iter().map(|row| Ok(SessionId(row.try_get(0)?))).collect()
            })
        })
        .await
    }
}
