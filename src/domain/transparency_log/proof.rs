//! Proofs that an entry is in a tree, and that a tree is the beginning of a larger one (RFC 6962, sections 2.1.1 and 2.1.2).
//!
//! A proof is a list of tree hashes of ranges of leaves. [`inclusion_ranges`] and [`consistency_ranges`] name the ranges; the
//! store loads what [`needed`] lists, and [`assembled`] makes the proof.

use super::{
    hash::{Hash, node_hash},
    subtree::{KnownSubtrees, Subtree},
};

/// Leaves from the first number until before the second one.
pub type Range = (u64, u64);

/// The ranges of a proof that leaf `index` is in the tree of `size` leaves, in the order of the proof. Their hashes are the
/// proof. `None` if the tree has no such leaf.
#[must_use]
pub fn inclusion_ranges(index: u64, size: u64) -> Option<Vec<Range>> {
    if index >= size {
        return None;
    }
    let (mut first, mut end, mut ranges) = (0, size, Vec::new());
    while end - first > 1 {
        let middle = first + split(end - first);
        if index < middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((first, middle));
            first = middle;
        }
    }
    ranges.reverse();
    Some(ranges)
}

/// The ranges of a proof, in its order; the proof consists of their hashes. It shows that the tree of `old` leaves is the
/// beginning of the tree of `new` leaves. `None` if `old` is 0 or larger than `new`.
#[must_use]
pub fn consistency_ranges(old: u64, new: u64) -> Option<Vec<Range>> {
    if old == 0 || old > new {
        return None;
    }
    let (mut first, mut end, mut ranges) = (0, new, Vec::new());
    while old < end {
        let middle = first + split(end - first);
        if old <= middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((first, middle));
            first = middle;
        }
    }
    // The old tree is a subtree from `first`. If it is the whole old tree, the verifier has its hash.
    if first > 0 {
        ranges.push((first, end));
    }
    ranges.reverse();
    Some(ranges)
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The subtrees that a proof of these ranges needs. Their hashes must be known.
#[must_use]
pub fn needed(ranges: &[Range]) -> Vec<Subtree> {
    ranges.iter().flat_map(|(first, end)| Subtree::covering(*first, *end)).collect()
}

/// The proof of these ranges. `None` if a hash is unknown.
#[must_use]
pub fn assembled(ranges: &[Range], known: &KnownSubtrees) -> Option<Vec<Hash>> {
    ranges.iter().map(|(first, end)| known.range(*first, *end)).collect()
}

/// Whether the proof shows that `leaf` is leaf `index` of the tree of `size` leaves with this root (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn proves_inclusion(leaf: Hash, index: u64, size: u64, root: &Hash, proof: &[Hash]) -> bool {
    let Some(ranges) = inclusion_ranges(index, size) else { return false };
    if ranges.len() != proof.len() {
        return false;
    }
    let hash = ranges.iter().zip(proof).fold(leaf, |hash, ((first, _), sibling)| {
        if *first > index { node_hash(&hash, sibling) } else { node_hash(sibling, &hash) }
    });
    hash == *root
}

