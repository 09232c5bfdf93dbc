//! The list of durable channels, for operators.

use time::OffsetDateTime;

use super::columns::unsigned;
use crate::{error::StoreError, pool::Store};

/// A durable channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurableChannelRow {
    /// The name.
    pub name: String,
    /// The newest offset.
    pub top: u64,
    /// The publications up to this offset are no longer returned.
    pub gone: u64,
    /// The time of the first publication.
    pub created_at: OffsetDateTime,
    /// The time of the last publication.
    pub updated_at: OffsetDateTime,
}

impl Store {
    /// Durable channels in the order of their names in the database, after the name `after`.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn durable_channels(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<DurableChannelRow>, StoreError> {
        let sql = "SELECT name, top, gone, created_at, updated_at FROM channels
                   WHERE $1::text IS NULL OR name > $1 ORDER BY name LIMIT $2";
        self.run_quick(move |client| {
            Box::pin(async move {
                let rows = client.query(sql, &[&after, &i64::from(limit)]).await?;
                let read = |row: &tokio_postgres::Row| {
                    Ok(DurableChannelRow {
                        name: row.try_get("name")?,
                        top: unsigned(row.try_get("top")?),
                        gone: unsigned(row.try_get("gone")?),
                        created_at: row.try_get("created_at")?,
                        updated_at: row.try_get("updated_at")?,
                    })
                };
                rows.iter().map(read).collect()
            })
        })
        .await
    }
}
