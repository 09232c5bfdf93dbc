//! The sources of settings, and which source takes precedence.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, process::Command};

use super::{CSRF, DATA, DATABASE, Ended, JWT, Place, complete};
use crate::harness::fresh_database;

#[test]
fn the_order_of_precedence_is_environment_then_local_env_then_dot_env() {
    let place = Place::new();
    let higher = place.write("local.env", "WORKERS=2\nSESSIONS_PER_USER=2\n");
    let lowest = place.write(".env", "\nWORKERS=1\nSESSIONS_PER_USER=1\nDEVICES_PER_USER=1\n");
    let shown = |name| place.shown(name, &[], &[("WORKERS", "3")]);
    assert_eq!(
        (&shown("WORKERS")["value"], &shown("WORKERS")["source"]["kind"]),
        (&"3".into(), &"environment".into())
    );
    let middle = shown("SESSIONS_PER_USER");
    assert_eq!(
        (&middle["value"], &middle["source"]["path"], &middle["source"]["line"]),
        (&"2".into(), &higher.into(), &2.into())
    );
    let last = shown("DEVICES_PER_USER");
    assert_eq!(
        (&last["value"], &last["source"]["path"], &last["source"]["line"]),
        (&"1".into(), &lowest.into(), &4.into())
    );
}

#[test]
fn with_files_on_the_command_line_no_other_files_are_read_and_the_last_one_takes_precedence() {
    let place = Place::new();
    place.write(".env", "WORKERS=1\nSESSIONS_PER_USER=1\n");
    place.write("local.env", "WORKERS=2\n");
    place.write("a.env", "WORKERS=3\nDEVICES_PER_USER=3\n");
    place.write("b.env", "WORKERS=4\n");
    for arguments in [
        ["--env-file", "a.env", "config", "show", "--json", "--env-file", "b.env"],
        ["config", "--env-file", "a.env", "show", "--env-file", "b.env", "--json"],
        ["--env-file", "a.env", "--env-file", "b.env", "config", "show", "--json"],
    ] {
        let out = place.run(&arguments, &[]).succeeded().out;
        let facts: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(facts["files"], serde_json::json!(["b.env", "a.env"]));
        let value = |name: &str| {
            let all = facts["settings"].as_array().unwrap();
            all.iter().find(|setting| setting["name"] == name).unwrap()["value"].clone()
        };
        assert_eq!((value("WORKERS"), value("DEVICES_PER_USER")), ("4".into(), "3".into()));
        assert_ne!(value("SESSIONS_PER_USER"), "1", "`.env` is not read");
    }
    let shown = place.shown("WORKERS", &["--env-file", "a.env"], &[("WORKERS", "5")]);
    assert_eq!(shown["value"], "5", "the environment takes precedence over the files of the command line");
}

/// Another user could have put such a file into a directory above the current directory, for example into `/tmp`.
#[test]
fn a_file_that_others_may_change_is_not_read_unless_the_command_line_names_it() {
    let place = Place::new();
    // The first text has wrong lines. Nevertheless, the reported problem is that others may change the file.
    for text in ["WORKERS=x y\nno assignment\n", "WORKERS=7\n"] {
        place.write("local.env", text);
        place.set_mode("local.env", 0o646);
        let check = place.check();
        assert!(
            check.err.contains("local.env: another user owns the file or may change it"),
            "{}",
            check.err
        );
    }
    assert_eq!(place.shown("WORKERS", &["--env-file", "local.env"], &[])["value"], "7");
}

