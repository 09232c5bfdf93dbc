//! The private embedded PostgreSQL: finds a machine's own binaries, keeps one cluster under the data
//! directory and runs it for as long as this process lives. `app` and `cli` start it or attach to a running
//! one; the store then connects to its socket like to any other server. It listens on a Unix socket in a
//! directory that only its owner may enter, never on TCP.
//!
//! It must not know SQL schemas, settings or pools. The one statement it sends creates the database.
//!
//! The order of a start, each step in a file of its own: `account` (which user runs it), `place` (where it
//! lives), `lock` (who may run it), `find` (binaries), `init` (a new cluster), `orphan` (what a killed predecessor
//! left), `launch`, `wait`, and `watch`, whose thread keeps it alive.

mod account;
mod attach;
mod cluster;
mod error;
mod find;
mod init;
mod launch;
mod lock;
mod orphan;
mod place;
mod sys;
mod wait;
mod watch;
mod wire;

pub use attach::{Access, AttachError, Attached, attach, attach_or_start};
pub use cluster::{Cluster, Durability};
pub use error::StartError;
pub use find::{Binaries, FindError, cache_dir, find};
pub use watch::Running;

/// The database that a start creates in the cluster when it is missing.
pub const DATABASE: &str = "portcullis";

/// The superuser of the private cluster. It needs no password: only its owner can reach the socket.
pub const USER: &str = "postgres";

/// The port is part of the socket's file name and of nothing else.
const PORT: u16 = 5432;

#[cfg(test)]
mod tests;
