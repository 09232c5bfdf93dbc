//! Receipts of revocations: what was revoked, by which user, why and when, and when each node had carried it out.
//!
//! A receipt is part of the audit log, and is checked offline with the public key of the log. The store builds receipts of
//! complete revocations, services hand them out, and the command line verifies them. Everything here is pure.
//!
//! - [`document`]: the receipt itself, a JSON document with one canonical form
//! - [`standing`]: how far a node has carried a revocation out, and when that is final
//! - [`outward`]: what of a free text or a network may leave the server; [`reason`]: the reason beside the receipt
//! - [`batch`]: the tree of receipts to which one entry of the audit log commits
//! - [`signed`]: the receipt with its proofs, as it is handed out; [`verification`]: what it must prove;
//!   `unrepeated`: which JSON is read

pub mod batch;
pub mod document;
mod encoded_hash;
pub mod outward;
pub mod reason;
pub mod signed;
pub mod standing;
mod unrepeated;
pub mod verification;

/// The name of the audit event that commits to a batch of receipts.
pub const COMPLETED: &str = "revocations.completed";
/// The detail of this event that has the number of receipts.
pub const RECEIPTS: &str = "receipts";
/// The detail of this event that has the hash of the tree of receipts, in base64.
pub const RECEIPTS_ROOT: &str = "receipts_root";
