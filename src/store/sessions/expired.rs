//! Expiry: finding sessions that must be revoked as expired.
//!
//! Called by the expiry job. Verification does not depend on the job: a session past its end is refused in any case.

use protocol::id::SessionId;
use time::OffsetDateTime;

use super::session::NOT_REVOKED;
use crate::{error::StoreError, pool::Store};

/// Sessions per call, so that a backlog after an outage is processed in pieces.
const BATCH: i64 = EXPIRED_BATCH as i64;
/// The same, for callers.
pub const EXPIRED_BATCH: usize = 500;

impl Store {
    /// Sessions past their absolute end, the earliest end first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn expired_sessions(&self, now: OffsetDateTime) -> Result<Vec<SessionId>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                // In this order, because the planner then takes the index by it. Otherwise it may take the one of all live
                // sessions, and pass over each of them to find none.
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

    /// Sessions not used since `since`, the longest unused first. A session may be used before it is revoked, so the revocation request must state the same
    /// condition. Sessions with sockets have been touched by their nodes.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn idle_sessions(&self, since: OffsetDateTime) -> Result<Vec<SessionId>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                // In this order for the same reason as above.
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
