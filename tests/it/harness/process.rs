//! The server program in a separate process.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Instant,
};

use serde_json::Value;

use super::{Handshake, PATIENCE, scratch_dir};

/// The program in an environment without settings.
fn program() -> Command {
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

/// Runs a command until it ends.
pub(crate) fn portcullis(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = program();
    command.args(arguments).envs(environment.iter().copied());
    command.output().expect("the program runs")
}

/// A running server process, with a data directory that a restarted process can use.
pub(crate) struct Server {
    child: Child,
    data: tempfile::TempDir,
    /// The content of `dev.json`, or the equivalent from the log of `serve`.
    pub(crate) facts: Value,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_in(scratch_dir())
    }

    fn start_in(data: tempfile::TempDir) -> Self {
        let mut command = program();
        command.args(["dev", "--debug", "--port", "0", "--tls-port", "0", "--workers", "1", "--data-dir"]);
        command.arg(data.path());
        Self::spawn(command, data, Self::written_facts)
    }

    /// `portcullis serve`, configured by these variables, on a free port of this machine.
    pub(crate) fn serve(environment: &[(&str, &str)]) -> Self {
        let data = scratch_dir();
        let mut command = program();
        command
            .arg("serve")
            .env("BIND_ADDRESS", "127.0.0.1")
            .env("API_PORT", "0")
            .env("DATA_DIR", data.path());
        command.envs(environment.iter().copied());
        Self::spawn(command, data, Self::logged_facts)
    }

    fn spawn(mut command: Command, data: tempfile::TempDir, facts: fn(&Self) -> Option<Value>) -> Self {
        let log = std::fs::File::create(data.path().join("server.log")).expect("a log");
        command.stdout(log.try_clone().expect("the same file")).stderr(log);
        let child = command.spawn().expect("the program starts");
        let mut server = Self { child, data, facts: Value::Null };
        let began = Instant::now();
        while server.facts.is_null() {
            let ended = server.child.try_wait().expect("a child");
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "it did not start: {}", server.log());
            std::thread::sleep(std::time::Duration::from_millis(10));
            server.facts = facts(&server).unwrap_or_default();
        }
        server
    }

    /// The file that `dev` writes when it is ready. The process id is compared, because the file may be of an earlier
    /// process.
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
        let address = ready["http"].as_str()?.trim_start_matches("Some(").trim_end_matches(')').to_owned();
        Some(serde_json::json!({"http": format!("http://{address}")}))
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("server.log")).unwrap_or_default()
    }

    /// A handshake at this path, which may contain a query.
    pub(crate) fn handshake(&self, path: &str) -> Handshake {
        Handshake::new(self.address(), path)
    }

    /// Sends the signal that an operator sends to stop it, and waits for its end.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = i32::try_from(self.child.id()).expect("a process number");
        // SAFETY: a plain system call on numbers; the process is a child that was not waited for.
        #[expect(unsafe_code, reason = "the standard library sends no signal but SIGKILL")]
        unsafe {
            libc::kill(pid, libc::SIGTERM);
        }
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not stop: {}", self.log());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Kills the process, and starts a new one with the same data.
    pub(crate) fn kill_and_restart(mut self) -> Self {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("its end");
        let data = std::mem::replace(&mut self.data, scratch_dir());
        drop(self);
        Self::start_in(data)
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
    }
}
