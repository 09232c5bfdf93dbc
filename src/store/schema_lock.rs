//! The advisory lock for changes of the schema, and of rows that a migration leaves to this program.
//!
//! Taken by migrations for their whole time, and by the backfill of account keys for one batch at a time.

/// The key of the lock.
pub(crate) const SCHEMA_LOCK: i64 = 0x706f_7274_0001;
