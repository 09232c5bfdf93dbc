//! Numbers of entries as the database stores them.

use crate::error::StoreError;

/// The number in the type of the column.
pub(super) fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(StoreError::internal)
}
