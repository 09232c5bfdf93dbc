//! The shape of files: each has a header, a limited length, a name that describes its contents, and a module that declares it.
//! Pure rules read no clock and do not wait, and SQL is only in the store.

use std::collections::BTreeSet;

use super::workspace::{File, Workspace};

/// The longest file, in lines.
pub(crate) const MAX_LINES: usize = 500;

/// Names that do not say what a file or folder contains.
const VAGUE_NAMES: [&str; 7] = ["utils", "util", "common", "manager", "helper", "helpers", "misc"];

/// Code that must not occur in rules without I/O: the time is an argument there, and nothing waits.
const IMPURE: [&str; 7] =
    ["now_utc", "now_local", "SystemTime::now", "Instant::now", "async fn", "async move", ".await"];

/// The folders of the rules without I/O.
const PURE: [&str; 3] = ["src/domain/", "actors/src/logic/", "protocol/src/"];

/// A report if the file does not begin with a description of its contents.
pub(crate) fn without_header(file: &File) -> Option<String> {
    (!file.source.text.starts_with("//!")).then(|| format!("{}: does not begin with `//!`", file.path))
}

/// A report if the file is too long.
pub(crate) fn too_long(file: &File) -> Option<String> {
    let lines = file.source.text.lines().count();
    (lines > MAX_LINES).then(|| format!("{}: has {lines} lines", file.path))
}

/// A report if the file or a folder of its path has one of the names in [`VAGUE_NAMES`].
pub(crate) fn vague_name(file: &File) -> Option<String> {
    let named = file.path.split(['/', '.']).any(|part| VAGUE_NAMES.contains(&part));
    named.then(|| format!("{}: name it after its contents", file.path))
}

/// A report if the file has rules without I/O, and reads a clock or waits.
pub(crate) fn impure(file: &File) -> Option<String> {
    if file.test || !PURE.iter().any(|place| file.path.starts_with(place)) {
        return None;
    }
    let call = IMPURE.iter().find(|call| has_word(&file.source.code, call))?;
    Some(format!("{}: has `{call}`", file.path))
}

