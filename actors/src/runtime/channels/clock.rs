//! The two clocks of channels: the executor's monotonic time for expiry, and wall time for what is stored.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The monotonic time of the executor, which tests can pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The time of publications, in milliseconds since the epoch.
pub(crate) fn wall_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
