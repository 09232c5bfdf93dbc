//! Lifetimes in answers, in seconds.

use time::{Duration, OffsetDateTime};

/// The time from `now` to `end`, rounded to the nearest second, so that a token that was just issued has its full lifetime.
/// 0 if `end` is in the past.
pub(crate) fn seconds_left(end: OffsetDateTime, now: OffsetDateTime) -> i64 {
    (end - now + Duration::milliseconds(500)).whole_seconds().max(0)
}
