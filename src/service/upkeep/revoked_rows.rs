//! The rows of sessions that were revoked with all sessions: ends them afterwards, in batches.
//!
//! A job. No session waits for it: whether a session has ended is judged by the revocation, not by the session's row.

use std::time::Duration;

use store::Store;

use super::batches::in_batches;
use crate::core::failure::Failure;

/// How often it runs.
pub(crate) const EVERY: Duration = Duration::from_secs(5);
/// Rows of a table that one statement ends.
const BATCH: u32 = 2_000;

/// Ends the rows that are left.
///
/// # Errors
/// `Unavailable` if the database cannot be reached; the next run continues.
pub(crate) async fn end_rows(store: &Store) -> Result<(), Failure> {
    in_batches(|| async { Ok(store.end_covered(BATCH).await? >= u64::from(BATCH)) }).await
}
