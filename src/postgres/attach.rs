//! How a second process on the same data directory, such as a command beside the running server, reaches its
//! database. Called by `cli`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::DATABASE;
use super::cluster::{Cluster, Durability};
use super::error::StartError;
use super::place::Place;
use super::watch::Running;
use super::wire::{self, WireError};

/// How long [`attach_or_start`] waits for a server that another process is starting or stopping.
const PATIENCE: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A private server that another process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The directory of its Unix socket: the `host` to connect to.
    pub socket_dir: PathBuf,
    /// The database to connect to.
    pub database: &'static str,
}

/// Why a running private server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Its places could not be found out or are not as they should be.
    #[error(transparent)]
    Place(#[from] StartError),
    /// It runs as another user, who keeps it to itself.
    #[error("the database belongs to another user: run this as the user that runs the server, or as root")]
    NotOurs,
    /// It is there but refuses.
    #[error("the running database cannot be used: {0}")]
    Refused(String),
}

/// The database of `data_dir`, if a server for it is running and ready.
pub fn attach(data_dir: &Path) -> Result<Option<Attached>, AttachError> {
    if !data_dir.exists() {
        return Ok(None);
    }
    let place = Place::of(data_dir)?;
    if !place.socket_dir.exists() {
        return Ok(None);
    }
    match wire::ask(&place.socket_dir, DATABASE) {
        Ok(()) => {
            place.check_socket_dir()?;
            Ok(Some(Attached { socket_dir: place.socket_dir, database: DATABASE }))
        }
        Err(WireError::Io(error)) => match error.kind() {
            io::ErrorKind::PermissionDenied => Err(AttachError::NotOurs),
            // No socket, nobody behind it, or a server that ended while it was asked.
            _ => Ok(None),
        },
        Err(error) if error.is_not_now() || error.is_no_such_database() => Ok(None),
        Err(error) => Err(AttachError::Refused(error.to_string())),
    }
}

/// A private server to use for the time of a command.
#[derive(Debug)]
pub enum Access {
    /// Another process runs it.
    Attached(Attached),
    /// It was started for this command and stops when this value is dropped.
    Started(Running),
}

impl Access {
    /// The directory of the Unix socket: the `host` to connect to.
    pub fn socket_dir(&self) -> &Path {
        match self {
            Self::Attached(attached) => &attached.socket_dir,
            Self::Started(running) => running.socket_dir(),
        }
    }

    /// The database to connect to.
    pub fn database(&self) -> &'static str {
        DATABASE
    }
}

/// Uses the running server of `data_dir`, or starts it. A server that is just being started by another
/// process is waited for.
pub fn attach_or_start(data_dir: &Path, durability: Durability) -> Result<Access, AttachError> {
    let began = Instant::now();
    loop {
        if let Some(attached) = attach(data_dir)? {
            return Ok(Access::Attached(attached));
        }
        match Cluster::start(data_dir, durability) {
            Ok(running) => return Ok(Access::Started(running)),
            Err(StartError::InUse { .. }) if began.elapsed() < PATIENCE => std::thread::sleep(ASK_EVERY),
            Err(error) => return Err(error.into()),
        }
    }
}
