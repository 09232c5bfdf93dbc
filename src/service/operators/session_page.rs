//! Pages of session lists: the filter, and the cursor that continues after a page.

use protocol::id::{DeviceId, SessionId, UserId};
use time::OffsetDateTime;

use crate::core::failure::Failure;

/// Which sessions to list.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those of this device.
    pub device: Option<DeviceId>,
    /// Only those that are neither revoked nor past their absolute end.
    pub active_only: bool,
    /// The most sessions of a page.
    pub limit: u32,
    /// The cursor of the page before.
    pub cursor: Option<String>,
}

/// The cursor that continues after this session.
pub(crate) fn cursor_after(created_at: OffsetDateTime, session: SessionId) -> String {
    format!("{}.{session}", created_at.unix_timestamp_nanos() / 1000)
}

/// Reads a cursor.
///
/// # Errors
/// `BadRequest` if it is not one.
pub(crate) fn read_cursor(text: &str) -> Result<(OffsetDateTime, SessionId), Failure> {
    let read = || {
        let (micros, session) = text.split_once('.')?;
        // Sessions begin after 1970; the database knows fewer years than a number can name.
        let nanos = micros.parse::<u64>().ok().map(|micros| i128::from(micros) * 1000)?;
        Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, session.parse().ok()?))
    };
    read().ok_or_else(|| Failure::bad_request("invalid_cursor", "The cursor is not valid."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_800_000_000_123_456_000).unwrap();
        let session = SessionId::random();
        assert_eq!(read_cursor(&cursor_after(at, session)).unwrap(), (at, session));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in [
            "",
            ".",
            "1.2",
            "x.00000000-0000-0000-0000-000000000000",
            "99999999999999999999.1",
            "9223372036854775807.00000000-0000-0000-0000-000000000000",
            "-377705116800000000.00000000-0000-0000-0000-000000000000",
            "-1.00000000-0000-0000-0000-000000000000",
        ] {
            assert!(matches!(read_cursor(text), Err(Failure::BadRequest { .. })), "{text}");
        }
    }
}
