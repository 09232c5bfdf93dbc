//! Reading sessions.
//!
//! Other files open sessions (`open`), refresh them (`refresh`), end them (`revocation`), and write their last use
//! (`accounts::last_seen`).

use protocol::id::{DeviceId, SessionId, UserId};
use time::OffsetDateTime;

use super::session::{self, NOT_REVOKED, SESSION_COLUMNS, Session, SessionWithUser};
use crate::{accounts::user::USER_COLUMNS, error::StoreError, pool::Store};

/// Which sessions to list.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only sessions of this user.
    pub user: Option<UserId>,
    /// Only sessions on this device.
    pub device: Option<DeviceId>,
    /// Only sessions that are not revoked, and that are not past their absolute end at this time.
    pub active_at: Option<OffsetDateTime>,
    /// Only sessions after this one in the list, given by its start and id. The list begins with the newest.
    pub before: Option<(OffsetDateTime, SessionId)>,
    /// Maximum number of sessions.
    pub limit: u32,
}

impl Store {
    /// A session with its user, even if the session has ended. The caller checks `revoked`, `status` and the times.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn session_with_user(&self, id: SessionId) -> Result<Option<SessionWithUser>, StoreError> {
        let sql = format!(
            "SELECT {SESSION_COLUMNS}, {USER_COLUMNS} FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let row = client.query_opt(&statement, &[&id.0]).await?;
                row.map(|row| session::with_user(&row)).transpose()
            })
        })
        .await
    }

    /// At most `limit` sessions of the user that are not revoked, newest first. With `before`, the list continues after the
    /// session with this start and id.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn sessions_of(
        &self,
        user: UserId,
        before: Option<(OffsetDateTime, SessionId)>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let sql = format!(
            "SELECT {SESSION_COLUMNS} FROM sessions s WHERE s.user_id = $1 AND {NOT_REVOKED}
               AND ($2::timestamptz IS NULL OR s.created_at < $2 OR (s.created_at = $2 AND s.id > $3))
             ORDER BY s.created_at DESC, s.id LIMIT $4"
        );
        let (start, id) = before.map(|(start, id)| (start, id.0)).unzip();
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let rows = client.query(&statement, &[&user.0, &start, &id, &i64::from(limit)]).await?;
                rows.iter().map(session::from_row).collect()
            })
        })
        .await
    }

    /// Sessions of any user, with their users, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn search_sessions(&self, filter: SessionFilter) -> Result<Vec<SessionWithUser>, StoreError> {
        let sql = format!(
            "SELECT {SESSION_COLUMNS}, {USER_COLUMNS} FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE ($1::bigint IS NULL OR s.user_id = $1) AND ($2::uuid IS NULL OR s.device_id = $2)
               AND ($3::timestamptz IS NULL OR ({NOT_REVOKED} AND s.expires_at > $3))
               AND ($4::timestamptz IS NULL OR s.created_at < $4 OR (s.created_at = $4 AND s.id > $5))
             ORDER BY s.created_at DESC, s.id LIMIT $6"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let user = filter.user.map(|id| id.0);
                let device = filter.device.map(|id| id.0);
                let (start, id) = filter.before.map(|(start, id)| (start, id.0)).unzip();
                // The statement is not cached, because each combination of filters needs its own plan.
                let limit = i64::from(filter.limit);
                let rows =
                    client.query(&sql, &[&user, &device, &filter.active_at, &start, &id, &limit]).await?;
                rows.iter().map(session::with_user).collect()
            })
        })
        .await
    }
}
