//! The application's own data inside commands and publications: one JSON value, passed through as it came.
//!
//! It is never re-encoded, so numbers, key order and escapes arrive as they were sent. Two things are seen to: raw
//! line breaks go (they would split a frame; JSON allows them only between tokens), and nesting is bounded, because
//! some clients' parsers give up on a value nested thousands deep and one member could so cut off all others.

use bytes::Bytes;
use serde_json::value::RawValue;

/// How deep arrays and objects may be nested in a payload.
pub const MAX_NESTING: usize = 128;

/// One JSON value without raw line breaks; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(Bytes);

/// Why a text is no payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not one JSON value.
    #[error("the payload is not valid JSON")]
    NotJson,
    /// Nested deeper than [`MAX_NESTING`].
    #[error("the payload is nested too deeply")]
    TooDeep,
}

impl Payload {
    /// Takes a JSON text of any layout, such as one from an HTTP body.
    ///
    /// # Errors
    /// When the text is not one JSON value or is nested too deeply.
    pub fn parse(text: &str) -> Result<Self, PayloadError> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| PayloadError::NotJson)?;
        Self::from_raw(raw)
    }

    /// Takes a value that a JSON parser has already delimited.
    ///
    /// # Errors
    /// When the value is nested too deeply.
    pub fn from_raw(raw: &RawValue) -> Result<Self, PayloadError> {
        let text = raw.get();
        if nesting(text.as_bytes()) > MAX_NESTING {
            return Err(PayloadError::TooDeep);
        }
        let has_breaks = text.bytes().any(is_line_break);
        Ok(Self(if has_breaks {
            text.bytes().filter(|byte| !is_line_break(*byte)).collect()
        } else {
            Bytes::copy_from_slice(text.as_bytes())
        }))
    }

    /// The JSON text, to be kept without a copy.
    pub(super) fn share(&self) -> Bytes {
        self.0.clone()
    }

    /// The JSON text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// In valid JSON these bytes occur only between tokens; inside a string they are escaped.
fn is_line_break(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// The deepest level of a valid JSON text.
fn nesting(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    let mut in_string = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pretty_printed_payload_loses_its_line_breaks_and_nothing_else() {
        let payload = Payload::parse("{\r\n  \"a\": 1.50e3,\n  \"b\": \"x\\ny\"\n}").unwrap();
        assert_eq!(payload.as_bytes(), br#"{  "a": 1.50e3,  "b": "x\ny"}"#);
    }

    #[test]
    fn numbers_beyond_64_bits_stay_as_they_were_written() {
        let text = "123456789012345678901234567890.000";
        assert_eq!(Payload::parse(text).unwrap().as_bytes(), text.as_bytes());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Payload::parse(&nested(MAX_NESTING)).is_ok());
        assert_eq!(Payload::parse(&nested(MAX_NESTING + 1)), Err(PayloadError::TooDeep));
    }

    #[test]
    fn brackets_inside_strings_are_not_nesting() {
        assert!(Payload::parse(&format!(r#""\"{}\\""#, "[".repeat(1000))).is_ok());
    }

    #[test]
    fn two_values_are_not_one_payload() {
        assert_eq!(Payload::parse("1 2"), Err(PayloadError::NotJson));
        assert_eq!(Payload::parse(""), Err(PayloadError::NotJson));
    }
}
