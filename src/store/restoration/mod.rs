//! Databases that were restored from a backup: how a server notices them, and the transaction that finishes a restore.
//!
//! The start of a server uses `start`, and the checks of new connections use `origin`. The command line uses the rest, through
//! `service::Restoration` if the time matters.

pub(crate) mod finish;
pub(crate) mod libpq;
pub(crate) mod lost_events;
pub(crate) mod origin;
mod start;
pub(crate) mod target;
