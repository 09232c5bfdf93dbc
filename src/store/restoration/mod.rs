//! Databases that were restored from a backup: how a server notices such a database, and the transaction that finishes a
//! restore.
//!
//! `start` is used by the start of a server, and `origin` by the checks of new connections; the command line uses the rest, through
//! `service::Restoration` where the time matters.

pub(crate) mod finish;
pub(crate) mod libpq;
pub(crate) mod lost_events;
pub(crate) mod origin;
mod start;
pub(crate) mod target;
