//! Settings, as an operator gives them: files of variables, credentials of systemd, and the commands `config init`,
//! `config check` and `config show`. Each test runs the program in a separate directory.

mod check;
mod init;
mod show;
mod sources;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use serde_json::Value;
use store::DatabaseSettings;

use crate::harness::{database_url, portcullis_in, scratch_dir};

const JWT: &str = "Zq8vT2mW5xR1nB7kD4hJ9pL3sF6gY0cA";
const CSRF: &str = "u7Ee1Rr5Tt9Yy3Ii7Oo1Pp5Aa9Ss3Dd6";
const DATA: &str = "m4Nn8Bb2Vv6Cc0Xx4Zz8Ll2Kk6Jj0Hh5";
const DATABASE: &str = "postgresql://app:hunter2@db.example.org/app?sslmode=require";

/// The settings of a production server, without any problem.
fn complete() -> Vec<(&'static str, String)> {
    let pairs = [
        ("DOMAIN", "chat.example.org"),
        ("DATABASE_URL", DATABASE),
        ("JWT_SECRET_KEY", JWT),
        ("CSRF_SECRET_KEY", CSRF),
        ("DATA_ENCRYPTION_KEY", DATA),
        ("SMTP_URL", "smtps://mail.example.org"),
    ];
    pairs.map(|(name, value)| (name, value.to_owned())).into()
}

/// A directory in which the program runs.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(scratch_dir())
    }

    /// A directory with these lines in `.env`.
    fn with(lines: &[(&str, String)]) -> Self {
        let place = Self::new();
        place.write(
            ".env",
            &lines.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>(),
        );
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file that only its owner can read. Returns its path.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its permissions");
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path().join(name), fs::Permissions::from_mode(mode))
            .expect("its permissions");
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        Ended::of(&portcullis_in(self.path(), arguments, environment))
    }

    fn check(&self) -> Ended {
        self.run(&["config", "check"], &[])
    }

    /// The facts about one setting, as `config show --json` prints them with these further arguments and variables.
    fn shown(&self, name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Value {
        let ended = self.run(&[&["config", "show", "--json"], arguments].concat(), environment);
        let facts: Value = serde_json::from_str(&ended.out).expect("JSON");
        let settings = facts["settings"].as_array().expect("settings");
        settings.iter().find(|setting| setting["name"] == name).cloned().unwrap_or_default()
    }
}

/// A command that has ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text in UTF-8");
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The problems in the error output.
    fn problems(&self) -> Vec<&str> {
        self.err.lines().filter_map(|line| line.strip_prefix("  - ")).collect()
    }

    /// Checks that the command has succeeded.
    #[track_caller]
    fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self
    }

    /// Checks that the settings were refused for exactly one problem, and that its text begins with `start`.
    #[track_caller]
    fn refused(&self, start: &str) {
        assert_eq!(self.code, Some(78), "{}{}", self.out, self.err);
        let problems = self.problems();
        assert!(problems.len() == 1 && problems[0].starts_with(start), "{start} in {problems:#?}");
    }
}

/// The URL of a database in the PostgreSQL cluster of the tests.
fn url(database: &DatabaseSettings) -> String {
    database_url(database)
}
