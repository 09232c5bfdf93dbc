//! The program itself, in a process of its own.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Instant,
};

use serde_json::Value;

use super::{PATIENCE, scratch_dir};

/// The program, in an environment that says nothing to it.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().stdin(Stdio::null());
    for name in ["PATH", "PG_BINDIR", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // Where there is no `.env`.
    command.current_dir(super::database::home());
    command
}

/// Runs a command to its end.
pub(crate) fn portcullis(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = program();
    command.args(arguments).envs(environment.iter().copied());
    command.output().expect("the program runs")
}

/// `portcullis dev`, with a data directory that outlives it.
pub(crate) struct Server {
    child: Child,
    data: tempfile::TempDir,
    /// What it says about itself in `dev.json`.
    pub(crate) facts: Value,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_in(scratch_dir())
    }

    fn start_in(data: tempfile::TempDir) -> Self {
        let log = std::fs::File::create(data.path().join("server.log")).expect("a log");
        let child = program()
            .arg("dev")
            .args(["--port", "0", "--tls-port", "0", "--workers", "1", "--data-dir"])
            .arg(data.path())
            .stdout(log.try_clone().expect("the same file"))
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let mut server = Self { child, data, facts: Value::Null };
        server.facts = server.until_ready();
        server
    }

    /// The facts of this very process; an earlier one left a file, too.
    fn until_ready(&mut self) -> Value {
        let began = Instant::now();
        loop {
            let text = std::fs::read(self.data.path().join("dev.json")).unwrap_or_default();
            let facts: Value = serde_json::from_slice(&text).unwrap_or_default();
            if facts["pid"] == self.child.id() {
                return facts;
            }
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "it did not start: {}", self.log());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("server.log")).unwrap_or_default()
    }

    /// Kills it without warning, and starts another on the same data.
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

    /// Where plain HTTP is served.
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