#[test]
fn only_the_nearest_directory_upwards_with_a_file_of_settings_is_read() {
    let place = Place::new();
    place.write(".env", "WORKERS=1\nSESSIONS_PER_USER=7\n");
    place.write("inner/local.env", "DEVICES_PER_USER=7\n");
    std::fs::create_dir_all(place.path().join("inner/deeper")).unwrap();
    let shown = |directory: &str| {
        let directory = place.path().join(directory);
        let output = crate::harness::portcullis_in(&directory, &["config", "show", "--changed"], &[]);
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(shown("inner/deeper").contains("inner/local.env, line 1"));
    assert!(!shown("inner").contains("SESSIONS_PER_USER"), "only one directory counts");
}

#[test]
fn a_source_of_higher_precedence_replaces_the_value_and_the_file_of_a_setting() {
    let place =
        Place::with(&[("API_KEY", "Aa1Bb2Cc3Dd4Ee5Ff6".to_owned()), ("DOMAIN_FILE", "/nowhere".to_owned())]);
    let key = place.write("key", "Gg1Hh2Ii3Jj4Kk5Ll6\n");
    place.write("local.env", &format!("API_KEY_FILE={key}\n"));
    let shown = place.shown("API_KEY", &[], &[]);
    assert_eq!((&shown["source"]["kind"], &shown["source"]["path"]), (&"file".into(), &key.into()));
    assert_eq!(place.shown("DOMAIN", &[], &[("DOMAIN", "chat.example.org")])["value"], "chat.example.org");
}

#[test]
fn an_empty_value_removes_the_value_of_a_source_of_lower_precedence() {
    let place = Place::with(&[("WORKERS", "3".to_owned()), ("SESSIONS_PER_USER", "3".to_owned())]);
    place.write("local.env", "WORKERS=\n");
    assert_eq!(place.shown("WORKERS", &[], &[])["source"]["kind"], "default");
    assert_eq!(
        place.shown("SESSIONS_PER_USER", &[], &[("SESSIONS_PER_USER", "")])["source"]["kind"],
        "default"
    );
}

#[test]
fn a_systemd_credential_sets_the_setting_of_its_name_in_upper_lower_or_mixed_case() {
    let place = Place::with(&[("DOMAIN", "chat.example.org".to_owned())]);
    for (name, value) in [
        ("jwt_secret_key", JWT),
        ("CSRF_SECRET_KEY", CSRF),
        ("Data_Encryption_Key", DATA),
        ("database_url", DATABASE),
        ("smtp_url", "smtps://mail.example.org"),
    ] {
        place.write(&format!("credentials/{name}"), &format!("{value}\n"));
    }
    place.write("credentials/another_program", "1");
    let directory = place.path().join("credentials");
    let environment = [("CREDENTIALS_DIRECTORY", directory.to_str().unwrap())];
    let checked = place.run(&["config", "check"], &environment).succeeded();
    assert_eq!(checked.err, "");
    let shown = place.shown("JWT_SECRET_KEY", &[], &environment);
    assert_eq!(shown["source"]["kind"], "systemd_credential");
    assert!(shown["value"].is_null());
}

#[test]
fn a_setting_with_a_systemd_credential_and_another_source_is_a_problem() {
    let directory = |place: &Place| place.path().join("credentials").to_str().unwrap().to_owned();
    let place = Place::with(&complete());
    let credential = place.write("credentials/jwt_secret_key", JWT);
    let checked = place.run(&["config", "check"], &[("CREDENTIALS_DIRECTORY", &directory(&place))]);
    checked.refused(&format!("JWT_SECRET_KEY: given twice, also as systemd credential {credential}"));
    let place = Place::with(&complete());
    place.write("credentials/api_key", "Aa1Bb2Cc3Dd4Ee5Ff6");
    place.write("credentials/API_KEY", "Aa1Bb2Cc3Dd4Ee5Ff7");
    let checked = place.run(&["config", "check"], &[("CREDENTIALS_DIRECTORY", &directory(&place))]);
    checked.refused("API_KEY: given twice, as systemd credential ");
}

#[test]
fn a_systemd_credential_for_a_setting_that_is_a_path_is_the_file_itself() {
    let place = Place::with(&complete());
    let channels = place.write("credentials/channels_file", "[namespaces.news]\n");
    let directory = place.path().join("credentials");
    let environment = [("CREDENTIALS_DIRECTORY", directory.to_str().unwrap())];
    assert_eq!(place.shown("CHANNELS_FILE", &[], &environment)["value"], channels);
    assert!(place.run(&["config", "check"], &environment).succeeded().out.contains("news"));
}

#[test]
fn a_systemd_credential_with_a_misspelt_name_causes_a_warning_unless_a_variable_has_its_path() {
    let place = Place::with(&complete());
    let named = place.write("credentials/jwt_previous", "Aa1Bb2Cc3Dd4Ee5Ff6Gg7Hh8Ii9Jj0Kk1Ll2");
    place.write("credentials/jwt_secret_keys", JWT);
    let directory = place.path().join("credentials");
    let environment = [
        ("CREDENTIALS_DIRECTORY", directory.to_str().unwrap()),
        ("JWT_PREVIOUS_SECRET_KEYS_FILE", named.as_str()),
    ];
    let checked = place.run(&["config", "check"], &environment).succeeded();
    let warnings: Vec<_> = checked.err.lines().collect();
    assert!(
        warnings.len() == 1 && warnings[0].contains("JWT_SECRET_KEYS: there is no such setting"),
        "{warnings:?}"
    );
}

#[test]
fn a_file_that_cannot_be_used_is_never_ignored() {
    let place = Place::with(&complete());
    place.write("local.env", "no assignment\nAPI_KEY='open secret\n");
    let checked = place.check();
    let path = place.path().join("local.env");
    assert_eq!(
        checked.problems(),
        [
            format!("{}: line 1 is not of the form NAME=value", path.display()),
            format!(
                "{}: line 2: the value of API_KEY needs quotation marks, or has a wrong one",
                path.display()
            ),
        ]
    );
    assert!(!checked.err.contains("open secret"));
    for command in
        [&["serve"][..], &["user", "list"], &["user", "list", "--database-url", DATABASE], &["dev"]]
    {
        let ended = place.run(command, &[]);
        assert_eq!(ended.code, Some(78), "{command:?}: {}", ended.err);
        assert!(ended.err.contains("local.env: line 1"), "{}", ended.err);
    }
    let missing = place.run(&["--env-file", "missing.env", "config", "check"], &[]);
    assert!(
        missing.problems().contains(&"missing.env: the file cannot be read (entity not found)"),
        "{}",
        missing.err
    );
}

#[test]
fn the_user_commands_use_the_database_that_a_file_names() {
    let database = fresh_database();
    let place =
        Place::with(&[("DATABASE_URL", super::url(&database)), ("ENVIRONMENT", "development".to_owned())]);
    place.run(&["user", "create", "ops@example.com"], &[]).succeeded();
    assert!(place.run(&["user", "list"], &[]).succeeded().out.contains("ops@example.com"));
}

#[test]
fn dev_takes_its_ports_from_settings_unless_the_command_line_gives_them() {
    let place = Place::with(&[("API_PORT", "tcp://10.0.0.3:8000".to_owned())]);
    place.run(&["dev"], &[]).refused("API_PORT: `tcp://10.0.0.3:8000` looks like a Kubernetes service link");
    let refused =
        place.run(&["dev", "--port", "0", "--tls-port", "0"], &[("TLS_PORT", "many"), ("DEBUG", "perhaps")]);
    refused.refused("DEBUG: neither");
}

#[test]
fn a_directory_of_systemd_credentials_that_cannot_be_read_is_a_problem() {
    let place = Place::with(&complete());
    let checked = place.run(&["config", "check"], &[("CREDENTIALS_DIRECTORY", "/nowhere")]);
    checked.refused("CREDENTIALS_DIRECTORY: the directory cannot be read");
}

#[test]
fn a_value_in_the_environment_that_is_not_in_utf_8_is_a_problem_and_no_file_replaces_it() {
    let place = Place::with(&complete());
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["config", "check"]).current_dir(place.path()).env_clear();
    let output = command.env("DOMAIN", OsStr::from_bytes(b"chat\xff")).output().unwrap();
    Ended::of(&output).refused("DOMAIN: the value is not in UTF-8");
}

#[test]
fn a_file_may_also_set_variables_that_are_no_settings() {
    let place = Place::with(&[("PG_BINDIR", "/nowhere/postgres".to_owned())]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["dev", "--port", "0", "--tls-port", "0"]).current_dir(place.path()).env_clear();
    let ended = Ended::of(&command.output().unwrap());
    assert!(ended.code == Some(1) && ended.err.contains("/nowhere/postgres"), "{}", ended.err);
}
