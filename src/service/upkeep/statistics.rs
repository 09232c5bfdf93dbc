//! The statistics job: adds the counts of this node to the rows of the current minute, and from time to time adds up hours.
//!
//! If the process ends, the counts since the last pass are lost. If the database cannot be reached, the counts wait. They are
//! added to the minute in which the database is back.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use actors::Realtime;
use logic::tally::Series;
use store::Store;
use uuid::Uuid;

use super::batches::in_batches;
use crate::{
    core::{clock::Clock, failure::Failure},
    drill::Drills,
};

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(10);
/// The passes of the job that add up hours.
const ADDS_UP_EVERY: u64 = 30;

/// Writes the statistics of this node.
pub(crate) struct StatisticsJob {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) node: Uuid,
    pub(crate) drills: Drills,
    pub(crate) passes: AtomicU64,
}

impl StatisticsJob {
    /// One pass.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. Then no count is lost.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        self.write().await?;
        let pass = self.passes.fetch_add(1, Ordering::Relaxed);
        if pass.is_multiple_of(ADDS_UP_EVERY) { self.add_up().await } else { Ok(()) }
    }

    /// Writes the counts since the last pass.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub(crate) async fn write(&self) -> Result<(), Failure> {
        let counts = self.realtime.tally().take();
        let (connections, users) = self.realtime.counts();
        // The connections of a drill belong to no person.
        let held = self.drills.held_connections();
        let (connections, users) =
            (connections.saturating_sub(held), users.saturating_sub(usize::from(held > 0)));
        let gauges = vec![(Series::Connections, connections as u64), (Series::ConnectedUsers, users as u64)];
        let written = self.store.add_statistics(self.node, self.clock.now(), counts.clone(), gauges).await;
        written.map_err(|error| {
            self.realtime.tally().give_back(counts);
            error.into()
        })
    }

    /// Adds up hours, and deletes old rows.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub(crate) async fn add_up(&self) -> Result<(), Failure> {
        in_batches(|| async { Ok(self.store.add_up_statistics(self.clock.now()).await?) }).await
    }
}
