//! One Rust file as the rules read it: its code, comments and strings. Each comment and string also says whether it
//! belongs to a test.
//!
//! This is a lexer, not a parser: it knows comments, strings, characters and lifetimes, and it finds the items under
//! `#[cfg(test)]` and the test functions. The rules do everything else.

use std::ops::Range;

/// A comment or a string, and the line where it starts.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) line: usize,
    pub(crate) text: String,
    /// Whether this is in an item that is compiled for tests only.
    pub(crate) in_test: bool,
}

/// The parts of a file.
pub(crate) struct Source {
    pub(crate) text: String,
    /// The file with blanks in place of comments, test items and the contents of strings. So offsets and line numbers
    /// are those of `text`.
    pub(crate) code: String,
    pub(crate) comments: Vec<Text>,
    pub(crate) strings: Vec<Text>,
    /// The offset at which each line begins.
    lines: Vec<usize>,
}

impl Source {
    pub(crate) fn read(text: String) -> Self {
        let mut parts = Parts::of(&text);
        let mut code = blanked(&text, parts.comments.iter().chain(&parts.strings));
        let tests = test_items(&code);
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
        let in_test = |range: &Range<usize>| tests.iter().any(|test| test.contains(&range.start));
        let text_of = |range: Range<usize>| Text {
            line: line_of(&starts, range.start),
            in_test: in_test(&range),
            text: text[range].to_owned(),
        };
        let comments = parts.comments.drain(..).map(text_of).collect();
        let strings = parts.strings.drain(..).map(text_of).collect();
        code = blanked(&code, tests.iter());
        Self { code, comments, strings, lines: starts, text }
    }

    /// The line of an offset, counted from 1.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        line_of(&self.lines, offset)
    }
}

fn line_of(starts: &[usize], offset: usize) -> usize {
    starts.partition_point(|start| *start <= offset)
}

/// The text with blanks in these ranges; line ends are kept.
fn blanked<'r>(text: &str, ranges: impl Iterator<Item = &'r Range<usize>>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        for byte in &mut bytes[range.clone()] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(bytes).expect("whole characters are replaced")
}

/// The ranges of the comments, and of the contents of strings.
#[derive(Default)]
struct Parts {
    comments: Vec<Range<usize>>,
    strings: Vec<Range<usize>>,
}

