//! Drills in the background: those of the schedule, those that the command line asks for, and revocations for the drills of other
//! nodes.
//!
//! The two jobs are separate: while this node waits in a drill for another node, it still revokes for others. A stop may cancel a
//! drill; its session then ends by itself after ten minutes. A session that was claimed is revoked before the node has stopped.

use std::{sync::Arc, time::Duration};

use domain::drill::{first_wait, next_wait};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    core::{clock::Clock, failure::Failure, random::random_share},
    drill::{Drills, recording},
};

/// How often the job of drills looks whether a drill is due or asked for.
pub(crate) const EVERY: Duration = Duration::from_secs(1);
/// How often a node looks whether another node has offered a session.
pub(crate) const CLAIMS_EVERY: Duration = Duration::from_millis(500);

/// Starts drills.
pub(crate) struct DrillJob {
    drills: Drills,
    interval: Option<Duration>,
    /// When the next drill of the schedule is due.
    due: Mutex<Option<Instant>>,
}

impl DrillJob {
    /// The job, with the first drill at a random time within the interval.
    pub(crate) fn new(drills: Drills, clock: &Clock, interval: Option<Duration>) -> Arc<Self> {
        recording::announce(clock, interval);
        let due = interval.map(|interval| Instant::now() + first_wait(interval, random_share()));
        Arc::new(Self { drills, interval, due: Mutex::new(due) })
    }

    /// One pass: answers a request of the command line, and drills if it is time.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        if self.drills.has_stopped() {
            return Ok(());
        }
        self.drills.answer_request().await?;
        if self.is_due() { self.drills.run_scheduled().await } else { Ok(()) }
    }

    /// Whether a drill is due now. If so, the next one is planned.
    fn is_due(&self) -> bool {
        let Some(interval) = self.interval else { return false };
        let mut due = self.due.lock();
        let is_due = due.is_some_and(|due| Instant::now() >= due);
        if is_due {
            *due = Some(Instant::now() + next_wait(interval, random_share()));
        }
        is_due
    }
}
