//! How strong a password is, and why it is not stronger. `password` judges; the use cases and the pages show the result.

use zxcvbn::{Entropy, feedback::Warning};

/// Why a password is too weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer than [`super::password::MIN_BYTES`] bytes.
    TooShort,
    /// More than [`super::password::MAX_BYTES`] bytes.
    TooLong,
    /// The account's own e-mail address.
    IsEmail,
    /// Common, or guessable in fewer than about 10⁸ attempts.
    Guessable,
}

impl Weakness {
    /// A sentence for the user.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::TooShort => "The password must have at least 8 characters.",
            Self::TooLong => "The password must have at most 1024 bytes.",
            Self::IsEmail => "The password must not be the e-mail address.",
            Self::Guessable => "The password is too easy to guess. A few uncommon words make a better one.",
        }
    }

    /// The stable `code` of the response.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::IsEmail | Self::Guessable => "password_guessable",
        }
    }
}

/// What an attacker would try first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A row or a pattern of keys.
    Keyboard,
    /// A repeated character or part.
    Repeat,
    /// A common password, or one like it.
    Common,
    /// A sequence such as `abc` or `6543`.
    Sequence,
    /// A date or a recent year.
    Date,
    /// A word by itself.
    Word,
    /// A name.
    Name,
}

impl Pattern {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyboard => "keyboard",
            Self::Repeat => "repeat",
            Self::Common => "common",
            Self::Sequence => "sequence",
            Self::Date => "date",
            Self::Word => "word",
            Self::Name => "name",
        }
    }

    fn of(warning: Warning) -> Self {
        match warning {
            Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess => {
                Self::Keyboard
            }
            Warning::RepeatsLikeAaaAreEasyToGuess
            | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => Self::Repeat,
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword => Self::Common,
            Warning::SequencesLikeAbcAreEasyToGuess => Self::Sequence,
            Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess => Self::Date,
            Warning::AWordByItselfIsEasyToGuess => Self::Word,
            Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
            | Warning::CommonNamesAndSurnamesAreEasyToGuess => Self::Name,
        }
    }
}

/// The strength of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strength {
    /// From 0 (a few guesses) to 4 (more than 10¹⁰ guesses).
    pub score: u8,
    /// Why the password is refused; `None` if it is accepted.
    pub weakness: Option<Weakness>,
    /// What makes the password weak, as far as it is known.
    pub pattern: Option<Pattern>,
}

impl Strength {
    pub(super) fn new(estimate: &Entropy, weakness: Option<Weakness>) -> Self {
        let warning = estimate.feedback().and_then(|feedback| feedback.warning());
        let pattern = warning.map(Pattern::of);
        // A refused password never looks strong.
        let most = if weakness.is_some() { 2 } else { 4 };
        Self { score: u8::from(estimate.score()).min(most), weakness, pattern }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::account::password::strength;

    #[test]
    fn the_pattern_says_what_makes_a_password_weak() {
        for (password, pattern) in [
            ("qwertyuiop", Pattern::Common),
            ("aaaaaaaaaaa", Pattern::Repeat),
            ("abcdefghijklm", Pattern::Sequence),
            ("zxcvfr67", Pattern::Keyboard),
        ] {
            let found = strength(&SecretString::from(password), "ada@example.com");
            assert_eq!(
                (found.pattern, found.weakness),
                (Some(pattern), Some(Weakness::Guessable)),
                "{password}"
            );
        }
    }

    #[test]
    fn a_refused_password_never_looks_strong() {
        let address = "long.and.unusual.zebra@example.com";
        let own = strength(&SecretString::from(address), address);
        assert_eq!((own.score <= 2, own.weakness), (true, Some(Weakness::IsEmail)));
        let good = strength(&SecretString::from("correct-zebra-lantern-42"), address);
        assert_eq!((good.score, good.weakness, good.pattern), (4, None, None));
    }
}
