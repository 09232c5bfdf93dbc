//! Texts that others have chosen, such as names and browsers, on a terminal.

use std::fmt::Write as _;

/// The text with visible escapes in place of every character that could change what a terminal shows: control characters, marks
/// of direction, invisible characters, and ends of lines.
pub(super) fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' => safe.push(c),
            // Marks that belong to the character before them are part of many languages.
            c if unicode_width::UnicodeWidthChar::width(c) == Some(0) && c.is_alphanumeric() => safe.push(c),
            c => {
                let _ = write!(safe, "{}", c.escape_debug());
            }
        }
    }
    safe
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

    proptest::proptest! {
        #[test]
        fn no_text_has_a_control_character_afterwards(text: String) {
            proptest::prop_assert!(!harmless(&text).chars().any(char::is_control));
        }
    }
}
