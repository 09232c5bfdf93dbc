//! Percent escapes in database URLs.

use percent_encoding::percent_decode_str;

use super::error::DatabaseUrlError;

/// Percent-decoding to text. NUL is refused, because it ends a text in PostgreSQL's protocol.
pub(super) fn text(value: &str, part: &'static str) -> Result<String, DatabaseUrlError> {
    String::from_utf8(bytes(value, part)?).map_err(|_| DatabaseUrlError::Escape(part))
}

/// Percent-decoding. A malformed escape is an error; the library would keep it as it is.
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
