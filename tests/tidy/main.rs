//! The house rules that a program can check by reading the sources: allowed dependencies, no circles, the shape of
//! files, and plain words.
//!
//! This program runs with the other tests. It also runs alone in `make lint`, because it needs only the standard
//! library. It must not become a second linter: rules that clippy can check are left to clippy.
//! `cargo test --test tidy -- report --nocapture` prints figures.

mod circles;
mod layers;
mod references;
mod report;
mod shape;
mod source;
mod words;
mod workspace;

use std::sync::OnceLock;

use workspace::{File, Workspace};

/// The project, read once for all rules.
fn workspace() -> &'static Workspace {
    static READ: OnceLock<Workspace> = OnceLock::new();
    READ.get_or_init(Workspace::read)
}

/// The names of rules, each with the rooms that do not keep the rule yet. A room is the start of a path.
const NOT_YET: &[(&str, &[&str])] = &[];

/// Fails if a rule is broken outside the rooms of [`NOT_YET`]. With `TIDY_ALL` set, also prints the violations inside
/// them.
#[track_caller]
fn holds(rule: &str, wrong: &[String]) {
    let rooms = NOT_YET.iter().find(|(name, _)| *name == rule).map_or(&[][..], |(_, rooms)| rooms);
    let (later, now): (Vec<&String>, Vec<&String>) = wrong
        .iter()
        .partition(|wrong| rooms.iter().any(|room| wrong.starts_with(room) || in_circle(wrong, room)));
    if std::env::var_os("TIDY_ALL").is_some() {
        for line in later {
            println!("{rule}: {line}");
        }
    }
    let lines: Vec<&str> = now.iter().map(|line| line.as_str()).collect();
    assert!(now.is_empty(), "{} times:\n{}", now.len(), lines.join("\n"));
}

/// Whether this line reports a circle with a file of this room. Such a line contains the paths of its files; every
/// other line begins with the path of its file.
fn in_circle(wrong: &str, room: &str) -> bool {
    wrong.starts_with("circle of") && wrong.contains(room)
}

fn every(rule: impl Fn(&File) -> Option<String>) -> Vec<String> {
    workspace().files.iter().filter_map(rule).collect()
}

#[test]
fn layers_know_only_what_they_may() {
    holds("layers", &layers::violations(workspace()));
}

#[test]
fn manifests_list_only_what_their_layer_may_know() {
    holds("manifests", &layers::manifest_violations(workspace()));
}

#[test]
fn no_file_reaches_itself() {
    let circles = report::all_circles(workspace());
    holds("circles", &circles.iter().map(|circle| circle.shown(60)).collect::<Vec<_>>());
}

#[test]
fn sql_is_written_in_the_store_only() {
    holds("sql", &shape::sql(&workspace().files));
}

#[test]
fn every_file_says_what_it_is() {
    holds("header", &every(shape::without_header));
}

#[test]
fn no_file_is_too_long() {
    holds("length", &every(shape::too_long));
}

#[test]
fn no_file_is_a_drawer() {
    holds("drawer", &every(shape::drawer));
}

#[test]
fn pure_rules_ask_no_clock_and_do_not_wait() {
    holds("pure", &every(shape::impure));
}

#[test]
fn every_file_belongs_to_a_module() {
    holds("unreached", &shape::unreached(workspace()));
}

#[test]
fn every_room_has_a_sign() {
    holds("sign", &shape::rooms_without_sign(workspace()));
}

#[test]
fn the_deprecated_context_is_named_in_one_file() {
    let naming = layers::naming_the_context(&workspace().files);
    assert_eq!(naming.len(), 1, "{naming:?}");
}

#[test]
fn comments_pages_and_texts_use_plain_words() {
    holds("words", &words::pronouns(workspace()));
}

#[test]
fn names_are_plain_words() {
    holds("names", &words::pronoun_names(workspace()));
}

#[test]
fn report() {
    println!("{}", report::report(workspace()));
}
