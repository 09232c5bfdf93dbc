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
        /// Where the cluster lives.
        location: PathBuf,
        /// The process that holds the lock, if its id could be read.
        pid: Option<u32>,
    },
    /// There are other files in the place of the cluster.
    #[error(
        "{0} is not empty and is not a PostgreSQL cluster: move it away or choose another data directory"
    )]
    NotACluster(PathBuf),
    /// The cluster was made by another major version.
    #[error(
        "the cluster in {location} was made by PostgreSQL {cluster}, but this machine has PostgreSQL {found}: \
         set PG_BINDIR to the bin directory of version {cluster}, or dump the data and load it into a new cluster"
    )]
    OtherMajor {
        /// Where the cluster lives.
        location: PathBuf,
        /// The major version that made it.
        cluster: u32,
        /// The major versions found here.
        found: String,
    },
    /// This process is root, and there is no ordinary user to run the server as.
    #[error(
        "PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody to run it as"
    )]
    NoAccount,
    /// The user that owns the cluster may no longer enter its directory.
    #[error(
        "user {account} may not enter the directory of its cluster {location}: run chmod o+x on the directories above it"
    )]
    CannotEnter {
        /// Where the cluster lives.
        location: PathBuf,
        /// The user the server runs as.
        account: String,
    },
    /// The directory of the socket belongs to another user or is open to other users.
    #[error("{path} cannot hold the database socket: {why}; remove it and try again")]
    SocketDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// `initdb` failed.
    #[error("initdb could not make a cluster in {location}:\n{output}")]
    Initialise {
        /// Where the cluster was to live.
        location: PathBuf,
        /// The output of `initdb`.
        output: String,
    },
    /// Processes of an earlier server still work in the cluster and do not end.
    #[error("processes {pids:?} of an earlier server still work in {location}; end them and try again")]
    Survivors {
        /// Where the cluster lives.
        location: PathBuf,
        /// The processes.
        pids: Vec<u32>,
    },
    /// The server ended before it was ready.
    #[error("PostgreSQL stopped while starting ({status}); its log says:\n{log}")]
    Exited {
        /// The exit status.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// The server was not ready in time.
    #[error("PostgreSQL was not ready after {seconds} s; its log says:\n{log}")]
    TimedOut {
        /// The time that the start waited.
        seconds: u64,
        /// The end of its log.
        log: String,
    },
    /// A stop was requested during the start.
    #[error("PostgreSQL was stopped during its start")]
    Stopped,
    /// The server runs, but the database could not be opened or created.
    #[error("the private server refused the database {name}: {reason}")]
    Database {
        /// The database.
        name: &'static str,
        /// The server's message.
        reason: String,
    },
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// The operation.
        action: &'static str,
        /// The file.
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
