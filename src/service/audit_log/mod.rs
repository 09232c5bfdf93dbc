//! The audit log: moves events into it, signs and anchors its checkpoints, and verifies and shows it.
//!
//! Jobs of `upkeep`, the use cases of operators, REST and the command line use an [`log::AuditLog`]. This module depends only on
//! `core`. The rules are in `domain::transparency_log`.

pub(crate) mod anchor;
pub(crate) mod anchoring;
pub(crate) mod checkpoints;
pub(crate) mod error;
pub(crate) mod key_store;
pub(crate) mod log;
pub(crate) mod object_anchor;
pub(crate) mod object_store;
pub(crate) mod object_store_settings;
pub(crate) mod proofs;
pub(crate) mod reading;
pub(crate) mod receipts;
pub(crate) mod same_checkpoint;
pub(crate) mod sequencer;
pub(crate) mod settings;
pub(crate) mod verify;
