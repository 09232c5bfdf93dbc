//! Codes as people type them, in the one form for comparisons.
//!
//! The parsers of authenticator codes and backup codes call [`typed_code`]. Apps and keyboards group the characters, put marks
//! of writing direction around them, and use the digits of the user's script.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::characters::{decimal_digit, is_dash, is_invisible};

/// The longest text that is read, in bytes. Every typed code is shorter.
const MAX_BYTES: usize = 256;

/// The characters of a typed code. Digits of any script become ASCII digits, and other characters become Unicode NFKC. Space,
/// dashes and invisible characters are removed. `None` if the text is too long for a code.
#[must_use]
pub(crate) fn typed_code(text: &str) -> Option<Zeroizing<Vec<char>>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    // The capacity is enough for every text, because NFKC turns one character into at most 18. A reallocation would leave a
    // copy of the code in memory.
    let mut code = Zeroizing::new(Vec::with_capacity(18 * MAX_BYTES));
    let kept = text.nfkc().filter(|c| !c.is_whitespace() && !is_dash(*c) && !is_invisible(*c));
    code.extend(kept.map(|c| decimal_digit(c).and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c)));
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> String {
        typed_code(text).expect("short enough").iter().collect()
    }

    #[test]
    fn all_spellings_of_a_code_give_the_same_characters() {
        for text in [
            "123456",
            " 123 456\n",
            "123-456",
            "123\u{2013}456",
            "123\u{a0}456",
            "123\u{2009}456",
            "\u{202d}123456\u{202c}",
            "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}",
            "\u{967}\u{968}\u{969}\u{96a}\u{96b}\u{96c}",
            "\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}",
            "12\u{663}\u{200f}\u{664}56",
        ] {
            assert_eq!(typed(text), "123456", "{text:?}");
        }
        assert_eq!(typed("\u{ff41}B_c"), "aB_c");
        assert!(typed_code(&"1".repeat(257)).is_none());
    }
}
