//! Retention of rows: deletes rows that are older than the period of their table, in batches.
//!
//! This is a job. Requests do not depend on it: an expired credential is refused even if its row is not deleted yet.

use std::time::Duration;

use domain::{factors::lockout, retention::RetentionPeriods};
use store::{Aged, Store};
use time::OffsetDateTime;

use super::{batches::in_batches, step_log::logged};
use crate::core::{Core, clock::Clock, failure::Failure};

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(30);
/// The most rows that one statement deletes.
const BATCH: u32 = 5_000;
/// The row of an ended denial, or of a replaced or lifted block, is kept for this long, so that a node that was stale for hours
/// can still read it.
const DENIALS_KEPT: time::Duration = time::Duration::days(1);

/// How long an event for another system is kept after its delivery, so that an operator can see it.
const DELIVERED_EVENTS_KEPT: time::Duration = time::Duration::days(3);
/// How long a dead letter can be sent again.
const DEAD_EVENTS_KEPT: time::Duration = time::Duration::days(30);
/// How long the sessions and the revocations of drills are kept: as long as an access token lives. There may be thousands of them
/// a day.
const DRILLED_KEPT: time::Duration = time::Duration::hours(1);
/// How long the reports of drills are kept.
const DRILLS_KEPT: time::Duration = time::Duration::days(30);
/// How long a request for drills is kept. Nodes answer it within seconds.
const DRILL_REQUESTS_KEPT: time::Duration = time::Duration::days(1);

/// Deletes old rows.
pub(crate) struct RowRetention {
    store: Store,
    clock: Clock,
    periods: RetentionPeriods,
}

impl RowRetention {
    /// Deletes rows after these periods.
    pub(crate) fn of(core: &Core, periods: RetentionPeriods) -> Self {
        Self { store: core.store.clone(), clock: core.clock.clone(), periods }
    }

    /// One pass over every table.
    ///
    /// # Errors
    /// The first failure. The pass has continued with the other tables.
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
        let RetentionPeriods { sessions, revocations, devices, mails, .. } = self.periods;
        match aged {
            Aged::Tickets | Aged::Challenges | Aged::Bans | Aged::IdempotencyKeys | Aged::RequestKeys => now,
            Aged::Denials | Aged::ReplacedBlocks => now - DENIALS_KEPT,
            Aged::Sessions | Aged::ExternalSessions => now - sessions,
            Aged::Devices => now - devices,
            Aged::Revocations => now - revocations,
            Aged::FactorFailures => now - lockout::MEMORY,
            Aged::DeliveredEvents => now - DELIVERED_EVENTS_KEPT,
            Aged::DeadEvents => now - DEAD_EVENTS_KEPT,
            Aged::DrilledSessions | Aged::DrilledRevocations => now - DRILLED_KEPT,
            Aged::Drills => now - DRILLS_KEPT,
            Aged::DrillRequests => now - DRILL_REQUESTS_KEPT,
            Aged::Mails => now - mails,
        }
    }
}
