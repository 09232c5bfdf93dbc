//! Checkpoints of logs in a second database, which serves as an anchor. It has one table, which is made when it is missing.

use time::OffsetDateTime;

use super::number::signed;
use crate::{error::StoreError, pool::Store};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS portcullis_audit_anchor (
    origin     text        NOT NULL,
    size       bigint      NOT NULL,
    at         timestamptz NOT NULL,
    checkpoint text        NOT NULL,
    PRIMARY KEY (origin, size)
)";

impl Store {
    /// Adds a checkpoint to this anchor. The first one of a size stays, and is returned.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn add_anchored_checkpoint(
        &self,
        origin: String,
        size: u64,
        note: String,
        now: OffsetDateTime,
    ) -> Result<Option<String>, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let exists = "SELECT to_regclass('portcullis_audit_anchor') IS NOT NULL";
                if !client.query_one(exists, &[]).await?.try_get::<_, bool>(0)? {
                    client.batch_execute(TABLE).await?;
                }
                let sql = "INSERT INTO portcullis_audit_anchor (origin, size, at, checkpoint) VALUES ($1, $2, $3, $4)
                           ON CONFLICT DO NOTHING";
                let size = signed(size)?;
                if client.execute(sql, &[&origin, &size, &now, &note]).await? == 1 {
                    return Ok(None);
                }
                let sql = "SELECT checkpoint FROM portcullis_audit_anchor WHERE origin = $1 AND size = $2";
                Ok(Some(client.query_one(sql, &[&origin, &size]).await?.try_get(0)?))
            })
        })
        .await
    }

    /// All checkpoints of this anchor. None if it has no table yet.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn anchored_checkpoints(&self) -> Result<Vec<String>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let exists = "SELECT to_regclass('portcullis_audit_anchor') IS NOT NULL";
                if !client.query_one(exists, &[]).await?.try_get::<_, bool>(0)? {
                    return Ok(Vec::new());
                }
                let rows = client.query("SELECT checkpoint FROM portcullis_audit_anchor", &[]).await?;
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
            })
        })
        .await
    }
}
