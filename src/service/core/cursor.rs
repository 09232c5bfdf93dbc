//! Cursors of lists that are read page by page. A cursor has the ordering fields of the last entry of a page: its time and id,
//! its id alone, or a text and a number.

use std::{fmt::Display, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;

use super::failure::Failure;

/// The cursor of the page after this entry. A name as its id may have any characters.
pub(crate) fn cursor_after(at: OffsetDateTime, id: impl Display) -> String {
    format!("{}.{id}", at.unix_timestamp_nanos() / 1_000)
}

/// Reads a cursor of [`cursor_after`].
///
/// # Errors
/// `BadRequest` if the text is not a cursor.
pub(crate) fn read_cursor<I: FromStr>(text: &str) -> Result<(OffsetDateTime, I), Failure> {
    let read = || {
        let (micros, id) = text.split_once('.')?;
        // All entries are later than 1970, so the number has no sign. Times after the year 9999 are refused.
        let nanos = i128::from(micros.parse::<u64>().ok()?) * 1_000;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
        // PostgreSQL cannot store a zero character.
        if id.contains('\0') { None } else { Some((at, id.parse().ok()?)) }
    };
    read().ok_or_else(invalid_cursor)
}

/// [`cursor_after`] for entries with a number as their id.
pub(crate) fn number_cursor_after(at: OffsetDateTime, id: i64) -> String {
    cursor_after(at, id)
}

/// Reads a cursor of [`number_cursor_after`].
///
/// # Errors
/// `BadRequest` if the text is not a cursor.
pub(crate) fn read_number_cursor(text: &str) -> Result<(OffsetDateTime, i64), Failure> {
    read_cursor(text)
}

/// Reads the cursor of a list that is ordered by ids alone: the id of the last entry.
///
/// # Errors
/// `BadRequest` if the text is not an id.
pub(crate) fn read_id<I: FromStr>(text: &str) -> Result<I, Failure> {
    text.parse().map_err(|_| invalid_cursor())
}

/// The failure for a cursor that cannot be read.
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
    read().ok_or_else(invalid_cursor)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cursor_can_be_read() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_800_000_000_123_456_000).unwrap();
        let id = Uuid::new_v4();
        assert_eq!(read_cursor(&cursor_after(at, id)).unwrap(), (at, id));
        assert_eq!(read_cursor(&cursor_after(at, 7)).unwrap(), (at, 7_i64));
        for name in ["", "192.0.2.0/24", "ä"] {
            assert_eq!(read_cursor(&cursor_after(at, name)).unwrap(), (at, name.to_owned()));
        }
        assert!(read_cursor::<String>("1.a\0").is_err());
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
            assert!(matches!(read_cursor::<Uuid>(text), Err(Failure::BadRequest { .. })), "{text}");
        }
    }
}
