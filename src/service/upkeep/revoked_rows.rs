//! After a revocation of all sessions: marks the rows of the ended sessions, in batches.
//!
//! This is a job. Requests do not depend on it: they compare a session with the newest revocation of all sessions, not with
//! this mark.

use std::time::Duration;

use store::Store;

use super::batches::in_batches;
use crate::core::failure::Failure;

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(5);
/// The most rows of a table that one statement marks.
const BATCH: u32 = 2_000;

/// Marks the rows that are not marked yet.
///
/// # Errors
/// `Unavailable` if the database cannot be reached; the next run continues.
pub(crate) async fn end_rows(store: &Store) -> Result<(), Failure> {
    in_batches(|| async { Ok(store.end_covered(BATCH).await? >= u64::from(BATCH)) }).await
}
