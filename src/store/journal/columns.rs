//! Conversion between offsets and times of the journal and the columns that hold them.

use crate::error::StoreError;

/// An offset as the database stores it.
pub(super) fn signed(offset: u64) -> Result<i64, StoreError> {
    i64::try_from(offset).map_err(|_| StoreError::internal("an offset above the largest possible one"))
}

/// An offset from its column; the schema allows nothing below 0.
pub(super) fn unsigned(offset: i64) -> u64 {
    offset.unsigned_abs()
}

pub(super) fn moment(at_ms: i64) -> time::OffsetDateTime {
    // Only a defect can produce a time outside the range of the type.
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}
