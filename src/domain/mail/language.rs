//! Languages of mails: two letters, and the choice from what a browser prefers.

use std::{fmt, str::FromStr};

/// A language: two letters (ISO 639-1), in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language([u8; 2]);

/// The text is not two letters in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a language has two letters in lower case, for example `en`")]
pub struct NotALanguage;

impl Language {
    /// English, the language of users that have chosen none.
    pub const ENGLISH: Self = Self(*b"en");

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("en")
    }

    /// The language among `offered` that a client prefers, by its header `Accept-Language` (RFC 9110, 12.5.4). `None` if it
    /// accepts none of them. Regions are ignored: `de-CH` is German.
    #[must_use]
    pub fn preferred(header: &str, offered: &[Self]) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for range in header.split(',').take(MOST_RANGES) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let quality =
                parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
            let Some(quality) = quality.filter(|quality: &f32| *quality > 0.0 && *quality <= 1.0) else {
                continue;
            };
            let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
            let Ok(language) = primary.parse::<Self>() else { continue };
            let better = best.is_none_or(|(_, known)| quality > known);
            if better && offered.contains(&language) {
                best = Some((language, quality));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// The most entries of a header that are read.
const MOST_RANGES: usize = 20;

impl FromStr for Language {
    type Err = NotALanguage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [one, two] if one.is_ascii_lowercase() && two.is_ascii_lowercase() => Ok(Self([*one, *two])),
            _ => Err(NotALanguage),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GERMAN: Language = Language(*b"de");

    #[test]
    fn the_preferred_language_is_the_one_with_the_highest_weight_that_is_offered() {
        let offered = [Language::ENGLISH, GERMAN];
        for (header, expected) in [
            ("de-CH, de;q=0.9, en;q=0.8", Some(GERMAN)),
            ("fr, en;q=0.3, de;q=0.7", Some(GERMAN)),
            ("en;q=0.5, de;q=0.5", Some(Language::ENGLISH)),
            ("DE", Some(GERMAN)),
            ("de;q=0, en;q=0.1", Some(Language::ENGLISH)),
            ("fr", None),
            ("*", None),
            ("", None),
            ("de;q=x", None),
            (";;;,,,", None),
        ] {
            assert_eq!(Language::preferred(header, &offered), expected, "{header}");
        }
    }

    #[test]
    fn a_language_is_two_letters_in_lower_case() {
        assert_eq!("de".parse(), Ok(GERMAN));
        for wrong in ["", "d", "deu", "DE", "ü", "1a"] {
            assert_eq!(wrong.parse::<Language>(), Err(NotALanguage), "{wrong}");
        }
    }
}
