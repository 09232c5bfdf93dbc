//! Sessions that exist: reading them, rotating their refresh tokens, granting privilege.
//!
//! Opening is in `opening`, ending in `revocations`, noting that they were used in `touches`. What must happen once is one conditional UPDATE: of any number that
//! try, one gets the row.

use deadpool_postgres::Client;
use protocol::{
    audit::AuditEvent,
    id::{DeviceId, SessionId, UserId},
};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;

use crate::{audit, error::StoreError, factors::second_factors::{Proof, self as factors}, pool::Store, sessions::session::{SessionWithUser, SESSION_COLUMNS, Session}, accounts::user::USER_COLUMNS, row_mapping::{stored, self as rows}};

/// The privilege of a fresh proof of presence.
#[derive(Clone, Debug)]
pub struct Privilege {
    /// For which session.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
    /// The user's generation when the proof was checked.
    pub generation: i32,
    /// Until when.
    pub until: OffsetDateTime,
    /// The proof beside a password, which is spent with it.
    pub proof: Option<Proof>,
    /// The time.
    pub now: OffsetDateTime,
}

/// What came of granting privilege.
#[derive(Clone, Debug)]
pub enum Granted {
    /// The session has it.
    Session(Box<Session>),
    /// The session ended or its user changed meanwhile.
    Lapsed,
    /// The proof was used before, perhaps a moment ago.
    Spent,
}

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
    pub async fn live_session(&self, id: SessionId) -> Result<Option<LiveSession>, StoreError> {
        let sql = format!(
            "SELECT {SESSION_COLUMNS}, {USER_COLUMNS} FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1"
        );
        self.read(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let row = client.query_opt(&statement, &[&id.0]).await?;
                row.map(|row| rows::live_session(&row)).transpose()
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
        self.read(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let rows = client.query(&statement, &[&user.0]).await?;
                rows.iter().map(rows::session).collect()
            })
        })
        .await
    }

    /// Sessions of anybody with their users, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn search_sessions(&self, filter: SessionFilter) -> Result<Vec<LiveSession>, StoreError> {
        let sql = format!(
            "SELECT {SESSION_COLUMNS}, {USER_COLUMNS} FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE ($1::bigint IS NULL OR s.user_id = $1) AND ($2::uuid IS NULL OR s.device_id = $2)
               AND ($3::timestamptz IS NULL OR (s.revoked_at IS NULL AND s.expires_at > $3))
               AND ($4::timestamptz IS NULL OR s.created_at < $4 OR (s.created_at = $4 AND s.id > $5))
             ORDER BY s.created_at DESC, s.id LIMIT $6"
        );
        self.read(move |client| {
            Box::pin(async move {
                let user = filter.user.map(|id| id.0);
                let device = filter.device.map(|id| id.0);
                let (start, id) = filter.before.map(|(start, id)| (start, id.0)).unzip();
                // Not from the cache: each combination of filters wants a plan of its own.
                let limit = i64::from(filter.limit);
                let rows =
                    client.query(&sql, &[&user, &device, &filter.active_at, &start, &id, &limit]).await?;
                rows.iter().map(rows::live_session).collect()
            })
        })
        .await
    }

    /// Rotates the refresh token if `expected` is still its counter and the session works. Of any number of callers with
    /// the same counter, one gets the session and leaves its event; the others get `None` and read it anew.
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
             WHERE s.id = $1 AND s.refresh_counter = $2 AND s.revoked_at IS NULL AND s.expires_at > $3
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

    /// Spends the one late retry that the current counter has, if its access token was never used. Of any number of
    /// callers, one gets the session and leaves its event. The grace for repeating begins anew, so that others who came
    /// at the same moment are repetitions of it.
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
               AND s.used_counter < $2 AND s.revoked_at IS NULL
             RETURNING {SESSION_COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move { once(client, &sql, &[&id.0, &stored(counter), &now], event).await })
        })
        .await
    }

    /// Grants a session that works the privilege of a fresh proof of presence, unless its user changed since the proof was
    /// checked, and spends the proof. The epoch rises, so that the tokens from before do not carry it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn grant_privilege(
        &self,
        privilege: Privilege,
        event: AuditEvent,
    ) -> Result<Granted, StoreError> {
        let sql = format!(
            "UPDATE sessions s SET privilege_epoch = s.privilege_epoch + 1, privileged_until = $3
             FROM (SELECT id FROM users WHERE generation = $2 AND is_active
                                          AND id = (SELECT user_id FROM sessions WHERE id = $1) FOR SHARE) AS u
             WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > $4 AND u.id = s.user_id
             RETURNING {SESSION_COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move {
                let Privilege { session, user, generation, until, proof, now } = privilege;
                let transaction = client.transaction().await?;
                let statement = transaction.prepare_cached(&sql).await?;
                let arguments: [&(dyn ToSql + Sync); 4] = [&session.0, &generation, &until, &now];
                let Some(row) = transaction.query_opt(&statement, &arguments).await? else {
                    return Ok(Granted::Lapsed);
                };
                if let Some(proof) = proof
                    && !factors::spend(&transaction, user, &proof, now).await?
                {
                    return Ok(Granted::Spent);
                }
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(Granted::Session(Box::new(rows::session(&row)?)))
            })
        })
        .await
    }
}

/// One conditional change of one session, with its event; neither if the condition does not hold.
async fn once(
    client: &mut Client,
    sql: &str,
    arguments: &[&(dyn ToSql + Sync)],
    event: AuditEvent,
) -> Result<Option<Session>, StoreError> {
    let transaction = client.transaction().await?;
    let statement = transaction.prepare_cached(sql).await?;
    let Some(row) = transaction.query_opt(&statement, arguments).await? else {
        return Ok(None);
    };
    audit::insert(&transaction, &[event]).await?;
    transaction.commit().await?;
    rows::session(&row).map(Some)
}
