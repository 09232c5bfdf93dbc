//! Why the private server did not start, in plain words for the terminal. Every step of a start can return such an
//! error.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::binaries::FindError;

/// Why [`super::Cluster::start`] failed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are no usable binaries on this machine.
    #[error(transparent)]
    Find(#[from] FindError),
    /// Another process runs a server on this data directory.
    #[error("the database in {location} is already in use{}", holder(*.pid))]
    InUse {
        /// Where the cluster is.
        location: PathBuf,
        /// The process that holds the lock, if its id could be read.
        pid: Option<u32>,
    },
    /// There are other files in the place of the cluster.
    #[error(
        "{0} is not empty and is not a PostgreSQL cluster: move it away or choose another data directory"
    )]
    NotACluster(PathBuf),
    /// No usable binaries on this machine have the major version that made the cluster, but other versions were found.
    #[error(
        "the cluster in {location} was made by PostgreSQL {cluster}, but this machine has PostgreSQL {found}: \
         set PG_BINDIR to the bin directory of version {cluster}, or dump the data and load it into a new cluster"
    )]
    OtherMajor {
        /// Where the cluster is.
        location: PathBuf,
        /// The major version that made the cluster.
        cluster: u32,
        /// The other major versions that were found.
        found: String,
    },
    /// This process is root, and the machine has no ordinary user that could run the server.
    #[error(
        "PostgreSQL does not run as root, and this machine has no ordinary user for it (neither `postgres` nor `nobody`)"
    )]
    NoAccount,
    /// The server's user may not enter the directory of the cluster.
    #[error(
        "user {account} may not enter the directory of its cluster {location}: run chmod o+x on the directories above it"
    )]
    CannotEnter {
        /// Where the cluster is.
        location: PathBuf,
        /// The user that the server runs as.
        account: String,
    },
    /// The directory of the socket is not a real directory, belongs to another user, or is open to other users.
    #[error("{path} cannot be the directory of the database socket: {why}; remove it and try again")]
    SocketDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// `initdb` failed.
    #[error("initdb could not make a cluster in {location}:\n{output}")]
    Initialise {
        /// Where the cluster should be.
        location: PathBuf,
        /// The output of `initdb`.
        output: String,
    },
    /// Processes of an earlier server still work in the cluster and do not end.
    #[error("processes {pids:?} of an earlier server still work in {location}; end them and try again")]
    Survivors {
        /// Where the cluster is.
        location: PathBuf,
        /// The processes.
        pids: Vec<u32>,
    },
    /// The server ended before it was ready.
    #[error("PostgreSQL stopped while starting ({status}); its log says:\n{log}")]
    Exited {
        /// The exit status.
        status: String,
        /// The end of the server's log.
        log: String,
    },
    /// The server was not ready in time.
    #[error("PostgreSQL was not ready after {seconds} s; its log says:\n{log}")]
    TimedOut {
        /// The time that the start waited.
        seconds: u64,
        /// The end of the server's log.
        log: String,
    },
    /// A stop was requested during the start, or the thread that starts the server panicked.
    #[error("PostgreSQL was stopped during its start")]
    Stopped,
    /// The server runs, but the database could not be opened or created.
    #[error("the private server refused the database {name}: {reason}")]
    Database {
        /// The database.
        name: &'static str,
        /// The message of the server, or the error of the connection.
        reason: String,
    },
    /// An operation on a file failed, or a program or thread could not be started.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// The operation.
        action: &'static str,
        /// The file, directory or program.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl StartError {
    /// For `map_err`: the file operation `action` on `path` failed.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" by process {pid}"))
}
