//! How tools print times.

use time::OffsetDateTime;

/// To the second, UTC, always 20 characters.
pub(super) fn seconds(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!("{date} {:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second())
}
