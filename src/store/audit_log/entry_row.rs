//! Entries as rows.

use domain::transparency_log::entry::{Entry, SealedFields};
use tokio_postgres::Row;

use crate::error::StoreError;

/// The columns of an entry.
pub(crate) const COLUMNS: &str =
    "leaf_index, id, at, event, outcome, actor_id, user_id, session_id, device_id, connection_id,
    api_key_id, request_id, detail, address_key, address, facts_key, facts, leaf_hash";

/// An entry with the hash that is stored beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEntry {
    /// The entry.
    pub entry: Entry,
    /// The stored hash of its leaf.
    pub leaf_hash: Vec<u8>,
}

pub(crate) fn of(row: &Row) -> Result<LoggedEntry, StoreError> {
    let sealed = |key, bytes| -> Result<Option<SealedFields>, StoreError> {
        let (key, bytes) = (row.try_get(key)?, row.try_get(bytes)?);
        Ok(Option::zip(key, bytes).map(|(key, bytes)| SealedFields { key, bytes }))
    };
    let entry = Entry {
        index: row.try_get::<_, i64>(0)?.unsigned_abs(),
        id: row.try_get(1)?,
        at: row.try_get(2)?,
        event: row.try_get(3)?,
        outcome: row.try_get(4)?,
        actor: row.try_get(5)?,
        user: row.try_get(6)?,
        session: row.try_get(7)?,
        device: row.try_get(8)?,
        connection: row.try_get(9)?,
        api_key: row.try_get(10)?,
        request: row.try_get(11)?,
        detail: row.try_get(12)?,
        address: sealed(13, 14)?,
        facts: sealed(15, 16)?,
    };
    Ok(LoggedEntry { entry, leaf_hash: row.try_get(17)? })
}
