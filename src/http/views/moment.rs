//! Times in JSON.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The time in the form of RFC 3339.
pub(crate) fn moment(at: OffsetDateTime) -> Option<String> {
    at.format(&Rfc3339).ok()
}
