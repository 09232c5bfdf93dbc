//! Temporary bans of client addresses.
//!
//! Each ban is written together with its audit event. Every node has a copy of the active bans in memory, and reads the bans
//! again every few seconds.

use protocol::audit::AuditEvent;
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::{
    audit,
    error::StoreError,
    pool::Store,
    revocation::{acting_session, order::ActingSession},
};

const COLUMNS: &str = "key, reason, created_at, expires_at";

/// A temporary ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The banned address, in the form that the limits use (`domain::client::address::limit_key`).
    pub key: String,
    /// The reason, for operators.
    pub reason: String,
    /// Start of the ban.
    pub created_at: OffsetDateTime,
    /// End of the ban.
    pub expires_at: OffsetDateTime,
}

impl Store {
    /// Creates a ban. If the address is banned already, the ban gets the new reason, and the later of the two ends counts.
    /// Returns the ban that is active now.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change. `Unavailable` if the database cannot be reached.
    pub async fn ban(
        &self,
        ban: Ban,
        acting_session: Option<ActingSession>,
        event: AuditEvent,
    ) -> Result<Ban, StoreError> {
        let sql = format!(
            "INSERT INTO bans AS b ({COLUMNS}) VALUES ($1, $2, $3, $4)
             ON CONFLICT (key) DO UPDATE
             SET reason = excluded.reason, expires_at = greatest(b.expires_at, excluded.expires_at),
                 created_at = CASE WHEN b.expires_at <= excluded.created_at THEN excluded.created_at ELSE b.created_at END
             RETURNING {COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if let Some(acting_session) = &acting_session {
                    acting_session::require(&transaction, acting_session, ban.created_at).await?;
                }
                let row = transaction
                    .query_one(&sql, &[&ban.key, &ban.reason, &ban.created_at, &ban.expires_at])
                    .await?;
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                read(&row)
            })
        })
        .await
    }

    /// Lifts a ban. `false` if there is no active ban with this key.
    ///
    /// # Errors
    /// `Lapsed` if the acting session may no longer make the change. `Unavailable` if the database cannot be reached.
    pub async fn lift_ban(
        &self,
        key: String,
        acting_session: Option<ActingSession>,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if let Some(acting_session) = &acting_session {
                    acting_session::require(&transaction, acting_session, now).await?;
                }
                let sql = "DELETE FROM bans WHERE key = $1 AND expires_at > $2";
                if transaction.execute(sql, &[&key, &now]).await? == 0 {
                    return Ok(false);
                }
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(true)
            })
        })
        .await
    }

    /// At most `limit` bans that are active at the time `now`. The ban that ends last comes first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn active_bans(&self, now: OffsetDateTime, limit: u32) -> Result<Vec<Ban>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM bans WHERE expires_at > $1 ORDER BY expires_at DESC, key LIMIT $2"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let rows = client.query(&statement, &[&now, &i64::from(limit)]).await?;
                rows.iter().map(read).collect()
            })
        })
        .await
    }
}

/// Which bans to list.
#[derive(Clone, Debug, Default)]
pub struct BanFilter {
    /// Only bans with one of these keys.
    pub keys: Option<Vec<String>>,
    /// Only bans after this one in the list, given by its start and key. The list begins with the newest.
    pub before: Option<(OffsetDateTime, String)>,
    /// Maximum number of bans.
    pub limit: u32,
}

impl Store {
    /// The bans that are active at the time `now`, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn list_bans(&self, filter: BanFilter, now: OffsetDateTime) -> Result<Vec<Ban>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM bans
             WHERE expires_at > $1 AND ($2::text[] IS NULL OR key = ANY ($2))
               AND ($3::timestamptz IS NULL OR created_at <= $3) AND ($3 IS NULL OR created_at < $3 OR key > $4)
             ORDER BY created_at DESC, key LIMIT $5"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let (at, key) = filter.before.unzip();
                let rows =
                    client.query(&sql, &[&now, &filter.keys, &at, &key, &i64::from(filter.limit)]).await?;
                rows.iter().map(read).collect()
            })
        })
        .await
    }
}

fn read(row: &Row) -> Result<Ban, StoreError> {
    Ok(Ban {
        key: row.try_get("key")?,
        reason: row.try_get("reason")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}
