//! The receipt as it is handed out: with the entry of the audit log that commits to it, and with the proofs.
//!
//! It has one signature, that of the checkpoint: the checkpoint signs the tree of the log, the proof shows the entry in this
//! tree, the entry has the root of a batch of receipts, and the place in the batch shows the receipt.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{batch::BatchPlace, document::Receipt, encoded_hash, reason::Reason};
use crate::transparency_log::{entry::canonical_object, hash::Hash};

/// A receipt with everything that proves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignedReceipt)]
pub struct SignedReceipt {
    /// The place of the receipt in the batch whose root the entry has.
    pub batch: BatchPlace,
    /// A signed checkpoint of the log (C2SP tlog-checkpoint) that covers the entry.
    pub checkpoint: String,
    /// The entry of the log: the members of the leaf.
    #[schema(value_type = Object)]
    pub entry: Map<String, Value>,
    /// The hashes in base64 that prove the entry in the tree of the checkpoint, from the leaf upwards.
    #[serde(with = "encoded_hash::list")]
    #[schema(value_type = Vec<String>)]
    pub proof: Vec<Hash>,
    /// The reason of the revocation; null if it was erased.
    pub reason: Option<Reason>,
    /// The receipt.
    pub receipt: Receipt,
}

impl SignedReceipt {
    /// One line of JSON, the members in alphabetical order.
    #[must_use]
    pub fn encoded(&self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => canonical_object(&fields),
            // A structure with texts, numbers and lists is always an object of JSON.
            _ => String::new(),
        }
    }
}
