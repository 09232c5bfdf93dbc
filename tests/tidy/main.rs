//! The rules of this project that a program can check by reading the sources: allowed dependencies, no circles, the shape of
//! files, and plain words.
//!
//! This program runs with the other tests. It also runs alone in `make lint`, because it needs only the standard
//! library. It must not become a second linter: rules that clippy can check are left to clippy.
//! `cargo test --test tidy -- report --nocapture` prints figures.

mod circles;
mod evidence;
mod layers;
mod links;
mod metrics;
mod migrations;
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

/// The names of rules, each with the folders that do not keep the rule yet. A folder is the start of a path.
const NOT_YET: &[(&str, &[&str])] = &[];

/// Fails if a rule is broken outside the folders of [`NOT_YET`]. With `TIDY_ALL` set, also prints the violations inside these
/// folders.
#[track_caller]
fn holds(rule: &str, wrong: &[String]) {
    let folders = NOT_YET.iter().find(|(name, _)| *name == rule).map_or(&[][..], |(_, folders)| folders);
    let (later, now): (Vec<&String>, Vec<&String>) = wrong.iter().partition(|wrong| {
        folders.iter().any(|folder| wrong.starts_with(folder) || in_circle(wrong, folder))
    });
    if std::env::var_os("TIDY_ALL").is_some() {
        for line in later {
            println!("{rule}: {line}");
        }
    }
    let lines: Vec<&str> = now.iter().map(|line| line.as_str()).collect();
    assert!(now.is_empty(), "the rule `{rule}` is broken {} times:\n{}", now.len(), lines.join("\n"));
}

/// Whether this line reports a circle with a file of this folder. Such a line contains the paths of its files; every other line
/// begins with the path of its file.
fn in_circle(wrong: &str, folder: &str) -> bool {
    wrong.starts_with("circle of") && wrong.contains(folder)
}

fn every(rule: impl Fn(&File) -> Option<String>) -> Vec<String> {
    workspace().files.iter().filter_map(rule).collect()
}

#[test]
fn layers_name_only_allowed_layers_and_crates() {
    holds("layers", &layers::violations(workspace()));
}

#[test]
fn manifests_list_only_allowed_dependencies() {
    holds("manifests", &layers::manifest_violations(workspace()));
}

#[test]
fn the_table_of_layers_names_only_what_exists() {
    holds("table of layers", &layers::dead_entries(&workspace().files));
}

#[test]
fn no_file_depends_on_itself_through_other_files() {
    let circles = report::all_circles(workspace());
    holds("circles", &circles.iter().map(|circle| circle.shown(60)).collect::<Vec<_>>());
}

#[test]
fn sql_is_written_in_the_store_only() {
    holds("sql", &shape::sql(&workspace().files));
}

#[test]
fn every_file_has_a_header() {
    holds("header", &every(shape::without_header));
}

#[test]
fn no_file_is_too_long() {
    holds("length", &every(shape::too_long));
}

#[test]
fn no_file_has_a_vague_name() {
    holds("name", &every(shape::vague_name));
}

#[test]
fn pure_rules_read_no_clock_and_do_not_wait() {
    holds("pure", &every(shape::impure));
}

#[test]
fn every_file_belongs_to_a_module() {
    holds("unreached", &shape::unreached(workspace()));
}

#[test]
fn every_source_folder_has_a_root_file() {
    holds("root", &shape::folders_without_root_file(workspace()));
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
fn every_metric_is_explained_and_every_alert_uses_a_metric() {
    holds("metrics", &metrics::undocumented(workspace()));
    holds("alerts", &metrics::alerts_unexplained(workspace()));
}

#[test]
fn a_migration_takes_the_locks_that_keep_readers_out_last() {
    holds("locks of migrations", &migrations::early_locks());
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    holds("links", &links::broken(workspace()));
}

#[test]
fn every_test_that_the_evidence_names_exists() {
    holds("evidence", &evidence::missing_tests(workspace()));
}

#[test]
fn report() {
    println!("{}", report::report(workspace()));
}
