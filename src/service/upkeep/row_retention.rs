//! Retention of rows: deletes rows that are older than the period of their table, in batches.
//!
//! A job. Requests do not depend on it: an expired row is refused even if it is not deleted yet.

use std::time::Duration;

use domain::{factors::lockout, retention::RetentionPeriods};
use store::{Aged, Store};
use time::OffsetDateTime;

use super::{batches::in_batches, step_log::logged};
use crate::core::{clock::Clock, failure::Failure};

/// How often it runs.
pub(crate) const EVERY: Duration = Duration::from_secs(30);
/// The most rows that one statement deletes.
const BATCH: u32 = 5_000;
/// How long an ended denial is kept, so that every node has seen its end.
const DENIALS_KEPT: time::Duration = time::Duration::days(1);

/// Deletes old rows.
pub(crate) struct RowRetention {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) periods: RetentionPeriods,
}

impl RowRetention {
    /// One pass over every table.
    ///
    /// # Errors
    /// The first failure. It has been logged, and all other tables have been cleared.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        let mut first = Ok(());
        for aged in Aged::ALL {
            first = first.and(logged(aged.as_str(), self.clear(aged, now).await));
        }
        let endless = self.store.endless_denials().await.map_err(Failure::from);
        first.and(endless.map(|endless| metrics::gauge!("denials_without_end").set(endless as f64)))
    }

    async fn clear(&self, aged: Aged, now: OffsetDateTime) -> Result<(), Failure> {
        let before = self.before(aged, now);
        in_batches(|| async move {
            let deleted = self.store.delete_aged(aged, before, BATCH).await?;
            metrics::counter!("rows_deleted_total", "table" => aged.as_str()).increment(deleted);
            Ok(deleted == u64::from(BATCH))
        })
        .await
    }

    /// Rows from before this time are deleted.
    fn before(&self, aged: Aged, now: OffsetDateTime) -> OffsetDateTime {
        let RetentionPeriods { sessions, revocations, devices, audit } = self.periods;
        match aged {
            Aged::Tickets | Aged::Challenges | Aged::Bans | Aged::IdempotencyKeys => now,
            Aged::Denials | Aged::ReplacedBlocks => now - DENIALS_KEPT,
            Aged::Sessions | Aged::ExternalSessions => now - sessions,
            Aged::Devices => now - devices,
            Aged::Revocations => now - revocations,
            Aged::FactorFailures => now - lockout::MEMORY,
            Aged::AuditEvents => now - audit,
        }
    }
}
