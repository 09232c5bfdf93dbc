//! Expiry: finding sessions that must be revoked as expired, and deleting expired tickets.
//!
//! Called by the expiry job. Verification does not depend on the job: a session past its end is refused in any case.

use protocol::id::SessionId;
use time::OffsetDateTime;

use crate::{error::StoreError, pool::Store, row_mapping::uuids};

/// Sessions per call, so that a backlog after an outage is processed in pieces.
const BATCH: i64 = 500;

impl Store {
    /// Sessions past their absolute end.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn expired_sessions(&self, now: OffsetDateTime) -> Result<Vec<SessionId>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql = "SELECT id FROM sessions WHERE revoked_at IS NULL AND expires_at <= $1 LIMIT $2";
                let statement = client.prepare_cached(sql).await?;
                let rows = client.query(&statement, &[&now, &BATCH]).await?;
                rows.iter().map(|row| Ok(SessionId(row.try_get(0)?))).collect()
            })
        })
        .await
    }

    /// Sessions not used since `since` and not in `open`, the sessions with sockets on this node. A session may be
    /// used before it is revoked, so the revocation request must state the same condition.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn idle_sessions(
        &self,
        since: OffsetDateTime,
        open: Vec<SessionId>,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql = "SELECT id FROM sessions WHERE revoked_at IS NULL AND last_seen_at <= $1 AND id <> ALL ($2)
                           LIMIT $3";
                let statement = client.prepare_cached(sql).await?;
                let rows = client.query(&statement, &[&since, &uuids(&open), &BATCH]).await?;
                rows.iter().map(|row| Ok(SessionId(row.try_get(0)?))).collect()
            })
        })
        .await
    }

    /// Deletes expired tickets.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn delete_expired_tickets(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                Ok(client.execute("DELETE FROM ws_tickets WHERE expires_at <= $1", &[&now]).await?)
            })
        })
        .await
    }
}
