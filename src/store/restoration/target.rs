//! The questions of `portcullis backup` and `portcullis restore` to a database before they run the programs of PostgreSQL.

use crate::{error::StoreError, pool::Store};

/// The most names of relations that [`Store::some_relations`] returns.
const SHOWN: i64 = 3;

impl Store {
    /// The major version of the database server, such as 15.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn server_major(&self) -> Result<u32, StoreError> {
        self.run_quick(|client| {
            Box::pin(async move {
                let sql = "SELECT current_setting('server_version_num')::integer / 10000";
                let major: i32 = client.query_one(sql, &[]).await?.try_get(0)?;
                u32::try_from(major).map_err(StoreError::internal)
            })
        })
        .await
    }

    /// The names of some tables, views and sequences of this database that belong neither to PostgreSQL nor to an extension. A
    /// database without any is empty.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn some_relations(&self) -> Result<Vec<String>, StoreError> {
        self.run_quick(|client| {
            Box::pin(async move {
                let sql = "SELECT n.nspname || '.' || c.relname
                           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                           WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND c.relkind <> 'i'
                             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
                           ORDER BY 1 LIMIT $1";
                let rows = client.query(sql, &[&SHOWN]).await?;
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
            })
        })
        .await
    }
}
