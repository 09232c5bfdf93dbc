//! The key of an account: the unique text that finds the account. Attempts to sign in are counted under the key without its
//! accents.
//!
//! Keys are used for every account that is named by an address: in registration, sign-in, limits, attempts, and on the command
//! line. A key is computed here and stored in a column of its own. So it depends neither on the locale of the database nor on
//! what the parser of addresses accepts today. Addresses that differ only in case, or in characters that NFKC makes equal, have
//! one key.

use std::fmt;

use icu_casemap::CaseMapper;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The key of an account: an address in NFKC with full case folding.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccountKey(String);

impl AccountKey {
    /// The longest key that is stored, in bytes. No accepted address (at most 254 bytes) has a longer key.
    pub const MAX_BYTES: usize = 1024;

    /// The key of an address, or of any other text that was typed as a name. If the text is very long, only its first
    /// [`MAX_BYTES`](Self::MAX_BYTES) are used, because no account has such a long name.
    #[must_use]
    pub fn of(typed: &str) -> Self {
        let text = typed.trim();
        let text = &text[..text.floor_char_boundary(Self::MAX_BYTES)];
        // PostgreSQL cannot store a zero character.
        let text = text.nfd().map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c });
        // Normalisation may undo a part of the folding, so both run twice. A third round would change nothing.
        let text: String = text.collect();
        Self(folded(&folded(&text)))
    }

    /// The stored text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AccountKey {
    /// The key without accents and other marks: attempts to sign in are counted for this text. Addresses that differ only in
    /// such marks, for example in the dot of `İ`, share one limit.
    #[must_use]
    pub fn attempts(&self) -> String {
        let bare = self.0.nfkd().filter(|c| !is_combining_mark(*c)).collect::<String>();
        folded(&bare)
    }
}

fn folded(text: &str) -> String {
    // NFKC turns some characters, for example U+00B4, into a text that begins with a space. So the result is trimmed.
    let folded: String = CaseMapper::new().fold_string(text).nfkc().collect();
    folded.trim().to_owned()
}

/// The key is personal data, so `Debug` does not print it.
impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        AccountKey::of(text).as_str().to_owned()
    }

    #[test]
    fn spellings_of_one_address_have_one_key() {
        for (one, other) in [
            ("Ada@Example.COM", "ada@example.com"),
            (" ada@example.com\n", "ada@example.com"),
            ("J\u{dc}RGEN@example.com", "j\u{fc}rgen@example.com"),
            ("ju\u{308}rgen@example.com", "j\u{fc}rgen@example.com"),
            ("\u{ff21}da@example.com", "ada@example.com"),
            ("ada\u{ff20}example.com", "ada@example.com"),
            ("\u{39f}\u{394}\u{39f}\u{3a3}@example.com", "\u{3bf}\u{3b4}\u{3bf}\u{3c2}@example.com"),
            ("STRASSE@example.com", "stra\u{df}e@example.com"),
            ("stra\u{1e9e}e@example.com", "stra\u{df}e@example.com"),
            ("\u{212a}elvin@example.com", "kelvin@example.com"),
            ("mi\u{17f}s@example.com", "miss@example.com"),
            ("\u{13a0}@example.com", "\u{ab70}@example.com"),
        ] {
            assert_eq!(key(one), key(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_dotted_capital_i_and_a_dotless_i_are_not_an_i() {
        assert_ne!(key("v\u{130}ctim@example.com"), key("victim@example.com"));
        assert_eq!(key("v\u{130}ctim@example.com"), key("vi\u{307}ctim@example.com"));
        assert_ne!(key("v\u{131}ctim@example.com"), key("victim@example.com"));
    }

    #[test]
    fn attempts_are_counted_without_marks() {
        for variant in ["v\u{130}ct\u{130}m@example.com", "v\u{ed}ctim@example.com", "VICTIM@example.com"] {
            assert_eq!(AccountKey::of(variant).attempts(), "victim@example.com", "{variant:?}");
        }
        assert_ne!(AccountKey::of("victim1@example.com").attempts(), "victim@example.com");
    }

    #[test]
    fn other_addresses_have_other_keys() {
        for other in ["a.da@example.com", "ada+x@example.com", "ada@example.org", "ada", ""] {
            assert_ne!(key(other), key("ada@example.com"), "{other:?}");
        }
    }

    #[test]
    fn a_text_that_is_not_an_address_has_a_key_too() {
        assert_eq!(key(" Old Name "), "old name");
        assert!(key(&"\u{fdfa}".repeat(10_000)).len() < 20 * AccountKey::MAX_BYTES);
    }

    proptest! {
        #[test]
        fn the_key_of_a_key_is_the_same_key(text in "\\PC{0,40}") {
            prop_assert_eq!(key(&key(&text)), key(&text));
        }

        #[test]
        fn the_normal_form_of_a_text_does_not_change_its_key(text in "\\PC{0,20}") {
            let text = text.trim();
            for same in [text.nfc().collect::<String>(), text.nfd().collect(), text.nfkc().collect(), text.nfkd().collect()] {
                prop_assert_eq!(key(&same), key(text));
            }
        }
    }
}
