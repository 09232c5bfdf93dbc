//! The tree of the receipts that one entry of the audit log commits to.
//!
//! Sign-outs are revocations, too. So that they do not cost an entry each, the receipts of a while share one: the entry has the
//! root of the tree, and each receipt proves its place in the tree. The tree is that of RFC 6962.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::encoded_hash;
use crate::transparency_log::{
    frontier::Frontier,
    hash::Hash,
    proof::{assembled, inclusion_ranges, proves_inclusion},
    subtree::{KnownSubtrees, Subtree},
};

/// The largest number of receipts in a batch.
pub const LARGEST: u32 = 500;

/// The place of a receipt in its batch, with the proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReceiptBatchPlace)]
pub struct BatchPlace {
    /// The number of the receipt in its batch, from 0.
    pub index: u64,
    /// The hashes of the proof in base64, from the leaf upwards.
    #[serde(with = "encoded_hash::list")]
    #[schema(value_type = Vec<String>)]
    pub proof: Vec<Hash>,
    /// The number of receipts in the batch.
    pub size: u64,
}

/// The root of the tree over these receipts, and the place of each.
#[must_use]
pub fn batch(receipts: &[Hash]) -> (Hash, Vec<BatchPlace>) {
    let (mut tree, mut known) = (Frontier::default(), KnownSubtrees::default());
    for (index, hash) in (0..).zip(receipts) {
        tree.push(*hash, |_, _| ());
        known.insert(Subtree { level: 0, index }, *hash);
    }
    let size = tree.size();
    let proof = |index| assembled(&inclusion_ranges(index, size)?, &known);
    // Every leaf is known, so every proof can be made.
    let places = (0..size).map(|index| BatchPlace { index, size, proof: proof(index).unwrap_or_default() });
    (tree.root(), places.collect())
}

/// The hash as the audit event has it.
#[must_use]
pub fn root_text(root: &Hash) -> String {
    STANDARD.encode(root)
}

impl BatchPlace {
    /// Whether the receipt with this hash is in this place of the batch with this root.
    #[must_use]
    pub fn proves(&self, receipt: Hash, root: &Hash) -> bool {
        proves_inclusion(receipt, self.index, self.size, root, &self.proof)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transparency_log::hash::leaf_hash;

    proptest! {
        #[test]
        fn each_receipt_proves_its_place_and_no_other(size in 1_u64..60, at: prop::sample::Index, other: prop::sample::Index) {
            let hashes: Vec<_> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
            let (root, places) = batch(&hashes);
            let (at, other) = (at.index(hashes.len()), other.index(hashes.len()));
            prop_assert!(places[at].proves(hashes[at], &root));
            prop_assert_eq!(places[at].proves(hashes[other], &root), at == other);
            let mut moved = places[at].clone();
            moved.index += 1;
            prop_assert!(!moved.proves(hashes[at], &root));
        }
    }
}
