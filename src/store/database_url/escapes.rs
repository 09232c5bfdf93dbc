//! Percent escapes in database URLs.

use percent_encoding::percent_decode_str;

use super::error::DatabaseUrlError;

/// Decodes percent escapes to a text. The decoded bytes must be UTF-8.
pub(super) fn text(value: &str, part: &'static str) -> Result<String, DatabaseUrlError> {
    String::from_utf8(bytes(value, part)?).map_err(|_| DatabaseUrlError::Escape(part))
}

/// Decodes percent escapes to bytes. A malformed escape is an error; the crate `percent-encoding` would keep the escape
/// unchanged. `%00` is refused, too, because NUL ends a text in PostgreSQL's protocol.
pub(super) fn bytes(value: &str, part: &'static str) -> Result<Vec<u8>, DatabaseUrlError> {
    let malformed = value.split('%').skip(1).any(|escape| {
        let digits = escape.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit) && digits != b"00")
    });
    if malformed {
        return Err(DatabaseUrlError::Escape(part));
    }
    Ok(percent_decode_str(value).collect())
}
