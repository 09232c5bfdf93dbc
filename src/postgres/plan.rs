//! The plan of a start: the paths of the cluster, the programs that run it, and its durability. Every step of a start
//! uses it.

use super::{binaries::Binaries, paths::ClusterPaths};

/// How safely a cluster keeps the data that it has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// All acknowledged data survives a power cut. For every real use.
    Durable,
    /// Acknowledged data may be lost when the server or the machine crashes. Several times faster; for tests.
    Throwaway,
}

/// What a start needs to run a cluster.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) paths: ClusterPaths,
    pub(super) binaries: Binaries,
    pub(super) durability: Durability,
}
