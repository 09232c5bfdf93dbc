//! Plain words: comments, pages and texts name the things of the system and use no pronouns for persons.
//!
//! "The connection", "the caller", "the peer" and "this node" name a thing of the system. "Who" does not.

use super::workspace::Workspace;

const PRONOUNS: [&str; 8] =
    ["who", "whoever", "whom", "whomever", "nobody", "somebody", "anybody", "everybody"];

/// A place where a pronoun is permitted.
struct Exception {
    /// The start of a path.
    path: &'static str,
    /// A part of the line.
    text: &'static str,
}

/// The files of these rules, and names from other systems.
const ALLOWED: &[Exception] = &[
    Exception { path: "tests/tidy/", text: "" },
    // The user `nobody` of the operating system.
    Exception { path: "src/postgres/", text: "nobody" },
];

/// Every line of a comment, page or string that contains one of the words. Strings of tests are not checked.
pub(crate) fn pronouns(workspace: &Workspace) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in &workspace.files {
        let comments = file.source.comments.iter();
        let strings = file.source.strings.iter().filter(|text| !file.test && !text.in_test);
        for text in comments.chain(strings) {
            check(&file.path, text.line, &text.text, &mut wrong);
        }
    }
    for (path, text) in &workspace.pages {
        check(path, 1, checked_part(path, text), &mut wrong);
    }
    wrong
}

/// Every name in the code that contains one of the words. Test code is not checked.
pub(crate) fn pronoun_names(workspace: &Workspace) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in workspace.files.iter().filter(|file| !file.test && !file.path.starts_with("tests/")) {
        for (number, line) in file.source.code.lines().enumerate() {
            let names = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let found = names.filter(|name| name_parts(name).any(|part| PRONOUNS.contains(&part.as_str())));
            wrong.extend(found.map(|name| format!("{}:{}: {name}", file.path, number + 1)));
        }
    }
    wrong
}

/// The words of a name in `snake_case` or `CamelCase`, in lower case.
fn name_parts(name: &str) -> impl Iterator<Item = String> {
    let (mut parts, mut after_lower) = (vec![String::new()], false);
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && after_lower) {
            parts.push(String::new());
        }
        after_lower = c.is_lowercase();
        if let Some(last) = parts.last_mut().filter(|_| c != '_') {
            last.extend(c.to_lowercase());
        }
    }
    parts.into_iter()
}

/// The part of a page that is checked. Of the change log, this is only the part above the second heading, because entries of
/// releases are not rewritten.
fn checked_part<'t>(path: &str, text: &'t str) -> &'t str {
    if !path.ends_with("CHANGELOG.md") {
        return text;
    }
    let second = text.match_indices("\n## ").nth(1);
    second.map_or(text, |(at, _)| &text[..at])
}

fn check(path: &str, first_line: usize, text: &str, wrong: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        let found = words.filter(|word| PRONOUNS.contains(&word.to_lowercase().as_str()));
        for word in found {
            let excepted =
                |exception: &&Exception| path.starts_with(exception.path) && line.contains(exception.text);
            if !ALLOWED.iter().any(|exception| excepted(&exception)) {
                wrong.push(format!("{path}:{}: \"{word}\" in: {}", first_line + number, line.trim()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        pronouns(&Workspace::of(&[("src/lib.rs", "//! Root.\n"), (path, text)])).len()
    }

    #[test]
    fn pronouns_are_found_in_comments_and_texts() {
        assert_eq!(found("src/a.rs", "//! Whoever calls.\n"), 1);
        assert_eq!(found("src/a.rs", "/// Nobody waits,\n/// who is late.\nfn f() {}"), 2);
        assert_eq!(found("src/a.rs", "fn f() { warn(r#\"somebody came\"#) }"), 1);
        assert_eq!(found("src/a.rs", "fn f() { warn(\"one\n     who came\") }"), 1);
        assert_eq!(found("src/a.rs", "#[cfg(test)]\nmod tests { fn f() { say(\"who\") } // who?\n}"), 1);
        assert_eq!(found("tests/it/a.rs", "fn f() { say(\"nobody@example.com\") }"), 0);
        assert_eq!(found("src/a.rs", "fn who() { whole(\"whole\") } // The whole.\n"), 0);
    }

    #[test]
    fn pronouns_are_found_in_names() {
        let found = |code: &str| pronoun_names(&Workspace::of(&[("src/lib.rs", code)])).len();
        for name in [
            "fn who() {}",
            "struct WhoElse;",
            "let by_whom = 1;",
            "struct ForNobodyElse;",
            "const NOBODY: u8 = 0;",
        ] {
            assert_eq!(found(name), 1, "{name}");
        }
        for name in ["fn whole() {}", "// who", "const W: &str = \"who\";", "#[test]\nfn who_may() {}"] {
            assert_eq!(found(name), 0, "{name}");
        }
    }

    #[test]
    fn old_entries_of_the_change_log_are_not_checked() {
        let log = "# Log\n\n## New\n\nwho\n\n## Old\n\nwho\n";
        assert_eq!(checked_part("CHANGELOG.md", log).matches("who").count(), 1);
        assert_eq!(checked_part("README.md", log), log);
    }
}
