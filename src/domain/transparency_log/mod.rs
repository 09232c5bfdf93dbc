//! The audit log as a transparency log: a Merkle tree over its entries. The heads of the tree are signed checkpoints.
//!
//! The store appends entries and keeps hashes; services sign, publish and verify. Everything here is pure: times, keys and
//! random bytes are arguments.
//!
//! - [`hash`]: the hashes of leaves and nodes (RFC 6962); [`frontier`]: the right edge of the tree, the place for new leaves
//! - [`subtree`], [`proof`]: proofs of inclusion and of consistency, and their verification
//! - [`note`], [`checkpoint`]: signed notes and checkpoints (C2SP signed-note and tlog-checkpoint)
//! - [`entry`]: the canonical encoding of an event; [`personal`]: its sealed fields, and their keys
//! - [`keys`]: the signing key, and the key of the keys of persons
//! - [`log_check`]: the check of a whole log, which names the first wrong entry

pub mod checkpoint;
pub mod entry;
pub mod frontier;
pub mod hash;
pub mod keys;
pub mod log_check;
pub mod note;
pub mod personal;
pub mod proof;
pub mod subtree;
