//! A job that measures the node for the metrics: the delays of its threads and actors, the sessions with sockets, the bytes
//! that wait for peers, and the use of its connections to the database.
//!
//! It only reads. Requests do not depend on it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::Realtime;
use store::Store;

use crate::access::feed_state::FeedState;

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(5);

/// The parts that the job looks at.
pub(crate) struct Measurements {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) feed: Arc<FeedState>,
}

impl Measurements {
    /// One look. Values that take time to arrive, such as a wait, are recorded later.
    pub(crate) fn run(&self) {
        self.realtime.measure_lag();
        let (sessions, _) = self.realtime.counts();
        metrics::gauge!("sessions_connected").set(sessions as f64);
        metrics::gauge!("queued_bytes").set(self.realtime.queued_bytes() as f64);
        let pool = self.store.pool_use();
        for (state, count) in [("used", pool.used), ("idle", pool.idle)] {
            metrics::gauge!("database_connections", "state" => state).set(count as f64);
        }
        metrics::gauge!("database_requests_waiting").set(pool.waiting as f64);
        if let Some(age) = self.feed.age() {
            metrics::gauge!("revocation_feed_age_seconds").set(age.as_secs_f64());
        }
        let sent = Instant::now();
        self.store.runtime().spawn(async move {
            metrics::histogram!("event_loop_lag_seconds", "thread" => "database").record(sent.elapsed());
        });
    }
}
