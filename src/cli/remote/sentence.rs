//! Sentences of the table of nouns, with the values of an answer and the words of the command line.

use std::collections::BTreeMap;

use serde_json::Value;

use super::column::{Cell, shown};
use crate::cli::harmless::harmless;

/// The words of the command line, by the ids of the parameters.
pub(super) type Words = BTreeMap<&'static str, String>;

/// The template with its parts in braces replaced: `{/pointer}` and `{/pointer?word-for-null}` by a value of the answer, `{id}` by
/// a word of the command line, or by nothing.
pub(super) fn sentence(template: &str, answer: &Value, words: &Words) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((part, after)) = after.split_once('}') else { break };
        if part.starts_with('/') {
            let (pointer, otherwise) = part.split_once('?').unwrap_or((part, "-"));
            match answer.pointer(pointer).filter(|value| !value.is_null()) {
                Some(value) => text.push_str(&shown(value, Cell::Time)),
                None => text.push_str(otherwise),
            }
        } else if let Some(word) = words.get(part) {
            text.push_str(&harmless(word));
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_in_braces_are_replaced() {
        let words = Words::from([("user", "7 (a\u{1b})".to_owned())]);
        let answer = json!({"a": {"b": 3}, "none": null, "at": "2026-11-29T20:03:11Z"});
        let said = sentence("{user}: {/a/b}, {/none?all}, {/missing}, {/at}{other}.", &answer, &words);
        assert_eq!(said, "7 (a\\u{1b}): 3, all, -, 2026-11-29 20:03:11Z.");
    }
}
