//! Checkpoints of the log, and what restores have cut off.

use time::{Duration, OffsetDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

use super::number::signed;
use crate::{error::StoreError, pool::Store};

/// After this time, one checkpoint per hour is kept.
const ALL_KEPT_FOR: Duration = Duration::days(2);

/// A stored checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The generation of the log.
    pub generation: i32,
    /// The number of entries.
    pub size: u64,
    /// When it was made. The table has the time of the database.
    pub at: OffsetDateTime,
    /// The signed note.
    pub note: String,
}

/// Where a restore has cut the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRestore {
    /// The number of the generation that has lost its later entries.
    pub generation: i32,
    /// The random id of that generation.
    pub generation_id: Uuid,
    /// The number of entries that were kept of it.
    pub kept: u64,
    /// The time of the restore.
    pub at: OffsetDateTime,
}

impl Store {
    /// The newest checkpoint of a generation.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn newest_audit_checkpoint(
        &self,
        generation: i32,
    ) -> Result<Option<StoredCheckpoint>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql = "SELECT generation, size, at, note FROM audit_checkpoints
                           WHERE generation = $1 ORDER BY size DESC LIMIT 1";
                let statement = client.prepare_cached(sql).await?;
                client.query_opt(&statement, &[&generation]).await?.as_ref().map(of).transpose()
            })
        })
        .await
    }

    /// Adds a checkpoint, unless there is one of this size or a larger one. Its time is replaced by that of the database.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn add_audit_checkpoint(&self, checkpoint: StoredCheckpoint) -> Result<(), StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql = "INSERT INTO audit_checkpoints (generation, size, at, note)
                           SELECT $1, $2, $3, $4
                           WHERE NOT EXISTS (SELECT FROM audit_checkpoints WHERE generation = $1 AND size >= $2
                                               AND size <= (SELECT size FROM audit_log_head))
                           ON CONFLICT DO NOTHING";
                let StoredCheckpoint { generation, size, at, note } = checkpoint;
                client.execute(sql, &[&generation, &signed(size)?, &at, &note]).await?;
                Ok(())
            })
        })
        .await
    }

    /// All checkpoints, the smallest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_checkpoints(&self) -> Result<Vec<StoredCheckpoint>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql =
                    "SELECT generation, size, at, note FROM audit_checkpoints ORDER BY generation, size";
                client.query(sql, &[]).await?.iter().map(of).collect()
            })
        })
        .await
    }

    /// Deletes checkpoints that are older than two days, except for the last one of each hour.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn thin_audit_checkpoints(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql = "SELECT audit_log_thin_checkpoints($1)";
                let row = client.query_one(sql, &[&(now - ALL_KEPT_FOR)]).await?;
                Ok(row.try_get::<_, i64>(0)?.unsigned_abs())
            })
        })
        .await
    }

    /// The restores, one for each lost generation.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_log_restores(&self) -> Result<Vec<LogRestore>, StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let sql =
                    "SELECT generation, generation_id, size, at FROM audit_log_restores ORDER BY generation";
                let rows = client.query(sql, &[]).await?;
                rows.iter()
                    .map(|row| {
                        Ok(LogRestore {
                            generation: row.try_get(0)?,
                            generation_id: row.try_get(1)?,
                            kept: row.try_get::<_, i64>(2)?.unsigned_abs(),
                            at: row.try_get(3)?,
                        })
                    })
                    .collect()
            })
        })
        .await
    }
}

fn of(row: &Row) -> Result<StoredCheckpoint, StoreError> {
    Ok(StoredCheckpoint {
        generation: row.try_get(0)?,
        size: row.try_get::<_, i64>(1)?.unsigned_abs(),
        at: row.try_get(2)?,
        note: row.try_get(3)?,
    })
}
