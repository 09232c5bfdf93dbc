//! Conversion between columns and Rust values.
//!
//! Used by most files of the store. An unknown stored word is an error, and is never replaced by a default.

use std::{fmt, str::FromStr};

use protocol::id::SessionId;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::StoreError;

/// Reads a word that belongs to a closed vocabulary.
pub(crate) fn word<T>(row: &Row, column: &str) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    row.try_get::<_, &str>(column)?.parse().map_err(StoreError::internal)
}

/// Reads an array of words that belong to a closed vocabulary.
pub(crate) fn words<T>(row: &Row, column: &str) -> Result<Vec<T>, StoreError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    let words: Vec<&str> = row.try_get(column)?;
    words.into_iter().map(|word| word.parse().map_err(StoreError::internal)).collect()
}

/// A counter as the database stores it. At one rotation a second, an overflow would take more than 10^11 years.
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

/// The time in milliseconds since 1970, rounded up, so that a denial never ends early and reaches every earlier token.
pub(crate) fn millis_up(at: OffsetDateTime) -> i64 {
    let nanos = at.unix_timestamp_nanos();
    let millis = nanos.div_euclid(1_000_000) + i128::from(nanos.rem_euclid(1_000_000) > 0);
    i64::try_from(millis).unwrap_or(i64::MAX)
}

/// A time for a column, from milliseconds since the epoch.
///
/// # Errors
/// A time outside the range of a column.
pub(crate) fn moment(ms: i64) -> Result<OffsetDateTime, crate::StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).map_err(crate::StoreError::internal)
}

/// Replaces every NUL by U+FFFD. The text of a client may contain a NUL, but a `jsonb` of PostgreSQL cannot.
pub(crate) fn storable(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\0') => Value::String(text.replace('\0', "\u{fffd}")),
        Value::Array(items) => Value::Array(items.into_iter().map(storable).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key.replace('\0', "\u{fffd}"), storable(value)))
                .collect::<Map<_, _>>(),
        ),
        other => other,
    }
}
