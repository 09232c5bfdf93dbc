//! The server program in a separate process.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Instant,
};

use serde_json::Value;
use store::{DatabaseSettings, SERVER_ROLE};
use tokio_postgres::config::Host;

use super::{Handshake, PATIENCE, scratch_dir, secret_watch};

/// The program in an environment without settings.
pub(super) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().stdin(Stdio::null());
    for name in ["PATH", "PG_BINDIR", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // This directory contains no `.env`.
    command.current_dir(super::database::home());
    command
}

/// The URL of a database of the harness as the owner of its tables, for the variables of a command.
pub(crate) fn owner_url(database: &DatabaseSettings) -> String {
    url_of(database, "postgres")
}

/// The URL of a database of the harness as the role of the server, for the variables of a command.
pub(crate) fn database_url(database: &DatabaseSettings) -> String {
    url_of(database, SERVER_ROLE)
}

fn url_of(database: &DatabaseSettings, role: &str) -> String {
    let config = &database.config;
    let Some(Host::Unix(directory)) = config.get_hosts().first() else { panic!("no socket directory") };
    let host = directory.to_str().expect("a path in UTF-8").replace('/', "%2F");
    format!("postgresql://{role}@{host}/{}", config.get_dbname().expect("a name"))
}

/// Runs a command on a database of the harness, until it ends. As on the machine of an operator, the commands that need the
/// owner of the tables find its URL, and all others use the role of the server.
pub(crate) fn portcullis_on(
    database: &DatabaseSettings,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Output {
    let (owner, server) = (owner_url(database), database_url(database));
    let urls = [("DATABASE_OWNER_URL", owner.as_str()), ("DATABASE_URL", server.as_str())];
    portcullis(arguments, &[&urls, environment].concat())
}

/// Runs a command until it ends.
pub(crate) fn portcullis(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = program();
    command.args(arguments).envs(environment.iter().copied());
    watched(command, arguments, environment)
}

/// Runs the program to its end. The lines that it logs are watched for secrets; its standard output has results, which may be
/// secrets.
fn watched(mut command: Command, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    arguments.iter().for_each(|argument| secret_watch::note_variable("an argument", argument));
    environment.iter().for_each(|(name, value)| secret_watch::note_variable(name, value));
    let output = command.output().expect("the program runs");
    secret_watch::add_lines(&output.stderr);
    output
}

/// As [`portcullis`], with this text on standard input.
pub(crate) fn portcullis_with_input(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let mut command = program();
    command.args(arguments).envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // A program that ends before it reads its input closes the pipe.
    let _ = std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    secret_watch::add_lines(&output.stderr);
    output
}

/// As [`portcullis`], in this working directory.
pub(crate) fn portcullis_in(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = program();
    command.args(arguments).envs(environment.iter().copied()).current_dir(directory);
    watched(command, arguments, environment)
}

/// Starts a command, without waiting for its end. Its output is dropped.
pub(crate) fn started_portcullis(arguments: &[&str], environment: &[(&str, &str)]) -> Child {
    let mut command = program();
    command.args(arguments).envs(environment.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// A running server process, with a data directory that a restarted process can use.
pub(crate) struct Server {
    child: Child,
    data: tempfile::TempDir,
    /// The content of `dev.json`. For `serve`, only the addresses `http`, `https` and `metrics`, taken from the log.
    pub(crate) facts: Value,
}

impl Server {
    /// `portcullis dev` on free ports, with a new data directory.
    pub(crate) fn start() -> Self {
        Self::start_in(scratch_dir())
    }

    fn start_in(data: tempfile::TempDir) -> Self {
        let mut command = program();
        command.args(["dev", "--debug", "--port", "0", "--tls-port", "0", "--workers", "1", "--data-dir"]);
        command.arg(data.path());
        Self::spawn(command, data, Self::written_facts)
    }

    /// `portcullis serve`, configured by these files and variables, on a free port of this machine.
    pub(crate) fn serve_from(files: &[&Path], environment: &[(&str, &str)]) -> Self {
        let data = scratch_dir();
        let mut command = program();
        for file in files {
            command.arg("--env-file").arg(file);
        }
        command
            .arg("serve")
            .env("BIND_ADDRESS", "127.0.0.1")
            .env("API_PORT", "0")
            .env("DATA_DIR", data.path());
        command.envs(environment.iter().copied());
        Self::spawn(command, data, Self::logged_facts)
    }

    /// Sends SIGHUP. The server then reads its settings again. Returns the line of the log with the result.
    pub(crate) fn reload(&self) -> Value {
        let results = || {
            let lines = self.log();
            let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let is_result =
                |line: &Value| line["message"].as_str().is_some_and(|text| text.contains("reloaded"));
            lines.filter(is_result).collect::<Vec<_>>()
        };
        let before = results().len();
        self.signal(libc::SIGHUP);
        let began = Instant::now();
        loop {
            if let Some(result) = results().get(before) {
                return result.clone();
            }
            assert!(began.elapsed() < PATIENCE, "the settings are not reloaded: {}", self.log());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("a process number");
        // SAFETY: a plain system call on numbers. The child was not reaped yet, so no other process can have its number.
        #[expect(unsafe_code, reason = "the standard library sends no signal but SIGKILL")]
        unsafe {
            libc::kill(pid, signal);
        }
    }

    fn spawn(mut command: Command, data: tempfile::TempDir, facts: fn(&Self) -> Option<Value>) -> Self {
        let file = |name| std::fs::File::create(data.path().join(name)).expect("a log");
        // Standard output has the summary of `dev`, which prints the passwords of its users on purpose.
        command.stdout(file("server.out")).stderr(file("server.log"));
        for (name, value) in command.get_envs() {
            let value = value.unwrap_or_default().to_string_lossy();
            secret_watch::note_variable(&name.to_string_lossy(), &value);
        }
        let child = command.spawn().expect("the program starts");
        let mut server = Self { child, data, facts: Value::Null };
        let began = Instant::now();
        while server.facts.is_null() {
            let ended = server.child.try_wait().expect("a child");
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "the server did not start: {}",
                server.log()
            );
            std::thread::sleep(std::time::Duration::from_millis(10));
            server.facts = facts(&server).unwrap_or_default();
        }
        server
    }

    /// The file that `dev` writes when it is ready. The process id is compared, because the file may be of an earlier process.
    fn written_facts(&self) -> Option<Value> {
        let text = std::fs::read(self.data.path().join("dev.json")).ok()?;
        let facts: Value = serde_json::from_slice(&text).ok()?;
        (facts["pid"] == self.child.id()).then_some(facts)
    }

    /// The address in the log line that `serve` writes when it is ready.
    fn logged_facts(&self) -> Option<Value> {
        let log = self.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ready = lines.into_iter().find(|line| line["message"] == "ready")?;
        // The log contains an optional address in debug form: `Some(127.0.0.1:8000)`.
        let url = |name: &str, scheme: &str| {
            let address = ready[name].as_str()?.strip_prefix("Some(")?.strip_suffix(')')?;
            Some(format!("{scheme}://{address}"))
        };
        let (https, metrics) = (url("https", "https"), url("metrics", "http"));
        Some(serde_json::json!({"http": url("http", "http"), "https": https, "metrics": metrics}))
    }

    /// The log so far, and what the program has printed.
    pub(crate) fn log(&self) -> String {
        let read = |name| std::fs::read_to_string(self.data.path().join(name)).unwrap_or_default();
        read("server.log") + &read("server.out")
    }

    /// Adds the log to the lines that are watched for secrets, and notes the generated secrets of the server.
    fn watch_log(&self) {
        secret_watch::add_lines(&std::fs::read(self.data.path().join("server.log")).unwrap_or_default());
        for file in std::fs::read_dir(self.data.path().join("secrets")).into_iter().flatten().flatten() {
            let secret = std::fs::read_to_string(file.path()).unwrap_or_default();
            secret_watch::note(&format!("secret {}", file.file_name().display()), secret.trim());
        }
    }

    /// A handshake at this path, which may contain a query.
    pub(crate) fn handshake(&self, path: &str) -> Handshake {
        Handshake::new(self.address(), path)
    }

    /// Sends SIGTERM, as an operator does to stop a server, and waits until the process has ended.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal(libc::SIGTERM);
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the server does not stop: {}", self.log());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Kills the process, and starts a new one with the same data.
    pub(crate) fn kill_and_restart(mut self) -> Self {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("the end of the process");
        self.watch_log();
        let data = std::mem::replace(&mut self.data, scratch_dir());
        drop(self);
        Self::start_in(data)
    }

    /// Kills the process (`kill -9`). It writes and answers nothing more.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("the end of the process");
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The address of plain HTTP.
    pub(crate) fn address(&self) -> SocketAddr {
        let url = self.facts["http"].as_str().expect("an address");
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        SocketAddr::from(([127, 0, 0, 1], port))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.watch_log();
    }
}
