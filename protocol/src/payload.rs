//! The application's own data inside commands and publications: one JSON value, or any bytes.
//!
//! The server passes a payload on without encoding it again, so numbers, key order and escapes arrive as they were sent. The
//! JSON protocol can carry only JSON, so it carries other payloads as base64 strings. Two rules protect JSON clients. Raw line
//! breaks are removed before the JSON protocol carries a payload, because they would split a frame (JSON allows them only
//! between tokens). A payload that is nested too deeply does not count as JSON: the parsers of some clients fail on it, so one
//! publisher could disconnect all other members.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::value::RawValue;

/// The greatest depth of nested arrays and objects in a JSON payload.
pub const MAX_NESTING: usize = 128;

/// The application's data. A clone is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    bytes: Bytes,
    kind: Kind,
}

/// The kind of a payload's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One JSON value without raw line breaks: the JSON protocol carries the bytes as they are.
    JsonLine,
    /// One JSON value with raw line breaks.
    JsonLines,
    /// Anything else.
    Binary,
}

/// Why a text is not a JSON payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The text is not exactly one JSON value.
    #[error("the payload is not valid JSON")]
    NotJson,
    /// The value is nested deeper than [`MAX_NESTING`].
    #[error("the payload is nested too deeply")]
    TooDeep,
}

impl Payload {
    /// A JSON payload with this text, for example from an HTTP body. Raw line breaks are removed.
    ///
    /// # Errors
    /// When the text is not one JSON value or is nested too deeply.
    pub fn parse(text: &str) -> Result<Self, PayloadError> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| PayloadError::NotJson)?;
        Self::from_raw(raw)
    }

    /// A JSON payload with a value that a JSON parser has found to be valid. Raw line breaks are removed.
    ///
    /// # Errors
    /// When the value is nested too deeply.
    pub fn from_raw(raw: &RawValue) -> Result<Self, PayloadError> {
        let text = raw.get().as_bytes();
        if nesting(text) > MAX_NESTING {
            return Err(PayloadError::TooDeep);
        }
        let bytes = if has_line_breaks(text) { one_line(text).into() } else { Bytes::copy_from_slice(text) };
        Ok(Self { bytes, kind: Kind::JsonLine })
    }

    /// A payload with any bytes, which are kept unchanged. Bytes that are one JSON value, not nested too deeply, count as JSON.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        let is_json = serde_json::from_slice::<&RawValue>(&bytes).is_ok() && nesting(&bytes) <= MAX_NESTING;
        let kind = match is_json {
            true if has_line_breaks(&bytes) => Kind::JsonLines,
            true => Kind::JsonLine,
            false => Kind::Binary,
        };
        Self { bytes, kind }
    }

    /// Whether the payload is one JSON value. The JSON protocol carries all other payloads in base64.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.kind != Kind::Binary
    }

    /// Whether the JSON protocol carries exactly the bytes of the payload.
    #[must_use]
    pub fn is_its_json_text(&self) -> bool {
        self.kind == Kind::JsonLine
    }

    /// The payload in the form that the JSON protocol carries: one JSON value without raw line breaks. Bytes that are not JSON
    /// become a base64 string (RFC 4648, section 4, with padding).
    #[must_use]
    pub fn json_text(&self) -> Cow<'_, [u8]> {
        match self.kind {
            Kind::JsonLine => Cow::Borrowed(&self.bytes),
            Kind::JsonLines => Cow::Owned(one_line(&self.bytes)),
            Kind::Binary => Cow::Owned(format!("\"{}\"", STANDARD.encode(&self.bytes)).into_bytes()),
        }
    }

    /// The size in bytes of the payload that a subscription without deltas receives. If the size differs between the two
    /// protocols, this is the larger size. A JSON payload can be larger in Protobuf, which keeps the line breaks. Other bytes
    /// are larger in the JSON protocol, which carries them in base64.
    #[must_use]
    pub fn sent_bytes(&self) -> usize {
        match self.kind {
            Kind::JsonLine | Kind::JsonLines => self.bytes.len(),
            Kind::Binary => 2 + 4 * self.bytes.len().div_ceil(3),
        }
    }

    /// The bytes, shared without a copy.
    pub(super) fn share(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The JSON text without its raw line breaks.
fn one_line(json: &[u8]) -> Vec<u8> {
    json.iter().copied().filter(|byte| !is_line_break(*byte)).collect()
}

fn has_line_breaks(json: &[u8]) -> bool {
    json.iter().copied().any(is_line_break)
}

/// Whether a byte is a line break. In valid JSON these bytes occur only between tokens; strings contain them escaped.
fn is_line_break(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// The greatest depth of nesting in a valid JSON text.
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
    fn a_pretty_printed_payload_loses_only_its_line_breaks() {
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

    #[test]
    fn bytes_of_any_kind_are_kept_bit_for_bit() {
        let every: Vec<u8> = (0..=255).collect();
        for bytes in [&every[..], b"", b"{\n}", b"\xff", b"nul", b" 1 "] {
            assert_eq!(Payload::from_bytes(Bytes::copy_from_slice(bytes)).as_bytes(), bytes);
        }
    }

    #[test]
    fn bytes_that_are_one_json_value_are_json() {
        let is_json = |bytes: &[u8]| Payload::from_bytes(Bytes::copy_from_slice(bytes)).is_json();
        for json in [&b"1"[..], b"{\"a\":1}", b"\r\n[]\n", "\"\u{e9}\"".as_bytes()] {
            assert!(is_json(json), "{json:?}");
        }
        let deep = format!("{}{}", "[".repeat(MAX_NESTING + 1), "]".repeat(MAX_NESTING + 1));
        for other in
            [&b""[..], b"1 2", b"\xff", b"\"\xff\"", b"\0", b"NaN", b"\xef\xbb\xbf1", deep.as_bytes()]
        {
            assert!(!is_json(other), "{other:?}");
        }
    }

    #[test]
    fn the_json_protocol_carries_bytes_that_are_not_json_as_a_base64_string() {
        let text =
            |bytes: &'static [u8]| Payload::from_bytes(Bytes::from_static(bytes)).json_text().into_owned();
        assert_eq!(text(b""), br#""""#);
        assert_eq!(text(b"\xff"), br#""/w==""#);
        assert_eq!(text(b"{ not json"), br#""eyBub3QganNvbg==""#);
    }

    #[test]
    fn the_sent_size_is_that_of_the_protocol_in_which_the_payload_is_larger() {
        for length in 0..9 {
            let binary = Payload::from_bytes(Bytes::from(vec![0xff; length]));
            assert_eq!(binary.sent_bytes(), binary.json_text().len());
        }
        for json in [&b"[1]"[..], b"{\r\n \"a\": 1\n}"] {
            assert_eq!(Payload::from_bytes(Bytes::from_static(json)).sent_bytes(), json.len());
        }
    }

    #[test]
    fn the_json_protocol_carries_json_on_one_line() {
        let pretty = Payload::from_bytes(Bytes::from_static(b"{\r\n \"a\": 1\n}"));
        assert_eq!(*pretty.json_text(), *b"{ \"a\": 1}");
        assert!(!pretty.is_its_json_text());
        assert!(Payload::from_bytes(Bytes::from_static(b"[1]")).is_its_json_text());
    }
}
