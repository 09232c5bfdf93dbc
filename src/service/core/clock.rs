//! The clock of the use cases: wall time, which tests can move forward.
//!
//! Everything that is stored or signed takes its time from this clock. [`Clock::moment`] is a monotonic time, for the ages of
//! values in memory. When a test moves the clock, the monotonic time moves by the same period.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use time::OffsetDateTime;

/// Wall time in UTC, in whole microseconds, like the times in the database. All clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_micros: Arc<AtomicI64>,
}

impl Clock {
    /// The time now.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc()
            + time::Duration::microseconds(self.ahead_micros.load(Ordering::Relaxed));
        now.replace_nanosecond(now.nanosecond() / 1000 * 1000).unwrap_or(now)
    }

    /// The time now in milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        millis(self.now())
    }

    /// The monotonic time now, for the ages of values in memory and for pauses between attempts. It does not change when the
    /// clock of the machine is set.
    #[must_use]
    pub fn moment(&self) -> Instant {
        let ahead = u64::try_from(self.ahead_micros.load(Ordering::Relaxed)).unwrap_or(0);
        Instant::now() + Duration::from_micros(ahead)
    }

    /// Moves the clock forward, for tests.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.ahead_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

/// Milliseconds since the epoch.
pub(crate) fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// `now` plus a configured period; at most the last time that can be represented.
pub(crate) fn after(now: OffsetDateTime, period: Duration) -> OffsetDateTime {
    now.saturating_add(time::Duration::try_from(period).unwrap_or(time::Duration::MAX))
}

/// `now` minus a configured period; at least the first time that can be represented.
pub(crate) fn before(now: OffsetDateTime, period: Duration) -> OffsetDateTime {
    now.saturating_sub(time::Duration::try_from(period).unwrap_or(time::Duration::MAX))
}
