//! Finds the running private database server for a second process on the same data directory, for example for a command beside
//! a running Portcullis. `cli` uses this file.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    DATABASE,
    cluster::Cluster,
    error::StartError,
    paths::ClusterPaths,
    plan::Durability,
    probe::{self, ProbeError},
};

/// How long [`attach_or_start`] waits for a server that another process is starting or stopping.
const TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// A private server that another process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The directory of the server's Unix socket: the `host` to connect to.
    pub socket_dir: PathBuf,
    /// The database to connect to.
    pub database: &'static str,
}

/// Why a command cannot use a private server.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The files of the cluster are wrong, or the server could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The cluster belongs to another user, and only that user (and root) may connect.
    #[error("the database belongs to another user: run this as the user that runs the server, or as root")]
    NotOurs,
    /// The server runs, but it refuses the connection.
    #[error("the running database refuses the connection: {0}")]
    Refused(String),
}

/// The database of `data_dir`, if a server for it is running and ready.
pub fn attach(data_dir: &Path) -> Result<Option<Attached>, AttachError> {
    if !data_dir.exists() {
        return Ok(None);
    }
    let paths = match ClusterPaths::of(data_dir) {
        // Only the user that runs the server may read the name of the socket's directory.
        Err(StartError::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
            return Err(AttachError::NotOurs);
        }
        paths => paths?,
    };
    if !paths.socket_dir.exists() {
        return Ok(None);
    }
    match probe::check_database(&paths.socket_dir, DATABASE) {
        Ok(()) => {
            paths.check_socket_dir()?;
            Ok(Some(Attached { socket_dir: paths.socket_dir, database: DATABASE }))
        }
        Err(ProbeError::Io(error)) => match error.kind() {
            io::ErrorKind::PermissionDenied => Err(AttachError::NotOurs),
            // There is no socket, no process listens on it, the server ended during the check, or it did not answer in time.
            _ => Ok(None),
        },
        Err(error) if error.is_starting_or_stopping() || error.is_no_such_database() => Ok(None),
        Err(error) => Err(AttachError::Refused(error.to_string())),
    }
}

/// The access of one command to the private server.
#[derive(Debug)]
pub enum Access {
    /// Another process runs the server.
    Attached(Attached),
    /// The server was started for this command, and stops when this value is dropped.
    Started(Cluster),
}

impl Access {
    /// The directory of the Unix socket: the `host` to connect to.
    pub fn socket_dir(&self) -> &Path {
        match self {
            Self::Attached(attached) => &attached.socket_dir,
            Self::Started(cluster) => cluster.socket_dir(),
        }
    }

    /// The database to connect to.
    pub fn database(&self) -> &'static str {
        DATABASE
    }
}

/// Uses the running server of `data_dir`, or starts one. Waits for a server that another process is starting or
/// stopping.
pub fn attach_or_start(data_dir: &Path, durability: Durability) -> Result<Access, AttachError> {
    let began = Instant::now();
    loop {
        if let Some(attached) = attach(data_dir)? {
            return Ok(Access::Attached(attached));
        }
        match Cluster::start(data_dir, durability) {
            Ok(cluster) => return Ok(Access::Started(cluster)),
            Err(StartError::InUse { .. }) if began.elapsed() < TIMEOUT => std::thread::sleep(POLL),
            Err(error) => return Err(error.into()),
        }
    }
}
