//! `config init` writes a file of settings. For production, the operator must fill in some lines.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{DATABASE, Place};

fn secrets(text: &str) -> Vec<&str> {
    let names = ["JWT_SECRET_KEY=", "CSRF_SECRET_KEY=", "DATA_ENCRYPTION_KEY="];
    names.iter().filter_map(|name| text.lines().find_map(|line| line.strip_prefix(name))).collect()
}

#[test]
fn a_file_for_development_needs_no_change_and_only_its_owner_can_read_it() {
    let place = Place::new();
    place.run(&["config", "init", "development"], &[]).succeeded();
    let file = place.path().join(".env");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "no other file is left");
    let checked = place.check().succeeded();
    assert_eq!(checked.err, "");
    assert_eq!(place.shown("ENVIRONMENT", &[], &[])["value"], "development");
}

#[test]
fn config_check_names_the_lines_of_a_production_file_that_must_be_filled_in() {
    let place = Place::new();
    let written = place.run(&["config", "init", "production"], &[]).succeeded();
    assert!(written.out.contains("DOMAIN, DATABASE_URL"), "{}", written.out);
    let file = place.path().join(".env");
    let text = fs::read_to_string(&file).unwrap();
    let line = |start: &str| 1 + text.lines().position(|line| line.starts_with(start)).expect("a line");
    let checked = place.check();
    assert_eq!(checked.code, Some(78));
    let path = file.display();
    let mut problems = checked.problems();
    problems.sort_unstable();
    assert_eq!(
        problems,
        [
            format!("DATABASE_URL: must be filled in (set in {path}, line {})", line("DATABASE_URL=")),
            format!("DOMAIN: must be filled in (set in {path}, line {})", line("DOMAIN=")),
        ]
    );
    let filled = text
        .replace("DOMAIN=FILL_IN", "DOMAIN=chat.example.org")
        .replace("DATABASE_URL=FILL_IN", &format!("DATABASE_URL={DATABASE}"));
    place.write(".env", &filled);
    let warnings = place.check().succeeded().err;
    assert!(
        warnings.starts_with("warning: SMTP_URL: missing") && warnings.lines().count() == 1,
        "{warnings}"
    );
}

#[test]
fn an_existing_file_is_replaced_only_with_force() {
    let place = Place::new();
    place.write("settings.env", "DOMAIN=chat.example.org\n");
    let command = ["config", "init", "production", "--output", "settings.env"];
    let refused = place.run(&command, &[]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.err.contains("settings.env exists already") && refused.err.contains("--force"),
        "{}",
        refused.err
    );
    let file = place.path().join("settings.env");
    assert_eq!(fs::read_to_string(&file).unwrap(), "DOMAIN=chat.example.org\n");
    place.set_mode("settings.env", 0o644);
    place.run(&[&command[..], &["--force"]].concat(), &[]).succeeded();
    assert_eq!(secrets(&fs::read_to_string(&file).unwrap()).len(), 3);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn settings_on_standard_output_have_fresh_secrets_and_no_file_is_written() {
    let place = Place::new();
    let print = || place.run(&["config", "init", "production", "--output", "-"], &[]).succeeded().out;
    let (first, second) = (print(), print());
    let all: std::collections::HashSet<_> = secrets(&first).into_iter().chain(secrets(&second)).collect();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|secret| secret.len() >= 43));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_cannot_be_read_as_settings_can_be_replaced() {
    let place = Place::new();
    place.write(".env", "no assignment\n");
    place.run(&["config", "init", "development", "--force"], &[]).succeeded();
    place.check().succeeded();
}
