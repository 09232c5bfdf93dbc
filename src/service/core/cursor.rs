//! Cursors of lists that are read page by page. A cursor is the time and the id of the last entry of a page.

use time::OffsetDateTime;
use uuid::Uuid;

use super::failure::Failure;

/// The cursor of the page after this entry.
pub(crate) fn cursor_after(at: OffsetDateTime, id: Uuid) -> String {
    format!("{}.{id}", at.unix_timestamp_nanos() / 1_000)
}

/// Reads a cursor.
///
/// # Errors
/// `BadRequest` if the text is not a cursor.
pub(crate) fn read_cursor(text: &str) -> Result<(OffsetDateTime, Uuid), Failure> {
    let read = || {
        let (micros, id) = text.split_once('.')?;
        // All entries are later than 1970, so the number has no sign. Numbers beyond the years of the database are refused.
        let nanos = i128::from(micros.parse::<u64>().ok()?) * 1_000;
        Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, Uuid::try_parse(id).ok()?))
    };
    read().ok_or_else(|| Failure::bad_request("invalid_cursor", "The cursor is not valid."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_800_000_000_123_456_000).unwrap();
        let id = Uuid::new_v4();
        assert_eq!(read_cursor(&cursor_after(at, id)).unwrap(), (at, id));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            ".",
            "1.2",
            "x.00000000-0000-0000-0000-000000000000",
            "99999999999999999999.1",
            "9223372036854775807.00000000-0000-0000-0000-000000000000",
            "-1.00000000-0000-0000-0000-000000000000",
        ] {
            assert!(matches!(read_cursor(text), Err(Failure::BadRequest { .. })), "{text}");
        }
    }
}
