//! PgBouncer in front of the cluster of the tests, as a process.

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, net::UnixStream, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use store::DatabaseSettings;
use tokio_postgres::config::Host;

use super::{PATIENCE, scratch_dir};

/// When PgBouncer gives a session of PostgreSQL to another client.
#[derive(Clone, Copy)]
pub(crate) enum PoolMode {
    /// At the end of the client's connection.
    Session,
    /// At the end of each transaction.
    Transaction,
}

/// A running PgBouncer. Dropping it stops the process.
pub(crate) struct PgBouncer {
    child: Child,
    directory: tempfile::TempDir,
    database: String,
}

impl PgBouncer {
    /// Starts PgBouncer in front of this database. `None` if the program is not installed and the tests may run without it.
    pub(crate) fn start(database: &DatabaseSettings, mode: PoolMode) -> Option<Self> {
        let Some(program) = program() else {
            let skip = std::env::var_os("PORTCULLIS_SKIP_PGBOUNCER").is_some_and(|value| value == "1");
            assert!(
                skip,
                "pgbouncer is not installed: run scripts/ensure.sh pgbouncer, or set PORTCULLIS_SKIP_PGBOUNCER=1"
            );
            return None;
        };
        let Some(Host::Unix(target)) = database.config.get_hosts().first() else {
            panic!("no socket directory")
        };
        let directory = scratch_dir();
        let owner = fs::metadata(target).expect("the directory of the socket");
        let (user, group) = (owner.uid(), owner.gid());
        let pool_mode = match mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
        };
        // PgBouncer signs in at PostgreSQL as the superuser, for every user of its clients.
        let text = format!(
            "[databases]\n* = host={} port=5432 user=postgres\n\
             [pgbouncer]\nlisten_addr =\nlisten_port = 5432\nunix_socket_dir = {}\nauth_type = any\n\
             pool_mode = {pool_mode}\ndefault_pool_size = 40\n",
            target.display(),
            directory.path().display(),
        );
        let file = directory.path().join("pgbouncer.ini");
        fs::write(&file, text).expect("a file");
        std::os::unix::fs::chown(directory.path(), Some(user), Some(group)).expect("another owner");
        let mut command = Command::new(program);
        command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(directory.path().join("log")).expect("a log"));
        if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            command.uid(user).gid(group);
        }
        let child = command.spawn().expect("PgBouncer runs");
        let database = database.config.get_dbname().expect("a name").to_owned();
        let started = Self { child, directory, database };
        started.wait();
        Some(started)
    }

    /// The settings of a server that reaches the database through PgBouncer.
    pub(crate) fn database(&self) -> DatabaseSettings {
        DatabaseSettings::embedded(self.directory.path(), &self.database)
    }

    fn wait(&self) {
        let socket = self.directory.path().join(".s.PGSQL.5432");
        let began = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "PgBouncer does not start: {log}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program. Distributions install it beside programs of administrators, which are not on every search path.
fn program() -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let directories = path.split(':').chain(["/usr/sbin", "/usr/local/sbin"]);
    directories.map(|directory| Path::new(directory).join("pgbouncer")).find(|program| program.is_file())
}
