//! Reads the database of the older system, in one read-only transaction. So all rows show the state at one moment, even if the
//! older system is still in use.
//!
//! Rows are read as JSON, because their columns are known only at run time. The names of tables and columns come from
//! `information_schema`, and are quoted. In the statements, `t.*` is a whole row: `t` alone would be a column if the table has
//! a column `t`.

use serde_json::{Map, Value};
use tokio_postgres::{Client, Row};

use crate::{connection::Connector, error::StoreError, settings::DatabaseSettings};

/// A table of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceTable {
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<SourceColumn>,
    /// Whether the role of the connection may read it.
    pub readable: bool,
}

/// A column of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceColumn {
    /// Its name.
    pub name: String,
    /// Whether it holds whole numbers.
    pub is_number: bool,
}

impl SourceTable {
    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&SourceColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A row as the database gives it: its values by column.
pub type SourceValues = Map<String, Value>;

/// The database of the older system.
pub struct ImportSource {
    client: Client,
}

/// The name of the cursor.
const CURSOR: &str = "imported_rows";

impl ImportSource {
    /// Connects, and begins the transaction for all reads.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, StoreError> {
        // With row security off, a policy that would hide rows is an error.
        // This connection does not have the statement timeout of the pool, because large tables take long to sort.
        let (client, link) = Connector::new(settings)?.connect().await?;
        tokio::spawn(link);
        client
            .batch_execute(
                "SET idle_in_transaction_session_timeout = 0;
                 SET statement_timeout = 0;
                 BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                 SET LOCAL row_security = off;
                 SET LOCAL timezone = 'UTC';
                 SET LOCAL datestyle = 'ISO';
                 SET LOCAL bytea_output = 'hex'",
            )
            .await?;
        Ok(Self { client })
    }

    /// The tables of the current schema, in alphabetical order.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn tables(&self) -> Result<Vec<SourceTable>, StoreError> {
        // The information schema would leave out tables that this role may not read, so second factors could be missed.
        let sql = "SELECT c.relname::text, a.attname::text,
                          a.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) AS is_number,
                          has_table_privilege(c.oid, 'SELECT') AS readable
                   FROM pg_class c
                   JOIN pg_namespace n ON n.oid = c.relnamespace
                   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
                   ORDER BY c.relname, a.attnum";
        let mut tables: Vec<SourceTable> = Vec::new();
        for row in self.client.query(sql, &[]).await? {
            let (table, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let column = SourceColumn { name, is_number: row.try_get(2)? };
            match tables.last_mut().filter(|last| last.name == table) {
                Some(last) => last.columns.push(column),
                None => {
                    tables.push(SourceTable {
                        name: table,
                        columns: vec![column],
                        readable: row.try_get(3)?,
                    });
                }
            }
        }
        Ok(tables)
    }

    /// The number of rows of a table.
    ///
    /// # Errors
    /// `Internal` if the table may not be read, `Unavailable` if the database cannot be reached.
    pub async fn count(&self, table: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {}", quoted(table));
        let count: i64 = self.client.query_one(&sql, &[]).await?.try_get(0)?;
        Ok(count.unsigned_abs())
    }

    /// The number of values in a column that are not whole numbers in the usual spelling (`7`, not `7.0` or `007`). As a text,
    /// a number in another spelling differs from the usual spelling.
    ///
    /// # Errors
    /// `Internal` if the table may not be read, `Unavailable` if the database cannot be reached.
    pub async fn odd_numbers(&self, table: &str, column: &str) -> Result<u64, StoreError> {
        let (table, column) = (quoted(table), quoted(column));
        let sql =
            format!("SELECT count(*) FROM {table} t WHERE t.{column}::text !~ '^(0|-?[1-9][0-9]{{0,18}})$'");
        let count: i64 = self.client.query_one(&sql, &[]).await?.try_get(0)?;
        Ok(count.unsigned_abs())
    }

    /// Begins to read a table in the order of a column, and ends the reading of the previous table.
    ///
    /// # Errors
    /// `Internal` if the table may not be read, `Unavailable` if the database cannot be reached.
    pub async fn begin(&self, table: &str, order: &str) -> Result<(), StoreError> {
        let (table, order) = (quoted(table), quoted(order));
        let sql = format!(
            "CLOSE ALL;
             DECLARE {CURSOR} NO SCROLL CURSOR FOR SELECT to_jsonb(t.*) FROM {table} t ORDER BY t.{order}, t.ctid"
        );
        Ok(self.client.batch_execute(&sql).await?)
    }

    /// The next rows of the table, at most `rows`. An empty list means that all rows have been read.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn next(&self, rows: u32) -> Result<Vec<SourceValues>, StoreError> {
        let rows = self.client.query(&format!("FETCH FORWARD {rows} FROM {CURSOR}"), &[]).await?;
        rows.iter().map(values).collect()
    }

    /// The rows of a table that belong to these accounts: the column `owner` has the id of the account. The rows have a fixed
    /// order.
    ///
    /// # Errors
    /// `Internal` if the table may not be read, `Unavailable` if the database cannot be reached.
    pub async fn owned(
        &self,
        table: &SourceTable,
        owner: &str,
        order: &str,
        users: &[i64],
    ) -> Result<Vec<SourceValues>, StoreError> {
        let is_number = table.column(owner).is_some_and(|column| column.is_number);
        let (name, owner, order) = (quoted(&table.name), quoted(owner), quoted(order));
        // A number is compared as a number, so that an index of the column can be used. Without an index, PostgreSQL makes a
        // hash table of the ids after `IN`. It would search an array (`= ANY`) for each row, if the array and the column have
        // different types of numbers.
        let rows = if is_number {
            let sql = format!(
                "SELECT to_jsonb(t.*) FROM {name} t WHERE t.{owner} IN (SELECT unnest($1::bigint[])) ORDER BY t.{owner}, t.{order}, t.ctid"
            );
            self.client.query(&sql, &[&users]).await?
        } else {
            let users: Vec<String> = users.iter().map(ToString::to_string).collect();
            let sql = format!(
                "SELECT to_jsonb(t.*) FROM {name} t WHERE t.{owner}::text IN (SELECT unnest($1::text[])) ORDER BY t.{owner}, t.{order}, t.ctid"
            );
            self.client.query(&sql, &[&users]).await?
        };
        rows.iter().map(values).collect()
    }

    /// The rows of a table that belong to no account.
    ///
    /// # Errors
    /// `Internal` if a table may not be read, `Unavailable` if the database cannot be reached.
    pub async fn orphans(
        &self,
        table: &str,
        owner: &str,
        users: &str,
        id: &str,
    ) -> Result<Vec<SourceValues>, StoreError> {
        let (table, owner, users, id) = (quoted(table), quoted(owner), quoted(users), quoted(id));
        let sql = format!(
            "SELECT to_jsonb(t.*) FROM {table} t LEFT JOIN {users} u ON u.{id}::text = t.{owner}::text
             WHERE u.{id} IS NULL ORDER BY t.{owner}, t.ctid"
        );
        self.client.query(&sql, &[]).await?.iter().map(values).collect()
    }
}

fn values(row: &Row) -> Result<SourceValues, StoreError> {
    match row.try_get(0)? {
        Value::Object(values) => Ok(values),
        _ => Err(StoreError::internal("a row of the source is not an object")),
    }
}

/// A name as an identifier of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