impl Parts {
    fn of(text: &str) -> Self {
        let (bytes, mut parts, mut at) = (text.as_bytes(), Self::default(), 0);
        while at < bytes.len() {
            let rest = &text.as_bytes()[at..];
            if rest.starts_with(b"//") {
                let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
                parts.comments.push(at..end);
                at = end;
            } else if rest.starts_with(b"/*") {
                let end = block_comment_end(bytes, at);
                parts.comments.push(at..end);
                at = end;
            } else if let Some((start, end, after)) = string_at(text, at) {
                parts.strings.push(start..end);
                at = after;
            } else if bytes[at] == b'\'' {
                at = character_end(text, at);
            } else if is_word(bytes[at]) {
                // Skip a whole word: the `r` at the end of `for"` must not start a raw string.
                at += 1;
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
            } else {
                at += 1;
            }
        }
        parts
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if bytes[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// If a string literal of any kind begins at `at`: the start of its contents, their end, and the end of the literal.
fn string_at(text: &str, at: usize) -> Option<(usize, usize, usize)> {
    let rest = &text[at..];
    let prefix = rest.find(|c: char| !matches!(c, 'b' | 'c' | 'r')).filter(|length| *length <= 2)?;
    let raw = rest[..prefix].ends_with('r');
    let hashes = rest[prefix..].len() - rest[prefix..].trim_start_matches('#').len();
    let start = at + prefix + hashes + 1;
    if !rest[prefix + hashes..].starts_with('"') || (hashes > 0 && !raw) {
        return None;
    }
    if raw {
        let close = format!("\"{}", "#".repeat(hashes));
        let end = text[start..].find(&close).map_or(text.len(), |length| start + length);
        return Some((start, end, (end + close.len()).min(text.len())));
    }
    let mut end = start;
    let bytes = text.as_bytes();
    while end < bytes.len() && bytes[end] != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    let end = end.min(text.len());
    Some((start, end, (end + 1).min(text.len())))
}

/// The end of the character literal that begins at `at`. If a lifetime begins at `at`, the end of its quote.
fn character_end(text: &str, at: usize) -> usize {
    let mut characters = text[at + 1..].char_indices();
    match characters.next() {
        Some((_, '\\')) => {
            characters.next();
            characters.find(|(_, c)| *c == '\'').map_or(text.len(), |(length, _)| at + 1 + length + 1)
        }
        Some(_) => match characters.next() {
            Some((length, '\'')) => at + 1 + length + 1,
            _ => at + 1,
        },
        None => text.len(),
    }
}

/// Attributes of items that are compiled for tests only.
const TEST_ATTRIBUTES: [&str; 5] =
    ["#[cfg(test)]", "#[cfg(all(test", "#[test]", "#[tokio::test", "#[actix_web::test"];

/// The ranges of the items with these attributes. A range begins at the attribute.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items: Vec<Range<usize>> = Vec::new();
    for attribute in TEST_ATTRIBUTES {
        for (start, _) in code.match_indices(attribute) {
            items.push(start..item_end(code, start));
        }
    }
    items
}

/// The end of the item, field or statement whose attributes begin at `start`.
fn item_end(code: &str, start: usize) -> usize {
    let mut at = start;
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        if !code[at..].starts_with("#[") {
            break;
        }
        at = closing(code, at + 1) + 1;
    }
    let words: Vec<&str> = code[at..].split(|c: char| !c.is_alphanumeric() && c != '_').take(8).collect();
    let is =
        |word: &str| words.first() == Some(&word) || (words.first() == Some(&"pub") && words.contains(&word));
    let function = words.iter().take(4).any(|word| *word == "fn");
    let by_semicolon = !function && ["use", "const", "static", "type"].into_iter().any(is);
    let by_block = function
        || ["mod", "impl", "struct", "enum", "trait", "unsafe", "extern", "macro_rules", "union"]
            .into_iter()
            .any(is);
    while at < code.len() {
        match code.as_bytes()[at] {
            b'(' | b'[' => at = closing(code, at),
            b'{' => {
                at = closing(code, at);
                if by_block {
                    return at + 1;
                }
            }
            b';' => return at + 1,
            b',' if !by_block && !by_semicolon => return at + 1,
            b'}' | b')' | b']' => return at,
            _ => {}
        }
        at += 1;
    }
    code.len()
}

/// The offset of the bracket that closes the bracket at `open`.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    code.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_tests_are_not_code() {
        let source = Source::read(
            r##"//! Head.
use a::b; // why
const QUOTE: char = '"'; const L: &'static str = r#"raw "text""#;
#[cfg(test)]
mod tests { fn f() { g("inner") } }
fn after<'a>(x: &'a str) -> char { /* block /* nested */ */ '\'' }
struct S { #[cfg(test)] seen: Vec<(u8, u8)>, kept: u8 }
#[tokio::test]
async fn checks() { let x = [1; 2]; }
#[cfg(test)]
use only::tests::{x, y};
fn last() { let s = "a \" b"; }
"##
            .to_owned(),
        );
        for kept in ["use a::b;", "fn after", "kept: u8", "fn last"] {
            assert!(source.code.contains(kept), "{kept}: {}", source.code);
        }
        for gone in ["why", "raw", "fn f", "seen", "checks", "only", "nested", "inner"] {
            assert!(!source.code.contains(gone), "{gone}: {}", source.code);
        }
        let strings: Vec<_> = source.strings.iter().map(|s| (s.line, s.text.as_str(), s.in_test)).collect();
        let expected = [(3, "raw \"text\"", false), (5, "inner", true), (12, "a \\\" b", false)];
        assert_eq!(strings, expected);
        assert_eq!(source.comments.len(), 3);
        assert_eq!(source.code.len(), source.text.len());
    }
}
