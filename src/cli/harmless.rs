//! Texts that others have chosen, such as names and browsers, on a terminal: as words, and in JSON.

use std::fmt::Write as _;

/// The text with visible escapes in place of every character that could change what a terminal shows: control characters, marks
/// of direction, invisible characters, and ends of lines.
pub(super) fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmless(c) {
            safe.push(c);
        } else {
            let _ = write!(safe, "{}", c.escape_debug());
        }
    }
    safe
}

/// The JSON with escapes (RFC 8259, section 7) in place of every character that could change what a terminal shows. It means the
/// same: outside of its texts, JSON has none of these characters but ends of lines.
pub(super) fn harmless_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || c == '\\' || is_harmless(c) {
            safe.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe
}

/// Whether a terminal shows the character where it stands, and obeys nothing in it.
fn is_harmless(c: char) -> bool {
    // Marks that belong to the character before them are part of many languages.
    let is_mark = unicode_width::UnicodeWidthChar::width(c) == Some(0) && c.is_alphanumeric();
    matches!(c, '"' | '\'') || is_mark || c.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_and_what_moves_the_cursor_becomes_visible() {
        assert_eq!(harmless("Zoë \"Z\" O'Neil 日本"), "Zoë \"Z\" O'Neil 日本");
        assert_eq!(harmless("a\u{1b}[2Jb\r\nc\td"), "a\\u{1b}[2Jb\\r\\nc\\td");
        assert_eq!(harmless("a\u{202e}b\u{200b}c\u{9b}"), "a\\u{202e}b\\u{200b}c\\u{9b}");
    }

    #[test]
    fn json_is_the_same_value_with_escapes() {
        let text = "Zoë \"Z\" \\ 日本 a\u{1b}[2J\r\n\u{7f}\u{9b}31m \u{202e}b\u{2066}c\u{200f}\u{feff}\u{e0001}\u{2028}";
        let value = serde_json::json!({"a\u{85}": [text]});
        for json in [value.to_string(), format!("{value:#}")] {
            let safe = harmless_json(&json);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).expect("JSON"), value);
            assert!(
                safe.contains("Zoë") && safe.contains("\\u009b31m") && safe.contains("\\u202eb"),
                "{safe}"
            );
            assert!(safe.contains("\\udb40\\udc01"), "a pair of surrogates: {safe}");
            assert!(!safe.chars().any(|c| c != '\n' && c.escape_debug().len() > 2), "{safe}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_json_has_a_control_character_afterwards_and_none_is_another_value(text: String) {
            let value = serde_json::json!(text);
            let safe = harmless_json(&value.to_string());
            proptest::prop_assert!(!safe.chars().any(char::is_control));
            proptest::prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).expect("JSON"), value);
        }

        #[test]
        fn no_text_has_a_control_character_afterwards(text: String) {
            proptest::prop_assert!(!harmless(&text).chars().any(char::is_control));
        }
    }
}
