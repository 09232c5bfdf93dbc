//! The head of the log: one row. Its lock orders the writers. The role of the server cannot change the row, and so cannot lock
//! it, either. Functions with the rights of the owner do both.

use deadpool_postgres::{GenericClient, Transaction};
use domain::transparency_log::frontier::Frontier;
use time::{Date, OffsetDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{error::StoreError, pool::Store};

/// The columns of the head.
const COLUMNS: &str =
    "log_id, generation, generation_id, size, frontier, month, first_index, dropped_frontier";

/// The head of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// The id of the log, which all its generations share.
    pub log_id: Uuid,
    /// Raised by each restore of the database.
    pub generation: i32,
    /// The random id of the generation.
    pub generation_id: Uuid,
    /// The complete subtrees over all entries.
    pub frontier: Frontier,
    /// The first day of the month of the newest entry.
    pub month: Date,
    /// The complete subtrees over the entries that were dropped.
    pub dropped: Frontier,
}

impl LogHead {
    /// The number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The name of the keys of this log.
    #[must_use]
    pub fn key_name(&self) -> String {
        format!("portcullis/audit/{}", self.log_id.simple())
    }

    /// The origin of the checkpoints of this generation.
    #[must_use]
    pub fn origin(&self) -> String {
        self.origin_of(self.generation, self.generation_id)
    }

    /// Whether an origin is that of any generation of this log.
    #[must_use]
    pub fn has_generation(&self, origin: &str) -> bool {
        let rest = origin.strip_prefix(&self.key_name());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The origin of the checkpoints of a generation. A restored log has another origin than the lost log, and than the log of any
    /// other restore.
    #[must_use]
    pub fn origin_of(&self, generation: i32, id: Uuid) -> String {
        // The first generation has the id of the log, which no other log has.
        if generation == 1 { self.key_name() } else { format!("{}/{}", self.key_name(), id.simple()) }
    }
}

impl Store {
    /// The head of the log.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_log_head(&self) -> Result<LogHead, StoreError> {
        self.run_quick(move |client| Box::pin(async move { read(&*client).await })).await
    }

    /// How many days entries of the log are kept at least, as the owner of the tables has noted.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn noted_audit_days(&self) -> Result<i32, StoreError> {
        self.run_quick(move |client| Box::pin(async move { noted_days(&*client).await })).await
    }
}

pub(super) async fn noted_days(client: &impl GenericClient) -> Result<i32, StoreError> {
    Ok(client.query_one("SELECT kept_days FROM audit_log_head", &[]).await?.try_get(0)?)
}

pub(super) async fn read(client: &impl GenericClient) -> Result<LogHead, StoreError> {
    of(&client.query_one(&format!("SELECT {COLUMNS} FROM audit_log_head"), &[]).await?)
}

/// Locks the head. `None` if another transaction has locked it.
pub(super) async fn try_lock(transaction: &Transaction<'_>) -> Result<Option<LogHead>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM audit_log_lock(false)");
    transaction.query_opt(&sql, &[]).await?.as_ref().map(of).transpose()
}

/// Locks the head, and waits for the transaction that has locked it.
pub(crate) async fn lock(transaction: &Transaction<'_>) -> Result<LogHead, StoreError> {
    of(&transaction.query_one(&format!("SELECT {COLUMNS} FROM audit_log_lock(true)"), &[]).await?)
}

/// Begins a new generation of the log, for a restored database: the numbers after the backup are given again. Returns the head
/// before.
pub(crate) async fn begin_generation(
    transaction: &Transaction<'_>,
    now: OffsetDateTime,
) -> Result<LogHead, StoreError> {
    let head = lock(transaction).await?;
    let sql = "INSERT INTO audit_log_restores (generation, generation_id, size, at)
               SELECT generation, generation_id, size, $1 FROM audit_log_head";
    transaction.execute(sql, &[&now]).await?;
    let sql = "UPDATE audit_log_head SET generation = generation + 1, generation_id = $1";
    transaction.execute(sql, &[&Uuid::new_v4()]).await?;
    Ok(head)
}

fn of(row: &Row) -> Result<LogHead, StoreError> {
    let frontier = |size, hashes| -> Result<Frontier, StoreError> {
        let size = row.try_get::<_, i64>(size)?.unsigned_abs();
        Frontier::from_bytes(size, row.try_get(hashes)?)
            .ok_or_else(|| StoreError::internal("the head of the audit log is damaged"))
    };
    Ok(LogHead {
        log_id: row.try_get("log_id")?,
        generation: row.try_get("generation")?,
        generation_id: row.try_get("generation_id")?,
        frontier: frontier("size", "frontier")?,
        month: row.try_get("month")?,
        dropped: frontier("first_index", "dropped_frontier")?,
    })
}
