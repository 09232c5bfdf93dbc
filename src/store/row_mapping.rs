//! Conversion between columns and Rust values.
//!
//! Used by every file of the store. A stored word that this version does not know is an error, never a default.

use std::{fmt, str::FromStr};

use protocol::id::SessionId;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::StoreError;

/// Reads a word of a closed vocabulary.
pub(crate) fn word<T>(row: &Row, column: &str) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    row.try_get::<_, &str>(column)?.parse().map_err(StoreError::internal)
}

/// A counter as the database stores it. An overflow never occurs: at one rotation a second it takes 10^11 years.
pub(crate) fn stored(counter: u64) -> i64 {
    i64::try_from(counter).unwrap_or(i64::MAX)
}

pub(crate) fn uuids(ids: &[SessionId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.0).collect()
}

/// The first `limit` bytes of a text, cut between characters, without NUL, which PostgreSQL cannot store.
pub(crate) fn clipped(text: &str, limit: usize) -> String {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].replace('\0', "")
}

/// A time for a column, from milliseconds since the epoch.
///
/// # Errors
/// A time outside the range of a column.
pub(crate) fn moment(ms: i64) -> Result<OffsetDateTime, crate::StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).map_err(crate::StoreError::internal)
}
