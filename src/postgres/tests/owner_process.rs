//! Another process that runs a server, so that tests can kill it. The process is this test binary again; it runs only
//! the "test" at the end of this file.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::*;

/// The environment variable that gives the other process its data directory.
const OWNER_DATA: &str = "PORTCULLIS_TEST_OWNER_DATA";

/// Another process that runs the server of a data directory until it is killed.
pub(super) struct OwnerProcess {
    process: Child,
    pub(super) postmaster: u32,
    pub(super) socket_dir: PathBuf,
}

impl OwnerProcess {
    pub(super) fn start(data_dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "postgres::tests::owner_process::owner_process", "--ignored", "--nocapture"])
            .env(OWNER_DATA, data_dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once("SERVING ").map(|(_, rest)| rest.to_owned()))
            .expect("the process reports that its server runs");
        let (pid, socket_dir) = line.split_once(' ').unwrap();
        Self { process, postmaster: pid.parse().unwrap(), socket_dir: PathBuf::from(socket_dir) }
    }

    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for OwnerProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        eventually("the end of the postmaster", || (!exists(self.postmaster)).then_some(()));
        // A later server on the same data may have removed the directory already.
        let _ = std::fs::remove_dir_all(&self.socket_dir);
    }
}

#[test]
#[ignore = "not a test: the other process, which the tests start"]
fn owner_process() {
    let data_dir = std::env::var_os(OWNER_DATA).expect("set by the tests that start this process");
    let running = Cluster::start(Path::new(&data_dir), Durability::Durable).unwrap();
    println!("\nSERVING {} {}", running.pid(), running.socket_dir().display());
    loop {
        std::thread::park();
    }
}
