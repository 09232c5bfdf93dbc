//! What a start needs to know of a cluster: where it lives, with which programs it runs, and how careful it is. Used by
//! every step of a start.

use super::{binaries::Binaries, paths::ClusterPaths};

/// How much a cluster does to keep the data that it has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// All acknowledged data survives a power cut. For every real use.
    Durable,
    /// Data survives a crash of the process at most; several times faster. For tests, which throw their data away.
    Throwaway,
}

/// A cluster that is about to run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) paths: ClusterPaths,
    pub(super) binaries: Binaries,
    pub(super) durability: Durability,
}
