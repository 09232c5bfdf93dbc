//! Sessions that exist: reading them, rotating their refresh tokens, granting privilege.
//!
//! Opening is in `opening`, ending in `revocations`, noting that they were used in `touches`. What must happen once is one conditional UPDATE: of any number that
//! try, one gets the row.

use protocol::id::{DeviceId, SessionId, UserId};
use time::OffsetDateTime;

use super::session::{self, SESSION_COLUMNS, Session, SessionWithUser};
use crate::{accounts::user::USER_COLUMNS, error::StoreError, pool::Store};

/// Which sessions to list.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only this user's.
    pub user: Option<UserId>,
    /// Only this device's.
    pub device: Option<DeviceId>,
    /// Only those not revoked and not past their absolute end at this time.
    pub active_at: Option<OffsetDateTime>,
    /// Only those opened before the session with this start and id (they come newest first).
    pub before: Option<(OffsetDateTime, SessionId)>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// A session with its user, also when it has ended: the caller judges by `revoked`, `status` and the times.
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

    /// The user's sessions that were not revoked, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let sql = format!(
            "SELECT {SESSION_COLUMNS} FROM sessions s WHERE s.user_id = $1 AND s.revoked_at IS NULL
             ORDER BY s.created_at DESC, s.id"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let rows = client.query(&statement, &[&user.0]).await?;
                rows.iter().map(session::from_row).collect()
            })
        })
        .await
    }

    /// Sessions of anybody with their users, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn search_sessions(&self, filter: SessionFilter) -> Result<Vec<SessionWithUser>, StoreError> {
        let sql = format!(
            "SELECT {SESSION_COLUMNS}, {USER_COLUMNS} FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE ($1::bigint IS NULL OR s.user_id = $1) AND ($2::uuid IS NULL OR s.device_id = $2)
               AND ($3::timestamptz IS NULL OR (s.revoked_at IS NULL AND s.expires_at > $3))
               AND ($4::timestamptz IS NULL OR s.created_at < $4 OR (s.created_at = $4 AND s.id > $5))
             ORDER BY s.created_at DESC, s.id LIMIT $6"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let user = filter.user.map(|id| id.0);
                let device = filter.device.map(|id| id.0);
                let (start, id) = filter.before.map(|(start, id)| (start, id.0)).unzip();
                // Not from the cache: each combination of filters wants a plan of its own.
                let limit = i64::from(filter.limit);
                let rows =
                    client.query(&sql, &[&user, &device, &filter.active_at, &start, &id, &limit]).await?;
                rows.iter().map(session::with_user).collect()
            })
        })
        .await
    }
}