/// Whether the proof shows that the old tree is the beginning of the new tree (RFC 9162, section 2.1.4.2). The old tree has
/// `old` leaves and the root `old_root`, the new tree has `new` leaves and the root `new_root`.
#[must_use]
pub fn proves_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, proof: &[Hash]) -> bool {
    let Some(ranges) = consistency_ranges(old, new) else { return false };
    if ranges.len() != proof.len() {
        return false;
    }
    // The first hash is that of the last subtree of the old tree, unless that subtree is the old tree itself.
    let ends_inside = ranges.first().is_some_and(|(first, end)| *first > 0 && *end <= old);
    let (seed, rest) = match (ends_inside, proof.split_first()) {
        (true, Some((seed, rest))) => (*seed, ranges[1..].iter().zip(rest)),
        _ => (*old_root, ranges.iter().zip(proof)),
    };
    let (mut from_old, mut from_new) = (seed, seed);
    for ((first, _), sibling) in rest {
        if *first < old {
            from_old = node_hash(sibling, &from_old);
            from_new = node_hash(sibling, &from_new);
        } else {
            from_new = node_hash(&from_new, sibling);
        }
    }
    from_old == *old_root && from_new == *new_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transparency_log::{frontier::Frontier, hash::leaf_hash};

    fn leaf(n: u64) -> Hash {
        leaf_hash(&n.to_be_bytes())
    }

    /// The leaves of a tree, its root, and the roots of its beginnings.
    fn tree(size: u64) -> (KnownSubtrees, Vec<Hash>) {
        let (mut frontier, mut known) = (Frontier::default(), KnownSubtrees::default());
        let mut roots = vec![frontier.root()];
        for n in 0..size {
            frontier.push(leaf(n), |_, _| ());
            known.insert(Subtree { level: 0, index: n }, leaf(n));
            roots.push(frontier.root());
        }
        (known, roots)
    }

    /// The paths of the example in RFC 6962, section 2.1.3: a tree of seven leaves.
    #[test]
    fn the_ranges_are_those_of_the_example_of_the_standard() {
        // [b, h, l], [c, g, l], [f, j, k], [i, k]
        assert_eq!(inclusion_ranges(0, 7).unwrap(), [(1, 2), (2, 4), (4, 7)]);
        assert_eq!(inclusion_ranges(3, 7).unwrap(), [(2, 3), (0, 2), (4, 7)]);
        assert_eq!(inclusion_ranges(4, 7).unwrap(), [(5, 6), (6, 7), (0, 4)]);
        assert_eq!(inclusion_ranges(6, 7).unwrap(), [(4, 6), (0, 4)]);
        // [c, d, g, l], [l], [i, j, k]
        assert_eq!(consistency_ranges(3, 7).unwrap(), [(2, 3), (3, 4), (0, 2), (4, 7)]);
        assert_eq!(consistency_ranges(4, 7).unwrap(), [(4, 7)]);
        assert_eq!(consistency_ranges(6, 7).unwrap(), [(4, 6), (6, 7), (0, 4)]);
        assert_eq!(
            (inclusion_ranges(7, 7), consistency_ranges(0, 7), consistency_ranges(8, 7)),
            (None, None, None)
        );
    }

    proptest! {
        #[test]
        fn an_entry_of_a_tree_is_proved_and_no_other(size in 1_u64..400, index: prop::sample::Index, other: u64) {
            let (known, roots) = tree(size);
            let index = index.index(size as usize) as u64;
            let proof = assembled(&inclusion_ranges(index, size).unwrap(), &known).unwrap();
            let root = roots[size as usize];
            prop_assert!(proves_inclusion(leaf(index), index, size, &root, &proof));
            prop_assert!(!proves_inclusion(leaf(size + other % 9), index, size, &root, &proof));
            prop_assert!(!proves_inclusion(leaf(index), (index + 1) % size, size, &root, &proof) || size == 1);
            prop_assert!(!proves_inclusion(leaf(index), index, size, &leaf(other), &proof));
        }

        #[test]
        fn a_beginning_of_a_tree_is_proved_and_no_other_tree(new in 1_u64..400, old: prop::sample::Index, flip: prop::sample::Index) {
            let (known, roots) = tree(new);
            let old = old.index(new as usize) as u64 + 1;
            let mut proof = assembled(&consistency_ranges(old, new).unwrap(), &known).unwrap();
            let (old_root, new_root) = (roots[old as usize], roots[new as usize]);
            prop_assert!(proves_consistency(old, &old_root, new, &new_root, &proof));
            prop_assert!(!proves_consistency(old, &leaf(0), new, &new_root, &proof) || old_root == leaf(0));
            prop_assert!(!proves_consistency(old, &old_root, new, &[7; 32], &proof));
            if !proof.is_empty() {
                let at = flip.index(proof.len());
                proof[at][0] ^= 1;
                prop_assert!(!proves_consistency(old, &old_root, new, &new_root, &proof));
            }
        }

        #[test]
        fn a_proof_needs_no_leaf_of_the_beginning_if_the_frontier_of_the_beginning_is_kept(
            size in 2_u64..300, kept_from: prop::sample::Index, index: prop::sample::Index, old: prop::sample::Index,
        ) {
            let kept_from = kept_from.index(size as usize) as u64;
            let (mut frontier, mut known) = (Frontier::default(), KnownSubtrees::default());
            for n in 0..size {
                if n == kept_from {
                    frontier.subtrees().into_iter().for_each(|(subtree, hash)| known.insert(subtree, hash));
                }
                frontier.push(leaf(n), |_, _| ());
                if n >= kept_from {
                    known.insert(Subtree { level: 0, index: n }, leaf(n));
                }
            }
            let index = kept_from + index.index((size - kept_from) as usize) as u64;
            let proof = assembled(&inclusion_ranges(index, size).unwrap(), &known).unwrap();
            prop_assert!(proves_inclusion(leaf(index), index, size, &frontier.root(), &proof));
            let old = kept_from.max(1) + old.index((size - kept_from) as usize) as u64;
            if old <= size {
                prop_assert!(assembled(&consistency_ranges(old, size).unwrap(), &known).is_some());
            }
        }
    }
}
