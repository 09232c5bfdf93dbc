//! Properties of characters, for the rules about typed text.
//!
//! The rules for e-mail addresses, names and codes use these functions.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory},
};

/// Whether a character is invisible, or changes the display of other characters: format characters, marks of writing direction,
/// fillers, tags, variation selectors, separators of lines and paragraphs, private use.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    use GeneralCategory::{LineSeparator, ParagraphSeparator, PrivateUse};
    // The marks of interlinear annotations are not in the set of ignorable characters, but they are not shown, either.
    let annotation = matches!(c, '\u{fff9}'..='\u{fffb}');
    let hidden = matches!(category(c), LineSeparator | ParagraphSeparator | PrivateUse);
    annotation || hidden || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether a character is a dash, a hyphen or the minus sign.
#[must_use]
pub fn is_dash(c: char) -> bool {
    category(c) == GeneralCategory::DashPunctuation || matches!(c, '\u{2212}')
}

/// The value of a decimal digit of any script, `None` for any other character.
#[must_use]
pub fn decimal_digit(c: char) -> Option<u32> {
    let is_digit =
        |code: u32| char::from_u32(code).is_some_and(|c| category(c) == GeneralCategory::DecimalNumber);
    let code = u32::from(c);
    if !is_digit(code) {
        return None;
    }
    // The ten digits of a script have successive codes, from zero to nine. The digits of the next script may follow without a
    // gap, so the value is the distance to the first of all these digits, modulo ten.
    let mut first = code;
    while first.checked_sub(1).is_some_and(is_digit) {
        first -= 1;
    }
    Some((code - first) % 10)
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_known() {
        for c in [
            '\u{ad}',
            '\u{61c}',
            '\u{34f}',
            '\u{115f}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{202e}',
            '\u{2028}',
            '\u{2066}',
            '\u{2069}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fffa}',
            '\u{e000}',
            '\u{e0041}',
            '\u{f0000}',
        ] {
            assert!(is_invisible(c), "{:x}", u32::from(c));
        }
        for c in
            ['a', ' ', '-', '\u{e9}', '\u{301}', '\u{5d0}', '\u{627}', '\u{600}', '\u{4e00}', '\u{1f600}']
        {
            assert!(!is_invisible(c), "{:x}", u32::from(c));
        }
    }

    #[test]
    fn digits_of_every_script_have_their_values() {
        for zero in [
            '0',
            '\u{660}',
            '\u{6f0}',
            '\u{966}',
            '\u{e50}',
            '\u{ff10}',
            '\u{1d7ce}',
            '\u{1d7d8}',
            '\u{1e950}',
        ] {
            for value in 0..10 {
                let digit = char::from_u32(u32::from(zero) + value).expect("a digit");
                assert_eq!(decimal_digit(digit), Some(value), "{digit}");
            }
        }
        for c in ['a', ' ', '\u{b2}', '\u{2163}', '\u{4e09}', '\u{bd}', '\0'] {
            assert_eq!(decimal_digit(c), None, "{c:?}");
        }
    }

    #[test]
    fn dashes_are_known() {
        assert!(['-', '\u{2010}', '\u{2013}', '\u{2014}', '\u{ff0d}', '\u{2212}'].into_iter().all(is_dash));
        assert!(!['_', '.', '~', ' '].into_iter().any(is_dash));
    }
}
