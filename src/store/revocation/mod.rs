//! Revocations and denials: the transaction that writes them, the feed for every node, and the receipts of revocations that
//! every node has carried out.

pub(crate) mod acting_session;
pub(crate) mod changes;
pub(crate) mod commit;
pub(crate) mod completion;
pub(crate) mod denials;
pub(crate) mod everyone;
pub(crate) mod heard;
pub(crate) mod listed;
pub(crate) mod listener;
pub(crate) mod order;
pub(crate) mod progress;
pub(crate) mod receipts;
pub(crate) mod row;
pub(crate) mod standing;
pub(crate) mod wide;
