//! The private embedded PostgreSQL. This module finds the programs on this machine, keeps one cluster for a data directory, and
//! runs the cluster's server as long as this process lives. `cli` starts the server, or attaches to a running one; the store
//! then connects to its socket as to any other server. The server listens on a Unix socket in a directory that only its owner
//! may enter, never on TCP.
//!
//! This module must not know SQL schemas, settings or pools. The only statement that it executes creates the database.
//!
//! Each step of a start has a file of its own. `account` has the user that runs the server, `paths` the directories, and `lock`
//! lets in one process at a time. `binaries` finds the programs, `init` makes a new cluster, and `leftovers` removes the
//! remains of a killed server. `postmaster` is the server process, `supervisor` the thread that restarts it, and `probe` checks
//! the database. `client_program` finds the programs that make backups.

mod account;
mod attach;
mod binaries;
mod client_program;
mod cluster;
mod command;
mod error;
mod init;
mod leftovers;
mod lock;
mod paths;
mod plan;
mod postmaster;
mod probe;
mod process;
mod supervisor;

pub use attach::{Access, AttachError, Attached, attach, attach_or_start};
pub use binaries::FindError;
pub use client_program::{ClientProgram, ClientProgramError};
pub use cluster::Cluster;
pub use error::StartError;
pub use plan::Durability;

/// The database that a start creates in the cluster when it is missing.
pub const DATABASE: &str = "portcullis";

/// The superuser of the private cluster. It needs no password: only the owner of the socket's directory (and root) can connect.
pub const USER: &str = "postgres";

/// The port of the server. Only the file name of the socket contains it.
const PORT: u16 = 5432;

#[cfg(test)]
mod tests;
