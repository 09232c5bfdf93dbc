//! Rotation of refresh tokens. Each change is one conditional UPDATE, so only one of several concurrent callers gets the row.

use deadpool_postgres::Client;
use protocol::{audit::AuditEvent, id::SessionId};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;

use super::session::{self, NOT_REVOKED, SESSION_COLUMNS, Session};
use crate::{
    audit, error::StoreError, pool::Store, revocation::acting_session::hold_off_revoking_all,
    row_mapping::stored,
};

impl Store {
    /// Rotates the refresh token under three conditions: `expected` is still its counter, neither the session nor the token has
    /// ended, and the user is active. Otherwise returns `None`. So of concurrent callers with the same counter, one gets the
    /// session and writes its audit event; the others get `None` and read the session again.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn rotate_refresh(
        &self,
        id: SessionId,
        expected: u64,
        now: OffsetDateTime,
        refresh_expires_at: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Option<Session>, StoreError> {
        let sql = format!(
            "UPDATE sessions s SET refresh_counter = s.refresh_counter + 1, refresh_rotated_at = $3,
                    refresh_expires_at = least($4, s.expires_at), last_seen_at = greatest(s.last_seen_at, $3)
             FROM users u
             WHERE s.id = $1 AND s.refresh_counter = $2 AND {NOT_REVOKED} AND s.expires_at > $3
               AND s.refresh_expires_at > $3 AND u.id = s.user_id AND u.is_active
             RETURNING {SESSION_COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move {
                let arguments: [&(dyn ToSql + Sync); 4] =
                    [&id.0, &stored(expected), &now, &refresh_expires_at];
                once(client, &sql, &arguments, event).await
            })
        })
        .await
    }

    /// Spends the one late retry of the current counter: the previous refresh token is answered once more, long after its
    /// rotation. Returns `None` if an access token of the current counter was used, if the retry was spent, if the counter has
    /// changed, or if the session was revoked. Of concurrent callers, one gets the session and writes its audit event. The
    /// grace period for repeated requests starts again, so other concurrent requests count as repetitions of this one.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn spend_late_retry(
        &self,
        id: SessionId,
        counter: u64,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Option<Session>, StoreError> {
        let sql = format!(
            "UPDATE sessions s SET retried_counter = $2, refresh_rotated_at = greatest(s.refresh_rotated_at, $3)
             WHERE s.id = $1 AND s.refresh_counter = $2 AND s.retried_counter IS DISTINCT FROM $2
               AND s.used_counter < $2 AND {NOT_REVOKED}
             RETURNING {SESSION_COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move { once(client, &sql, &[&id.0, &stored(counter), &now], event).await })
        })
        .await
    }
}

/// Makes one conditional change to one session, with its audit event. If the condition is not met, nothing is written.
async fn once(
    client: &mut Client,
    sql: &str,
    arguments: &[&(dyn ToSql + Sync)],
    event: AuditEvent,
) -> Result<Option<Session>, StoreError> {
    let transaction = client.transaction().await?;
    hold_off_revoking_all(&transaction).await?;
    let statement = transaction.prepare_cached(sql).await?;
    let Some(row) = transaction.query_opt(&statement, arguments).await? else {
        return Ok(None);
    };
    audit::insert(&transaction, &[event]).await?;
    transaction.commit().await?;
    session::from_row(&row).map(Some)
}
