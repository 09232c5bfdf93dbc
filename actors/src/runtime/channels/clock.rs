//! The monotonic time of the executor, for deadlines.

use std::time::Instant;

/// The monotonic time of the executor, which tests can pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
