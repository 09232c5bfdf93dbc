//! The rules of the house that a machine can check by reading: what every file has to have, and who may know whom
//! (the layers in `ARCHITECTURE.md`). Runs with the other tests and, since it needs only the standard library, alone
//! in `make lint`. It must not become a second linter: what clippy can see, clippy checks.

use std::path::{Path, PathBuf};

/// A room and what its code must not name.
struct Room {
    path: &'static str,
    may_not_name: &'static [&'static str],
}

const ROOMS: [Room; 8] = [
    Room {
        path: "src/domain",
        may_not_name: &[
            "crate::app",
            "crate::cli",
            "crate::config",
            "crate::http",
            "crate::lifecycle",
            "crate::postgres",
            "crate::service",
            "crate::socket",
            "crate::store",
            "actix",
            "tokio",
            "async fn",
            "now_utc",
            "SystemTime::now",
            "Instant::now",
        ],
    },
    Room {
        path: "src/http",
        may_not_name: &[
            "crate::store",
            "crate::socket",
            "crate::postgres",
            "tokio_postgres",
        ],
    },
    Room {
        path: "src/socket",
        may_not_name: &["crate::store", "crate::http", "crate::postgres", "tokio_postgres"],
    },
    Room {
        path: "src/service",
        may_not_name: &[
            "actix_web",
            "actix_http",
            "crate::http",
            "crate::socket",
            "tokio_postgres",
        ],
    },
    Room {
        path: "src/store",
        may_not_name: &["actix", "crate::service", "crate::http", "crate::socket"],
    },
    Room {
        path: "src/postgres",
        may_not_name: &[
            "tokio",
            "crate::config",
            "crate::store",
            "crate::service",
            "crate::app",
            "crate::domain",
        ],
    },
    Room {
        path: "actors/src/logic",
        may_not_name: &["actix", "tokio", "crate::runtime", "Instant::now"],
    },
    Room {
        path: "actors/src/protocol",
        may_not_name: &["actix", "tokio", "crate::runtime", "crate::logic"],
    },
];

/// Where hand-written Rust is.
const SOURCES: [&str; 5] = ["src", "actors/src", "loadtest/src", "tests", "actors/tests"];

/// Names for a drawer in which things are lost.
const DRAWERS: [&str; 6] = ["utils", "util", "common", "manager", "helpers", "misc"];

const LONGEST_FILE: usize = 300;

/// `#![…]` lines of a crate root may come before what the file says about itself; nothing else may.
#[test]
fn every_file_says_first_what_lives_in_it() {
    let silent = files().into_iter().filter(|file| {
        let text = read(file);
        !text
            .lines()
            .find(|line| !line.starts_with("#!["))
            .is_some_and(|line| line.starts_with("//!"))
    });
    assert_none("begin with a //! that says what lives here", silent);
}

#[test]
fn no_file_is_longer_than_300_lines() {
    let long = files()
        .into_iter()
        .filter(|file| read(file).lines().count() > LONGEST_FILE);
    assert_none(
        "are longer than 300 lines: give a part of them a file and a name of its own",
        long,
    );
}

#[test]
fn no_file_is_a_drawer() {
    let drawers = files().into_iter().filter(|file| {
        file.components().any(|part| {
            let name = Path::new(part.as_os_str())
                .file_stem()
                .and_then(|stem| stem.to_str());
            name.is_some_and(|name| DRAWERS.contains(&name))
        })
    });
    assert_none("are named like a drawer: name them after what they hold", drawers);
}

#[test]
fn every_room_knows_only_whom_it_may() {
    let mut strangers = Vec::new();
    for Room { path, may_not_name } in &ROOMS {
        for file in files_of_room(path) {
            let text = read(&file);
            for (number, line) in code(&text) {
                let named = may_not_name.iter().filter(|name| names(line, name));
                strangers.extend(named.map(|name| format!("{}:{number}: {name}", file.display())));
            }
        }
    }
    assert_none("name what their room must not know", strangers);
}

#[test]
fn the_deprecated_socket_library_is_named_in_one_file_only() {
    let files: Vec<_> = files()
        .into_iter()
        .filter(|file| !file.starts_with("tests") && read(file).contains("actix_web_actors::"))
        .collect();
    assert!(files.len() <= 1, "actix_web_actors is named in {files:?}");
}

fn assert_none<T: std::fmt::Debug>(complaint: &str, offenders: impl IntoIterator<Item = T>) {
    let offenders: Vec<T> = offenders.into_iter().collect();
    assert!(offenders.is_empty(), "these {complaint}: {offenders:#?}");
}

fn root() -> PathBuf {
    // Read at run time as well, so that a checkout can be moved.
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()))
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every Rust file, by its path from the root of the checkout.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for source in SOURCES {
        collect(&root().join(source), &mut found);
    }
    assert!(
        !found.is_empty(),
        "no source was found under {}",
        root().display()
    );
    found
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(
                path.strip_prefix(root())
                    .expect("it was found under the root")
                    .to_owned(),
            );
        }
    }
}

/// The files of a room without its tests, which may stage what the room itself must not know.
fn files_of_room(room: &str) -> Vec<PathBuf> {
    let is_test = |file: &Path| {
        let stem = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        stem == "tests"
            || stem.ends_with("_tests")
            || file.components().any(|part| part.as_os_str() == "tests")
    };
    let of_room = |file: &Path| file.starts_with(room) || file == Path::new(&format!("{room}.rs"));
    files()
        .into_iter()
        .filter(|file| of_room(file) && !is_test(file))
        .collect()
}

/// The numbered lines of code: no comments, and nothing from the test module at the end on.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines())
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number, line.split("//").next().unwrap_or(line)))
}

/// Whether `line` names `name` and not something that merely ends in it.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|one| one.is_alphanumeric() || one == '_')
    })
}

#[test]
fn a_name_is_found_as_a_word_and_not_in_a_comment() {
    assert!(names("use actix_web::web;", "actix"));
    assert!(!names("let my_actix = 1;", "actix"));
    let text = "use a;\n// use b;\nuse c; // d\n#[cfg(test)]\nmod tests {}\n";
    assert_eq!(code(text).collect::<Vec<_>>(), [(1, "use a;"), (3, "use c; ")]);
}
