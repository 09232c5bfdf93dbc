//! E-mail addresses as account names: the rule for the addresses of new accounts.
//!
//! The rule is applied when an account is created or gets another address. Existing accounts are found by their [`AccountKey`].
//! So an account can still sign in if its address would be refused today. Only the syntax is checked, not whether the address
//! receives mail.
//!
//! The rule for equal addresses: surrounding spaces are removed, and case is ignored. Characters that Unicode NFKC makes equal
//! count as equal: a full-width `a` is an `a`, a decomposed `ü` is `ü`. Dots, plus signs and the two spellings of an
//! international domain (`köln.example`, `xn--kln-sna.example`) make a difference, because each mail system has its own rules
//! for them.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::account_key::AccountKey;
use crate::characters::is_invisible;

/// A syntactically valid address, trimmed and in NFKC. Upper and lower case are kept as given.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// Why a text is not an e-mail address.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum EmailError {
    /// Empty, or only space.
    #[error("an e-mail address is required")]
    Empty,
    /// Longer than [`Email::MAX_BYTES`].
    #[error("the e-mail address is longer than 254 bytes")]
    TooLong,
    /// Not `local@domain`.
    #[error("this is not an e-mail address")]
    Malformed,
}

impl Email {
    /// The longest address that fits an SMTP path (RFC 5321, 4.5.3.1.3).
    pub const MAX_BYTES: usize = 254;
    /// The longest local part in bytes (RFC 5321, 4.5.3.1.1).
    const MAX_LOCAL: usize = 64;

    /// Parses an address. Surrounding space is ignored. The address must have one `@`, before it a local part without space and
    /// control characters, and after it a domain of labels.
    ///
    /// # Errors
    /// The problem; the message contains no part of the input.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        // The text is normalised before the syntax is checked, because normalisation may turn a character into an `@` or a
        // space.
        let text: String = text.nfkc().collect();
        if text.len() > Self::MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(EmailError::Malformed)?;
        if local_is_sane(local) && domain_is_sane(domain) {
            Ok(Self(text))
        } else {
            Err(EmailError::Malformed)
        }
    }

    /// The address, trimmed and in NFKC.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of the account with this address.
    #[must_use]
    pub fn key(&self) -> AccountKey {
        AccountKey::of(&self.0)
    }
}

/// At most 64 bytes; no space, control characters or invisible characters; no `@` and no other characters that need quotation
/// marks; dots only between other characters.
fn local_is_sane(local: &str) -> bool {
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    !local.is_empty() && local.len() <= Email::MAX_LOCAL && !dots && local.chars().all(is_plain)
}

/// Labels of letters, digits and inner hyphens; one label is enough, for `root@localhost`.
fn domain_is_sane(domain: &str) -> bool {
    domain.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    })
}

fn is_plain(c: char) -> bool {
    let quoting = matches!(c, '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '@' | '[' | '\\' | ']');
    !(c.is_whitespace() || c.is_control() || is_invisible(c) || quoting)
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address is personal data, so `Debug` prints only the domain.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.0.split_once('@').map_or("", |(_, domain)| domain);
        write!(f, "Email(***@{domain})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn valid_addresses_are_accepted_and_trimmed() {
        for text in [
            "user@example.com",
            " Ada.Lovelace+x@mail.example.org\n",
            "root@localhost",
            "jürgen@köln.example",
        ] {
            assert_eq!(Email::parse(text).unwrap().as_str(), text.trim());
        }
    }

    #[test]
    fn a_text_that_is_not_an_address_is_refused() {
        for text in [
            "user",
            "@example.com",
            "user@",
            "a@b@c",
            "a b@example.com",
            "a@exa mple.com",
            ".a@example.com",
            "a..b@example.com",
            "a@-example.com",
            "a@example..com",
            "a@example.com.",
            "a\u{0}@example.com",
            "a\u{202e}b@example.com",
            "<a>@example.com",
            "a@exam_ple.com",
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::Malformed), "{text:?}");
        }
        assert_eq!(Email::parse(" \t"), Err(EmailError::Empty));
        assert_eq!(Email::parse(&format!("{}@example.com", "a".repeat(65))), Err(EmailError::Malformed));
        assert_eq!(Email::parse(&format!("a@{}com", "example.".repeat(40))), Err(EmailError::TooLong));
    }

    #[test]
    fn compatible_spellings_are_one_address() {
        let key = |text: &str| Email::parse(text).map(|email| email.key());
        assert_eq!(key("\u{ff41}da@example.com"), key("ada@example.com"));
        assert_eq!(key("ada\u{ff20}example.com"), key("ada@example.com"));
        assert_eq!(
            Email::parse("ada\u{fe6b}b@example.com"),
            Err(EmailError::Malformed),
            "the character becomes a second @"
        );
    }

    #[test]
    fn a_debug_print_shows_only_the_domain() {
        assert_eq!(format!("{:?}", Email::parse("ada@example.com").unwrap()), "Email(***@example.com)");
    }

    proptest! {
        #[test]
        fn an_accepted_address_has_one_at_sign_and_no_space(text in "\\PC{0,40}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(email.as_str().matches('@').count(), 1);
                prop_assert!(!email.as_str().chars().any(|c| c.is_whitespace() || c.is_control()));
                prop_assert!(email.as_str().len() <= Email::MAX_BYTES);
                prop_assert!((1..=AccountKey::MAX_BYTES).contains(&email.key().as_str().len()));
                prop_assert_eq!(email.key(), AccountKey::of(&text));
            }
        }
    }
}
