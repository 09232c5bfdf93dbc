//! The advisory lock during a change of the schema. It is also held while this program fills a column that a migration could
//! not fill (the account keys).
//!
//! Migrations hold the lock from start to end. The backfill of account keys holds it for one batch at a time.

/// The key of the lock.
pub(crate) const SCHEMA_LOCK: i64 = 0x706f_7274_0001;
