//! Verifies a receipt with only the public key of the audit log, and names the first thing that does not hold.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use uuid::Uuid;

use super::{
    COMPLETED, RECEIPTS, RECEIPTS_ROOT,
    document::{Receipt, VERSION},
    signed::SignedReceipt,
    unrepeated::Unrepeated,
};
use crate::transparency_log::{
    checkpoint::Checkpoint,
    entry::canonical_object,
    hash::{Hash, leaf_hash},
    note::{NoteError, NoteVerifier},
    proof::proves_inclusion,
};

/// What does not hold. Each is one sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The text is no receipt.
    #[error("this is no receipt: {0}")]
    Malformed(String),
    /// The receipt has an unknown version.
    #[error("the receipt has version {0}, and this program knows version {known}", known = VERSION)]
    Version(u64),
    /// A statement of the receipt contradicts its other statements.
    #[error("the receipt contradicts itself: {0}")]
    Contradiction(&'static str),
    /// A node has not answered.
    #[error("the receipt is not final: node {0} has neither applied the revocation nor lapsed")]
    NotFinal(Uuid),
    /// The reason is another one.
    #[error(
        "the reason beside the receipt is not the one that the receipt has the hash of: one of them was changed"
    )]
    Reason,
    /// The entry records something else.
    #[error("the entry of the log is not one of completed revocations: its event is `{0}`")]
    OtherEvent(String),
    /// The entry does not contain the receipt.
    #[error(
        "entry {0} of the log does not commit to this receipt: the receipt, its place in the batch or the entry was changed, or the entry is that of another revocation"
    )]
    NotCommitted(u64),
    /// The checkpoint is not signed.
    #[error("the checkpoint is not valid: {0}")]
    Checkpoint(NoteError),
    /// The checkpoint is that of another log.
    #[error("the checkpoint is one of the log `{0}`, and the key is not one of this log")]
    OtherLog(String),
    /// The entry is not in the tree of the checkpoint.
    #[error(
        "the proof does not show entry {index} in the log of {size} entries that the checkpoint signs: the entry or the proof was changed"
    )]
    NotIncluded {
        /// The number of the entry.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
}

/// A receipt of which everything holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// The receipt.
    pub receipt: Receipt,
    /// The reason of the revocation, if it was not erased.
    pub reason: Option<String>,
    /// The number of the entry in the log.
    pub index: u64,
    /// What the checkpoint says.
    pub checkpoint: Checkpoint,
}

/// Reads a receipt, and verifies it with these keys of the log.
///
/// # Errors
/// The first thing that does not hold.
pub fn verify(text: &str, keys: &[NoteVerifier]) -> Result<VerifiedReceipt, ReceiptError> {
    let SignedReceipt { batch, checkpoint, entry, proof, reason, receipt } = read(text)?;
    if let Some(contradiction) = receipt.contradiction() {
        return Err(ReceiptError::Contradiction(contradiction));
    }
    if let Some(node) = receipt.pending().next() {
        return Err(ReceiptError::NotFinal(node));
    }
    if reason.as_ref().is_some_and(|reason| reason.hash() != receipt.reason_hash) {
        return Err(ReceiptError::Reason);
    }
    let event = entry.get("event").and_then(Value::as_str).unwrap_or_default();
    if event != COMPLETED {
        return Err(ReceiptError::OtherEvent(event.to_owned()));
    }
    let index = entry.get("index").and_then(Value::as_u64);
    let index = index.ok_or_else(|| ReceiptError::Malformed("its entry has no number".to_owned()))?;
    let committed = entry.get("detail").and_then(|detail| {
        let root = STANDARD.decode(detail.get(RECEIPTS_ROOT)?.as_str()?).ok()?;
        Some((detail.get(RECEIPTS)?.as_u64()?, Hash::try_from(root).ok()?))
    });
    let contains = |(size, root): (u64, Hash)| size == batch.size && batch.proves(receipt.hash(), &root);
    if !committed.is_some_and(contains) {
        return Err(ReceiptError::NotCommitted(index));
    }
    let checkpoint = opened(&checkpoint, keys)?;
    let leaf = leaf_hash(canonical_object(&entry).as_bytes());
    if !proves_inclusion(leaf, index, checkpoint.size, &checkpoint.root, &proof) {
        return Err(ReceiptError::NotIncluded { index, size: checkpoint.size });
    }
    Ok(VerifiedReceipt { receipt, reason: reason.map(|reason| reason.text), index, checkpoint })
}

fn read(text: &str) -> Result<SignedReceipt, ReceiptError> {
    let malformed = |error: serde_json::Error| ReceiptError::Malformed(error.to_string());
    // A later version may have other fields, so the version is read first.
    let Unrepeated(value) = serde_json::from_str(text).map_err(malformed)?;
    let version = value.pointer("/receipt/version").and_then(Value::as_u64);
    match version {
        Some(version) if version != u64::from(VERSION) => Err(ReceiptError::Version(version)),
        // The text is read again, so that an error has its place in the text.
        _ => serde_json::from_str(text).map_err(malformed),
    }
}

fn opened(note: &str, keys: &[NoteVerifier]) -> Result<Checkpoint, ReceiptError> {
    let mut refused = NoteError::UnknownKey;
    for key in keys {
        match Checkpoint::open(note, std::slice::from_ref(key)) {
            Ok(checkpoint) if key.is_of_log(&checkpoint.origin) => return Ok(checkpoint),
            Ok(checkpoint) => return Err(ReceiptError::OtherLog(checkpoint.origin)),
            Err(NoteError::UnknownKey) => {}
            Err(error) => refused = error,
        }
    }
    Err(ReceiptError::Checkpoint(refused))
}

#[cfg(test)]
#[path = "verification_tests.rs"]
mod tests;
