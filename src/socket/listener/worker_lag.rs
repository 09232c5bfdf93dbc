//! Measures how late the thread of a worker is, as the metric `event_loop_lag_seconds` with the thread `worker`.
//!
//! Each listener calls [`watch`] when its service is made on a worker. A worker serves several listeners, and is measured once.

use std::{cell::Cell, time::Duration};

use tokio::time::{Instant, sleep_until};

const EVERY: Duration = Duration::from_secs(5);

/// Measures the current thread until its executor ends.
pub(super) fn watch() {
    thread_local! {
        static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    }
    if IS_WATCHED.replace(true) {
        return;
    }
    actix_rt::spawn(async {
        loop {
            let due = Instant::now() + EVERY;
            sleep_until(due).await;
            metrics::histogram!("event_loop_lag_seconds", "thread" => "worker").record(due.elapsed());
        }
    });
}
