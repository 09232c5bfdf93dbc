//! An operator at the command line: commands against a running server, with a home directory of the test.

use std::{
    path::PathBuf,
    process::{Child, Output, Stdio},
};

use serde_json::Value;

use super::{
    App, PASSWORD, Person, Terminal,
    app::client,
    process::{portcullis_with_input, program},
    scratch_dir,
};

/// A home directory, and the server of the commands.
pub(crate) struct OperatorCli {
    pub(crate) app: App,
    home: tempfile::TempDir,
}

impl OperatorCli {
    /// There is no sign-in yet.
    pub(crate) fn new(app: &App) -> Self {
        // The client of the harness prepares the process.
        drop(client());
        Self { app: app.clone(), home: scratch_dir() }
    }

    /// This person has signed in with the password of tests.
    pub(crate) fn of(person: &Person) -> Self {
        let cli = Self::new(&person.app);
        let arguments = ["login", "--url", &cli.url(), "--email", &person.email];
        let output = cli.with_input(&arguments, &format!("{PASSWORD}\n"));
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        cli
    }

    pub(crate) fn url(&self) -> String {
        self.app.url("")
    }

    /// The file of the tokens.
    pub(crate) fn tokens_file(&self) -> PathBuf {
        self.home.path().join("state/portcullis/default.tokens.json")
    }

    /// Takes the lock of the profile, as a command does that changes the tokens. The lock ends with the file.
    pub(crate) fn hold_lock(&self) -> (std::fs::File, PathBuf) {
        let path = self.tokens_file().with_file_name("default.lock");
        let file = std::fs::File::options().write(true).open(&path).expect("the lock");
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .expect("the lock is free");
        (file, path)
    }

    /// Changes a field of the stored tokens.
    pub(crate) fn change_tokens(&self, field: &str, value: &str) {
        let text = std::fs::read(self.tokens_file()).expect("the tokens");
        let mut tokens: Value = serde_json::from_slice(&text).expect("JSON");
        tokens[field] = value.into();
        std::fs::write(self.tokens_file(), tokens.to_string()).expect("the file is written");
    }

    /// Moves the profile to another server, and leaves the tokens.
    pub(crate) fn move_profile(&self, url: &str) {
        let path = self.tokens_file().with_file_name("default.json");
        let text = std::fs::read(&path).expect("the profile");
        let mut profile: Value = serde_json::from_slice(&text).expect("JSON");
        profile["url"] = url.into();
        std::fs::write(path, profile.to_string()).expect("the file is written");
    }

    /// A field of the stored tokens.
    pub(crate) fn token(&self, field: &str) -> String {
        let text = std::fs::read(self.tokens_file()).expect("the tokens");
        let tokens: Value = serde_json::from_slice(&text).expect("JSON");
        tokens[field].as_str().expect("a text").to_owned()
    }

    fn state(&self) -> String {
        self.home.path().join("state").to_str().expect("a path in UTF-8").to_owned()
    }

    /// Runs a command without a profile or a URL.
    pub(crate) fn with_input(&self, arguments: &[&str], input: &str) -> Output {
        portcullis_with_input(arguments, &[("XDG_STATE_HOME", &self.state())], input)
    }

    /// Runs a command with the profile of the sign-in.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with_input(arguments, "")
    }

    /// As [`Self::run`], with this text on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let state = self.state();
        let environment = [("XDG_STATE_HOME", state.as_str()), ("PORTCULLIS_PROFILE", "default")];
        portcullis_with_input(arguments, &environment, input)
    }

    /// Starts a command with the profile of the sign-in. Its standard output is a pipe.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = program();
        command.args(arguments).env("XDG_STATE_HOME", self.state()).env("PORTCULLIS_PROFILE", "default");
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts")
    }

    /// Starts a command with the profile of the sign-in in a terminal.
    pub(crate) fn terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(arguments, &[("XDG_STATE_HOME", &self.state()), ("PORTCULLIS_PROFILE", "default")])
    }

    /// The standard output of a command that must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        out.into_owned()
    }

    /// As [`Self::ok`], with `--json`.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// The standard error of a command that must end with this code.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {out}{err}");
        err.into_owned()
    }
}