/// Whether the code contains `words`, and not only as the beginning of a longer word.
fn has_word(code: &str, words: &str) -> bool {
    code.match_indices(words).any(|(at, _)| {
        let after = code[at + words.len()..].chars().next();
        !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Files of a crate that no module declares: the compiler never sees them.
pub(crate) fn unreached(workspace: &Workspace) -> Vec<String> {
    let in_crate = |file: &&File| {
        let sources = file.path.starts_with("src/") || file.path.contains("/src/");
        sources && !file.reached && !file.path.starts_with("tests/")
    };
    let files = workspace.files.iter().filter(in_crate);
    files.map(|file| format!("{}: no module declares it", file.path)).collect()
}

/// Source folders without a root file: a `mod.rs`, or the root file of a crate.
pub(crate) fn folders_without_root_file(workspace: &Workspace) -> Vec<String> {
    let reached = workspace.files.iter().filter(|file| file.reached);
    let folders: BTreeSet<&str> = reached.filter_map(|file| Some(file.path.rsplit_once('/')?.0)).collect();
    let has = |folder: &str, name: &str| workspace.index(&format!("{folder}/{name}")).is_some();
    let without = folders.into_iter().filter(|folder| {
        !folder.ends_with("fuzz_targets")
            && !["mod.rs", "lib.rs", "main.rs"].iter().any(|name| has(folder, name))
    });
    without.map(|folder| format!("{folder}/: has no mod.rs")).collect()
}

/// The words of an SQL statement, in upper case and in this order. Other words may stand between them.
const STATEMENTS: [&[&str]; 14] = [
    &["SELECT", "FROM"],
    &["INSERT", "INTO"],
    &["UPDATE", "SET"],
    &["DELETE", "FROM"],
    &["CREATE", "DATABASE"],
    &["CREATE", "TABLE"],
    &["CREATE", "INDEX"],
    &["ALTER", "TABLE"],
    &["DROP", "TABLE"],
    &["TRUNCATE"],
    &["LOCK", "TABLE"],
    &["SELECT", "1"],
    &["LISTEN"],
    &["NOTIFY"],
];

/// SQL statements outside the store. The code that starts the private PostgreSQL server (`src/postgres/`) may have one.
pub(crate) fn sql(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut launching = 0;
    for file in files {
        let ours = file.path.starts_with("src/") || file.path.contains("/src/");
        if !ours || file.test || file.path.starts_with("src/store/") {
            continue;
        }
        for text in file.source.strings.iter().filter(|text| !text.in_test && is_statement(&text.text)) {
            let launches = file.path.starts_with("src/postgres/");
            launching += usize::from(launches);
            if !launches || launching > 1 {
                let first = text.text.lines().next().unwrap_or_default();
                wrong.push(format!("{}:{}: SQL: {first}", file.path, text.line));
            }
        }
    }
    wrong
}

/// Whether a text contains the words of a statement in order. A statement of one word must be the first word of the text.
fn is_statement(text: &str) -> bool {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    STATEMENTS.iter().any(|statement| {
        let mut rest = words.iter();
        let in_order = statement.iter().all(|wanted| rest.any(|word| word == wanted));
        in_order && (statement.len() > 1 || words.first() == Some(&statement[0]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, text: &str) -> Workspace {
        Workspace::of(&[(path, text)])
    }

    #[test]
    fn statements_are_found_in_every_kind_of_text() {
        for statement in [
            r#"fn f() { run("SELECT a FROM b") }"#,
            r##"fn f() { run(r#"SELECT a FROM b"#) }"##,
            "fn f() { run(\"\\\n    SELECT a,\n    b FROM c\") }",
            r#"fn f() { format!("WITH x AS (SELECT a FROM b) UPDATE c SET d = 1") }"#,
            r#"fn f() { run("LISTEN revocations") }"#,
        ] {
            assert_eq!(sql(&one("src/http/a.rs", statement).files).len(), 1, "{statement}");
            assert_eq!(sql(&one("src/store/a.rs", statement).files).len(), 0, "{statement}");
            let tests = format!("#[cfg(test)]\nmod tests {{ {statement} }}");
            assert_eq!(sql(&one("src/http/a.rs", &tests).files).len(), 0, "{tests}");
        }
        let two = r#"fn f() { run("CREATE DATABASE a"); run("SELECT 1") }"#;
        assert_eq!(sql(&one("src/postgres/a.rs", two).files).len(), 1);
        assert!(sql(&one("src/http/a.rs", r#"fn f() { say("Select one from the list") }"#).files).is_empty());
    }

    #[test]
    fn unwanted_shapes_are_found() {
        let found =
            |path: &str, text: &str, rule: fn(&File) -> Option<String>| rule(&one(path, text).files[0]);
        assert!(found("src/a.rs", "fn f() {}", without_header).is_some());
        assert!(found("src/a.rs", "//! A.\nfn f() {}", without_header).is_none());
        assert!(found("tests/it/a.rs", &"\n".repeat(501), too_long).is_some());
        assert!(found("tests/it/a.rs", &"\n".repeat(500), too_long).is_none());
        assert!(found("src/http/helpers.rs", "", vague_name).is_some());
        assert!(found("src/utils/a.rs", "", vague_name).is_some());
        assert!(found("src/http/answer.rs", "", vague_name).is_none());
        assert!(found("src/domain/a.rs", "fn f() { Instant::now() }", impure).is_some());
        assert!(found("protocol/src/a.rs", "async fn f() {}", impure).is_some());
        assert!(found("src/service/a.rs", "async fn f() {}", impure).is_none());
        assert!(found("src/domain/a.rs", "fn f() { state.awaiting() }", impure).is_none());
        assert!(found("src/domain/a.rs", "#[test]\nfn f() { Instant::now() }", impure).is_none());
    }

    #[test]
    fn files_without_a_module_and_folders_without_a_root_file_are_found() {
        let workspace = Workspace::of(&[
            ("src/lib.rs", "mod a;\nmod b;"),
            ("src/a/mod.rs", "mod c;"),
            ("src/a/c.rs", ""),
            ("src/b.rs", "pub(in crate::a) mod d;"),
            ("src/b/d.rs", ""),
            ("src/forgotten.rs", ""),
        ]);
        assert_eq!(unreached(&workspace), ["src/forgotten.rs: no module declares it"]);
        assert_eq!(folders_without_root_file(&workspace), ["src/b/: has no mod.rs"]);
    }
}
