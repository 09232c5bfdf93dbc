//! The private embedded PostgreSQL: finds the machine's own binaries, keeps one cluster under the data directory and
//! runs it for as long as this process lives. `cli` starts it or attaches to a running one; the store then connects to
//! its socket as to any other server. The server listens on a Unix socket in a directory that only its owner may enter,
//! never on TCP.
//!
//! This room must not know SQL schemas, settings or pools. The one statement it executes creates the database.
//!
//! Each step of a start has a file of its own: `account` (the user that runs the server), `paths` (the directories),
//! `lock` (one process at a time), `binaries` (the programs), `init` (a new cluster), `leftovers` (the remains of a
//! killed server), `postmaster` (the server process), and `supervisor` (the thread that restarts it).

mod account;
mod attach;
mod binaries;
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
pub use binaries::{Binaries, FindError, cache_dir, find};
pub use cluster::Cluster;
pub use error::StartError;
pub use plan::Durability;

/// The database that a start creates in the cluster when it is missing.
pub const DATABASE: &str = "portcullis";

/// The superuser of the private cluster. It needs no password: only its owner can reach the socket.
pub const USER: &str = "postgres";

/// The port of the server. Only the file name of the socket contains it.
const PORT: u16 = 5432;

#[cfg(test)]
mod tests;
