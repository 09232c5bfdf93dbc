//! Sessions that exist: reading them, rotating their refresh tokens, noting that they were used.
//!
//! Opening is in `opening`, ending in `revocations`. What must happen once is one conditional UPDATE: of any number that
//! try, one gets the row.

use std::{collections::HashMap, net::IpAddr};

use deadpool_postgres::Client;
use portcullis_actors::id::{DeviceId, SessionId, UserId};
use time::OffsetDateTime;

use super::{
    error::StoreError,
    pool::Store,
    rows::{self, LiveSession, SESSION_COLUMNS, Session, USER_COLUMNS, stored},
};

/// A sign of life to be written.
#[derive(Clone, Debug)]
pub struct Touch {
    /// Of which session.
    pub session: SessionId,
    /// On which device.
    pub device: DeviceId,
    /// Whose.
    pub user: UserId,
    /// When.
    pub at: OffsetDateTime,
    /// From where, if known.
    pub address: Option<IpAddr>,
    /// The highest refresh counter whose access token was used.
    pub used_counter: u64,
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
        self.run(move |client| {
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
        self.run(move |client| {
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
        self.run(move |client| {
            Box::pin(async move {
                let user = filter.user.map(|id| id.0);
                let device = filter.device.map(|id| id.0);
                let (start, id) = filter.before.map(|(start, id)| (start, id.0)).unzip();
                // Not from the cache: each combination of filters wants a plan of its own.
                let limit = i64::from(filter.limit);
                let rows = client
                    .query(&sql, &[&user, &device, &filter.active_at, &start, &id, &limit])
                    .await?;
                rows.iter().map(rows::live_session).collect()
            })
        })
        .await
    }

    /// Rotates the refresh token if `expected` is still its counter and the session works. Of any number of callers with
    /// the same counter, one gets the session; the others get `None` and read it anew.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn rotate_refresh(
        &self,
        id: SessionId,
        expected: u64,
        now: OffsetDateTime,
        refresh_expires_at: OffsetDateTime,
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
                let statement = client.prepare_cached(&sql).await?;
                let row = client
                    .query_opt(&statement, &[&id.0, &stored(expected), &now, &refresh_expires_at])
                    .await?;
                row.map(|row| rows::session(&row)).transpose()
            })
        })
        .await
    }

    /// Spends the one late retry that the current counter has, if its access token was never used. Of any number of
    /// callers, one gets `true`.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn spend_late_retry(&self, id: SessionId, counter: u64) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let statement = client
                    .prepare_cached(
                        "UPDATE sessions SET retried_counter = $2
                         WHERE id = $1 AND refresh_counter = $2 AND retried_counter IS DISTINCT FROM $2
                           AND used_counter < $2 AND revoked_at IS NULL",
                    )
                    .await?;
                Ok(client.execute(&statement, &[&id.0, &stored(counter)]).await? == 1)
            })
        })
        .await
    }

    /// Grants a session that works the privilege of a fresh proof of presence, for tokens issued from `since` on.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn grant_privilege(
        &self,
        id: SessionId,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Option<Session>, StoreError> {
        let sql = format!(
            "UPDATE sessions s SET privileged_since = $2, privileged_until = $3
             FROM users u WHERE s.id = $1 AND s.revoked_at IS NULL AND u.id = s.user_id AND u.is_active
             RETURNING {SESSION_COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let row = client.query_opt(&statement, &[&id.0, &since, &until]).await?;
                row.map(|row| rows::session(&row)).transpose()
            })
        })
        .await
    }

    /// Writes signs of life. None ever moves a session or device back in time, and none touches what was revoked.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; the same batch may be written again.
    pub async fn touch(&self, batch: Vec<Touch>) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.run(move |client| {
            Box::pin(async move {
                // Two transactions, so that no row of one table is held while waiting for the other.
                touch_sessions(client, &newest(&batch, |touch| touch.session)).await?;
                touch_devices(client, &newest(&batch, |touch| (touch.user, touch.device))).await
            })
        })
        .await
    }
}

/// One touch per key, the newest, with the highest counter of all: an UPDATE takes but one row per target.
fn newest<K: std::hash::Hash + Eq>(batch: &[Touch], key: impl Fn(&Touch) -> K) -> Vec<Touch> {
    let mut kept: HashMap<K, Touch> = HashMap::with_capacity(batch.len());
    for touch in batch {
        kept.entry(key(touch))
            .and_modify(|known| {
                let used = known.used_counter.max(touch.used_counter);
                let address = if touch.at >= known.at {
                    touch.address.or(known.address)
                } else {
                    known.address
                };
                known.at = known.at.max(touch.at);
                known.address = address;
                known.used_counter = used;
            })
            .or_insert_with(|| touch.clone());
    }
    kept.into_values().collect()
}

/// Rows are locked in the order of their ids, as revocations lock them, so that the two never wait for each other.
async fn touch_sessions(client: &Client, batch: &[Touch]) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "WITH seen AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::inet[], $4::bigint[])
                                         AS t (id, at, address, used)),
                  locked AS (SELECT s.id FROM sessions s WHERE s.id = ANY ($1) AND s.revoked_at IS NULL
                             ORDER BY s.id FOR NO KEY UPDATE)
             UPDATE sessions s SET last_seen_at = greatest(s.last_seen_at, seen.at),
                    address = coalesce(seen.address, s.address),
                    used_counter = greatest(s.used_counter, least(seen.used, s.refresh_counter))
             FROM seen JOIN locked USING (id) WHERE s.id = seen.id",
        )
        .await?;
    let ids: Vec<_> = batch.iter().map(|touch| touch.session.0).collect();
    let at: Vec<_> = batch.iter().map(|touch| touch.at).collect();
    let addresses: Vec<_> = batch.iter().map(|touch| touch.address).collect();
    let used: Vec<_> = batch.iter().map(|touch| stored(touch.used_counter)).collect();
    client
        .execute(&statement, &[&ids, &at, &addresses, &used])
        .await?;
    Ok(())
}

async fn touch_devices(client: &Client, batch: &[Touch]) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "WITH seen AS (SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::inet[])
                                         AS t (user_id, id, at, address)),
                  locked AS (SELECT d.user_id, d.id FROM registered_devices d JOIN seen USING (user_id, id)
                             WHERE d.forgotten_at IS NULL ORDER BY d.user_id, d.id FOR NO KEY UPDATE OF d)
             UPDATE registered_devices d SET last_seen_at = greatest(d.last_seen_at, seen.at),
                    address = coalesce(seen.address, d.address)
             FROM seen JOIN locked USING (user_id, id) WHERE d.user_id = seen.user_id AND d.id = seen.id",
        )
        .await?;
    let users: Vec<_> = batch.iter().map(|touch| touch.user.0).collect();
    let devices: Vec<_> = batch.iter().map(|touch| touch.device.0).collect();
    let at: Vec<_> = batch.iter().map(|touch| touch.at).collect();
    let addresses: Vec<_> = batch.iter().map(|touch| touch.address).collect();
    client
        .execute(&statement, &[&users, &devices, &at, &addresses])
        .await?;
    Ok(())
}
