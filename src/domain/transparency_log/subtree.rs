//! Complete subtrees: their places, and the hashes that are known of them.
//!
//! The store keeps the hashes of leaves and of some subtrees. A proof needs the hashes of others, which are computed from them.

use std::collections::HashMap;

use super::hash::{Hash, joined, node_hash};

/// The subtree over the leaves from `index << level`, `1 << level` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subtree {
    /// The height: 0 for a leaf.
    pub level: u8,
    /// The number of subtrees of the same height to its left.
    pub index: u64,
}

impl Subtree {
    /// The first leaf.
    #[must_use]
    pub fn first(self) -> u64 {
        self.index << self.level
    }

    /// The leaf after the last one.
    #[must_use]
    pub fn end(self) -> u64 {
        (self.index + 1) << self.level
    }

    /// The complete subtrees over the leaves from `first` until before `end`, from left to right. `first` must be a possible
    /// beginning of a tree of this size, as in all ranges of a proof.
    #[must_use]
    pub fn covering(first: u64, end: u64) -> Vec<Self> {
        let (mut subtrees, mut at) = (Vec::new(), first);
        while at < end {
            let level = (end - at).ilog2();
            subtrees.push(Self { level: level as u8, index: at >> level });
            at += 1 << level;
        }
        subtrees
    }
}

/// Known hashes of subtrees.
#[derive(Clone, Debug, Default)]
pub struct KnownSubtrees(HashMap<Subtree, Hash>);

impl KnownSubtrees {
    /// Adds a hash.
    pub fn insert(&mut self, subtree: Subtree, hash: Hash) {
        self.0.insert(subtree, hash);
    }

    /// The hash of a subtree: known, or computed from those below it. `None` if some are unknown.
    #[must_use]
    pub fn hash(&self, subtree: Subtree) -> Option<Hash> {
        if let Some(hash) = self.0.get(&subtree) {
            return Some(*hash);
        }
        let level = subtree.level.checked_sub(1)?;
        let left = self.hash(Subtree { level, index: subtree.index * 2 })?;
        Some(node_hash(&left, &self.hash(Subtree { level, index: subtree.index * 2 + 1 })?))
    }

    /// The tree hash of the leaves from `first` until before `end`; see [`Subtree::covering`].
    #[must_use]
    pub fn range(&self, first: u64, end: u64) -> Option<Hash> {
        let hashes: Option<Vec<_>> =
            Subtree::covering(first, end).into_iter().map(|subtree| self.hash(subtree)).collect();
        hashes.map(|hashes| joined(&hashes))
    }
}
