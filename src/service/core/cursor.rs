//! Cursors of lists that are read page by page. A cursor is what the last entry of a page is ordered by: its time and id, or a
//! text and a number.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
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
        // All entries are later than 1970, so the number has no sign. Times after the year 9999 are refused.
        let nanos = i128::from(micros.parse::<u64>().ok()?) * 1_000;
        Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, Uuid::try_parse(id).ok()?))
    };
    read().ok_or_else(invalid_cursor)
}

/// The cursor of the page after this entry, for entries whose id is a number.
pub(crate) fn number_cursor_after(at: OffsetDateTime, id: i64) -> String {
    format!("{}.{id}", at.unix_timestamp_nanos() / 1_000)
}

/// Reads a cursor of [`number_cursor_after`].
///
/// # Errors
/// `BadRequest` if the text is not a cursor.
pub(crate) fn read_number_cursor(text: &str) -> Result<(OffsetDateTime, i64), Failure> {
    let read = || {
        let (micros, id) = text.split_once('.')?;
        let nanos = i128::from(micros.parse::<u64>().ok()?) * 1_000;
        Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, id.parse().ok()?))
    };
    read().ok_or_else(invalid_cursor)
}

/// The cursor of the page after this entry, for entries whose id is a text.
pub(crate) fn named_cursor_after(at: OffsetDateTime, name: &str) -> String {
    format!("{}.{name}", at.unix_timestamp_nanos() / 1_000)
}

/// Reads a cursor of [`named_cursor_after`].
///
/// # Errors
/// `BadRequest` if the text is not a cursor.
pub(crate) fn read_named_cursor(text: &str) -> Result<(OffsetDateTime, String), Failure> {
    let read = || {
        let (micros, name) = text.split_once('.')?;
        let nanos = i128::from(micros.parse::<u64>().ok()?) * 1_000;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
        (!name.contains('\0')).then(|| (at, name.to_owned()))
    };
    read().ok_or_else(invalid_cursor)
}

pub(crate) fn invalid_cursor() -> Failure {
    Failure::bad_request("invalid_cursor", "The cursor is not valid.")
}

/// The cursor of the page after the entry with this text and number, in a list that is ordered by them. The text may be
/// personal data, which the client has just received.
pub(crate) fn cursor_after_text(text: &str, id: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{id}.{text}"))
}

/// Reads a cursor of [`cursor_after_text`].
///
/// # Errors
/// `BadRequest` if the text is not a cursor.
pub(crate) fn read_text_cursor(cursor: &str) -> Result<(String, i64), Failure> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (id, text) = text.split_once('.')?;
        // PostgreSQL cannot store a zero character.
        (!text.contains('\0')).then_some((text.to_owned(), id.parse().ok()?))
    };
    read().ok_or_else(|| Failure::bad_request("invalid_cursor", "The cursor is not valid."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_can_be_read() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_800_000_000_123_456_000).unwrap();
        let id = Uuid::new_v4();
        assert_eq!(read_cursor(&cursor_after(at, id)).unwrap(), (at, id));
    }

    #[test]
    fn a_cursor_with_a_text_can_be_read() {
        for text in ["", "ada@example.com", "1.2", "ä"] {
            assert_eq!(read_text_cursor(&cursor_after_text(text, -7)).unwrap(), (text.to_owned(), -7));
        }
        for text in ["", "x", "!", &URL_SAFE_NO_PAD.encode("x.y"), &URL_SAFE_NO_PAD.encode("1.a\0")] {
            assert!(matches!(read_text_cursor(text), Err(Failure::BadRequest { .. })), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_cursor_is_refused() {
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
