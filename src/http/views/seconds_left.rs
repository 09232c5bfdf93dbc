//! Lifetimes in answers, in seconds.

use time::{Duration, OffsetDateTime};

/// The time from `now` to `end` in seconds, rounded to the nearest: what was granted a moment ago has its full lifetime.
/// 0 for a time in the past.
pub(crate) fn seconds_left(end: OffsetDateTime, now: OffsetDateTime) -> i64 {
    (end - now + Duration::milliseconds(500)).whole_seconds().max(0)
}
