//! The format in which tools print times.

use time::OffsetDateTime;

/// The time in UTC, to the second, always 20 characters long.
pub(super) fn seconds(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!("{date} {:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second())
}
