//! Another process that runs a server, for the tests to kill: this test binary again, told to run one "test".

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

/// Tells the other process which data directory to use.
const SERVED_DATA: &str = "PORTCULLIS_TEST_HELPER_DATA";

/// Another process that runs the server of a data directory until it is killed.
pub(super) struct ServerProcess {
    process: Child,
    pub(super) postmaster: u32,
    pub(super) socket_dir: PathBuf,
}

impl ServerProcess {
    pub(super) fn start(data_dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "postgres::tests::server_process::serves_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(SERVED_DATA, data_dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once("SERVING ").map(|(_, rest)| rest.to_owned()))
            .expect("the process prints when it serves");
        let (pid, socket_dir) = line.split_once(' ').unwrap();
        Self { process, postmaster: pid.parse().unwrap(), socket_dir: PathBuf::from(socket_dir) }
    }

    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        eventually("the end of the postmaster", || (!exists(self.postmaster)).then_some(()));
        // A later server on the same data may have removed it already.
        let _ = std::fs::remove_dir_all(&self.socket_dir);
    }
}

#[test]
#[ignore = "the other process of the kill tests, started by them"]
fn serves_until_it_is_killed() {
    let data_dir = std::env::var_os(SERVED_DATA).expect("the tests that start this say where");
    let running = Cluster::start(Path::new(&data_dir), Durability::Durable).unwrap();
    println!("\nSERVING {} {}", running.pid(), running.socket_dir().display());
    loop {
        std::thread::park();
    }
}
