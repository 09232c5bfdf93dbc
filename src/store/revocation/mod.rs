//! Revocations and denials: the transaction that writes them, and the feed through which every node reads them.

pub(crate) mod acting_session;
pub(crate) mod changes;
pub(crate) mod commit;
pub(crate) mod denials;
pub(crate) mod everyone;
pub(crate) mod heard;
pub(crate) mod listed;
pub(crate) mod listener;
pub(crate) mod order;
pub(crate) mod progress;
pub(crate) mod row;
pub(crate) mod wide;
