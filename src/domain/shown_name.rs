//! Names that people give, and other people read: display names, labels of devices, names of passkeys and of API keys.
//!
//! Every use case that stores such a name calls [`shown_name`]. A stored name has no invisible characters, except where a
//! script or an emoji needs them.

use crate::characters::is_invisible;

/// The longest name, in characters.
pub const MAX_CHARS: usize = 100;
const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';

/// The name without surrounding space, if it has 1 to 100 characters, no control characters and no invisible characters.
///
/// There is one exception: joiners and variation selectors are accepted if a script or an emoji needs them, next to characters
/// outside of ASCII and in keycap emoji. In other places, two different names could look alike because of them.
#[must_use]
pub fn shown_name(given: &str) -> Option<String> {
    let trimmed = given.trim();
    let chars: Vec<char> = trimmed.chars().take(MAX_CHARS + 1).collect();
    let fits = (1..=MAX_CHARS).contains(&chars.len());
    let seen = chars.iter().enumerate().all(|(at, c)| {
        let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied();
        is_seen(*c, before, chars.get(at + 1).copied())
    });
    (fits && seen).then(|| trimmed.to_owned())
}

fn is_seen(c: char, before: Option<char>, after: Option<char>) -> bool {
    let foreign = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && (!is_invisible(c) || is_style(c)));
    match c {
        ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER => foreign(before) && foreign(after),
        // A keycap emoji is an ASCII character, a style and a frame (U+20E3).
        TEXT_STYLE | EMOJI_STYLE => foreign(before) || after == Some('\u{20e3}'),
        c => !c.is_control() && !is_invisible(c),
    }
}

fn is_style(c: char) -> bool {
    matches!(c, TEXT_STYLE | EMOJI_STYLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed() {
        assert_eq!(shown_name("  Ada's key "), Some("Ada's key".to_owned()));
        assert_eq!(shown_name(&"\u{e9}".repeat(100)).map(|name| name.chars().count()), Some(100));
    }

    #[test]
    fn a_name_that_cannot_be_shown_or_stored_is_refused() {
        for odd in ["", "  ", "a\0b", "a\nb", "a\u{85}b", &"x".repeat(101)] {
            assert_eq!(shown_name(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_name_has_no_invisible_characters() {
        for odd in [
            "\u{202e}nimda\u{202c}",
            "ad\u{200b}min",
            "ad\u{200d}min",
            "ad\u{200c}min",
            "ad\u{ad}min",
            "ad\u{fe0f}min",
            "\u{2066}admin\u{2069}",
            "admin\u{3164}",
            "ad\u{2028}min",
            "ad\u{e000}min",
            "ad\u{e0041}min",
            "\u{feff}x\u{feff}y",
            "\u{5d0}\u{200f}",
            "\u{200d}",
            "\u{1f600}\u{200d}",
        ] {
            assert_eq!(shown_name(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn names_in_other_scripts_and_with_emoji_are_accepted() {
        for name in [
            "\u{1f469}\u{200d}\u{1f4bb}",
            "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
            "1\u{fe0f}\u{20e3}",
            "\u{646}\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{5d0}\u{5d1}",
            "Zo\u{eb}",
        ] {
            assert_eq!(shown_name(name), Some(name.to_owned()), "{name:?}");
        }
    }
}
