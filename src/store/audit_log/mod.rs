//! The audit log: entries in their order, the hashes of their tree, checkpoints and keys.
//!
//! Called by `service::audit_log` and by the command line. Transactions insert events into the inbox (`store::audit`), and
//! [`sequence`] moves them into the log. No statement changes an entry. The rules of the tree are in
//! `domain::transparency_log`.

pub(crate) mod anchors;
pub(crate) mod checkpoints;
pub(crate) mod entries;
pub(crate) mod entry_row;
pub(crate) mod head;
pub(crate) mod keys;
pub(crate) mod months;
pub(crate) mod nodes;
mod number;
pub(crate) mod personal_keys;
pub(crate) mod sequence;
