//! The rules of the house that a machine can check by reading: who may know whom, and what every file has to have.
//!
//! The rule is the table [`RULES`]; its picture is in `ARCHITECTURE.md`. Runs with the other tests and, since it needs
//! only the standard library, alone in `make lint`. It must not become a second linter: what clippy can see, clippy checks.

mod rules;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use rules::{EVERY_ROOM, KINDS, RULES, Rule};

/// Names for a drawer in which things are lost.
const DRAWERS: [&str; 6] = ["utils", "util", "common", "manager", "helpers", "misc"];

/// What pure rules must not ask: the time is an argument.
const CLOCKS: [&str; 4] = ["now_utc", "SystemTime::now", "Instant::now", "async fn"];

fn source_root() -> PathBuf {
    // Read at run time as well, so that a checkout can be moved.
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()))
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for root in ["src", "actors/src", "loadtest/src", "tests"] {
        collect(&source_root().join(root), &mut files);
    }
    assert!(files.len() > 100, "the sources were not found");
    files
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory of sources").flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "node_modules") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(source_root()).expect("a file of ours").to_string_lossy().into_owned()
}

fn is_test(file: &str) -> bool {
    file.ends_with("tests.rs") || file.contains("/tests/") || file.ends_with("properties.rs")
}

/// The code of a file without comments, texts and its test module.
fn code(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            break;
        }
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

/// The rule for a file: that of the longest room that it lies in.
fn rule_for(file: &str) -> Option<&'static Rule> {
    let lies_in =
        |room: &str| file == room || file.strip_prefix(room).is_some_and(|rest| rest.starts_with('/'));
    RULES.iter().filter(|rule| lies_in(rule.room)).max_by_key(|rule| rule.room.len())
}

/// The first names after `root::`, groups such as `root::{a, b::c}` included.
fn names_under(code: &str, root: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let pattern = format!("{root}::");
    for (at, _) in code.match_indices(&pattern) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + pattern.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(heads(group)),
            None => names.extend(head(rest)),
        }
    }
    names
}

fn head(path: &str) -> Option<String> {
    let name: String = path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The first names of a group's members, up to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.extend(head(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(head(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// Whether the code names this crate: in a `use`, or as the root of a path.
fn names_crate(code: &str, name: &str) -> bool {
    code.contains(&format!("use {name};")) || !names_under(code, name).is_empty()
}

/// What the file names and must not.
fn violations(file: &str, text: &str) -> Vec<String> {
    let Some(rule) = rule_for(file) else {
        return vec![format!("{file}: no rule says what it may know")];
    };
    let code = code(text);
    let mut wrong = Vec::new();
    for room in names_under(&code, "crate") {
        let known = EVERY_ROOM.contains(&room.as_str())
            || ["runtime", "logic", "protocol", "id", "close", "audit"].contains(&room.as_str());
        if known && !rule.rooms.contains(&room.as_str()) {
            wrong.push(format!("{file} knows crate::{room}"));
        }
    }
    for part in names_under(&code, "portcullis_actors") {
        if !rule.actors.contains(&part.as_str()) {
            wrong.push(format!("{file} knows portcullis_actors::{part}"));
        }
    }
    for (kind, crates) in KINDS {
        for name in crates.iter().filter(|name| !rule.kinds.contains(&kind) && names_crate(&code, name)) {
            wrong.push(format!("{file} knows {name}"));
        }
    }
    wrong
}

#[test]
fn nobody_knows_whom_they_must_not() {
    let mut wrong = Vec::new();
    for path in sources() {
        let file = relative(&path);
        let ruled = file.starts_with("src/") || file.starts_with("actors/src/");
        if ruled && !is_test(&file) {
            wrong.extend(violations(&file, &fs::read_to_string(&path).expect("a source")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rule_catches_what_it_forbids() {
    for (file, code) in [
        ("src/http/auth.rs", "use crate::store::Store;"),
        ("src/http/auth.rs", "use crate::{domain::role::Role, store::Store};"),
        ("src/http/auth.rs", "fn f() { crate::store::go() }"),
        ("src/socket/door.rs", "use crate::http;\nuse crate::http::settings;"),
        ("src/service/sign_in.rs", "use actix_web::web;"),
        ("src/store/users.rs", "use crate::service::Services;"),
        ("src/domain/token.rs", "use tokio::time::sleep;"),
        ("src/domain/token.rs", "use portcullis_actors::{close::Cause, runtime::Outbox};"),
        ("src/socket/pump.rs", "use actix_web_actors::ws;"),
        ("actors/src/logic/session.rs", "use actix::Actor;"),
        ("src/elsewhere/new.rs", ""),
    ] {
        assert_eq!(violations(file, code).len(), 1, "{file}: {code}");
    }
    assert!(
        violations("src/http/auth.rs", "use crate::{domain::{role::Role, store}, service::Caller};")
            .is_empty()
    );
    assert!(violations("src/http/auth.rs", "// use crate::store::Store;").is_empty());
}

#[test]
fn sql_is_written_in_the_store_only() {
    let statements = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];
    for path in sources() {
        let file = relative(&path);
        // The launcher's one statement creates the database.
        let may =
            !file.starts_with("src/") || file.starts_with("src/store") || file.starts_with("src/postgres");
        if may || is_test(&file) {
            continue;
        }
        let code = code(&fs::read_to_string(&path).expect("a source"));
        assert!(
            !statements.iter().any(|statement| code.contains(&format!("\"{statement}"))),
            "{file} writes SQL"
        );
    }
}

#[test]
fn every_file_says_what_it_is_and_fits_on_a_few_screens() {
    let mut wrong = Vec::new();
    for path in sources() {
        let (file, text) = (relative(&path), fs::read_to_string(&path).expect("a source"));
        if !text.starts_with("//!") {
            wrong.push(format!("{file} does not begin with what it is"));
        }
        let lines = text.lines().count();
        if lines > 300 {
            wrong.push(format!("{file} has {lines} lines"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_deprecated_context_is_named_in_one_file() {
    let naming: Vec<_> = sources()
        .iter()
        .filter(|path| !relative(path).starts_with("tests/"))
        .filter(|path| names_crate(&code(&fs::read_to_string(path).expect("a source")), "actix_web_actors"))
        .map(|path| relative(path))
        .collect();
    assert_eq!(naming, ["src/socket/connection.rs"]);
}

#[test]
fn no_file_is_a_drawer() {
    let drawers: Vec<_> = sources()
        .iter()
        .map(|path| relative(path))
        .filter(|file| file.split(['/', '.']).any(|part| DRAWERS.contains(&part)))
        .collect();
    assert!(drawers.is_empty(), "name these after what they hold: {drawers:?}");
}

#[test]
fn pure_rules_ask_no_clock() {
    let pure = ["src/domain/", "actors/src/logic/", "actors/src/protocol/"];
    for path in sources() {
        let file = relative(&path);
        if pure.iter().any(|room| file.starts_with(room)) && !is_test(&file) {
            let code = code(&fs::read_to_string(&path).expect("a source"));
            for clock in CLOCKS {
                assert!(!code.contains(clock), "{file} asks {clock}");
            }
        }
    }
}
