//! The frontier of a tree: the hashes of its complete subtrees at the right edge, at most one of each height.
//!
//! The store keeps it in one row. An append computes at most as many hashes as the tree has levels, and reads no earlier leaf.

use super::{
    hash::{Hash, joined, node_hash},
    subtree::Subtree,
};

/// The complete subtrees of a tree, from the largest to the smallest. Their sizes are the ones in the binary form of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The frontier of `size` leaves with these hashes, one after the other. `None` if the number of hashes does not fit.
    #[must_use]
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && hashes.len() == size.count_ones() as usize;
        fits.then(|| Self { size, hashes: hashes.to_vec() })
    }

    /// The hashes, one after the other.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.concat()
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hash of the whole tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        joined(&self.hashes)
    }

    /// Appends a leaf. `completed` gets each subtree that the leaf completes, the leaf itself included, with its hash.
    pub fn push(&mut self, leaf: Hash, mut completed: impl FnMut(Subtree, Hash)) {
        let (mut hash, mut level) = (leaf, 0);
        completed(Subtree { level, index: self.size }, hash);
        while self.size >> level & 1 == 1 {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            level += 1;
            completed(Subtree { level, index: self.size >> level }, hash);
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// The complete subtrees with their hashes, from left to right.
    #[must_use]
    pub fn subtrees(&self) -> Vec<(Subtree, Hash)> {
        Subtree::covering(0, self.size).into_iter().zip(self.hashes.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        crypto::key::hex,
        transparency_log::hash::{empty_root, leaf_hash},
    };

    /// The leaves and the roots of the first trees over them, from the reference implementations of Certificate Transparency:
    /// `testonly/constants.go` of github.com/transparency-dev/merkle.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn the_roots_are_those_of_the_reference_implementation() {
        let mut frontier = Frontier::default();
        assert_eq!(hex(&frontier.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (leaf, root) in LEAVES.iter().zip(ROOTS) {
            frontier.push(leaf_hash(leaf), |_, _| ());
            assert_eq!(hex(&frontier.root()), root);
        }
    }

    /// RFC 6962, section 2.1, word for word.
    fn tree_hash(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&tree_hash(left), &tree_hash(right))
            }
        }
    }

    proptest! {
        #[test]
        fn an_appended_tree_has_the_hash_of_the_definition_and_survives_its_row(size in 0_usize..300) {
            let leaves: Vec<_> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
            let mut frontier = Frontier::default();
            for leaf in &leaves {
                let (before, bytes) = (frontier.size(), frontier.to_bytes());
                frontier = Frontier::from_bytes(before, &bytes).unwrap();
                frontier.push(*leaf, |_, _| ());
            }
            prop_assert_eq!(frontier.root(), tree_hash(&leaves));
        }
    }

    #[test]
    fn a_row_with_another_number_of_hashes_is_no_frontier() {
        assert!(Frontier::from_bytes(3, &[0; 64]).is_some());
        assert!(Frontier::from_bytes(4, &[0; 64]).is_none());
        assert!(Frontier::from_bytes(3, &[0; 63]).is_none());
    }
}
