//! How far a node has carried a revocation out, from what the database knows of the node.

use time::OffsetDateTime;
use uuid::Uuid;

use super::document::{NodeState, ReceiptNode, after};

/// After this time, a node that has read the revocation and has noted no count counts as done. The wait for sockets ends long
/// before that: a peer that does not read is reset after 250 ms.
const UNCOUNTED_AFTER_MS: u64 = 30_000;
/// After this time, a node counts as lapsed if the database does not know it.
const UNKNOWN_AFTER_MS: u64 = 60_000;

/// What a node has noted of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// Nothing.
    Nothing,
    /// It has begun.
    Closing,
    /// All of its sockets are closed.
    Closed {
        /// The sockets that it closed.
        sockets: u32,
        /// Milliseconds until they were closed.
        after_ms: u64,
    },
    /// Some sockets were not closed in time. The node notes another result when they are.
    Incomplete,
}

/// What the database knows of the lease of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Whether the lease has lapsed.
    pub lapsed: bool,
    /// Milliseconds from the commit until the end of the lease.
    pub ends_after_ms: u64,
    /// Milliseconds from the commit until the lease was last renewed.
    pub renewed_after_ms: u64,
    /// Whether the node had read the revocation, and all before it, when it last renewed the lease.
    pub has_read: bool,
}

/// What the database knows of a node and a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    /// The node.
    pub node: Uuid,
    /// What it has noted.
    pub noted: Noted,
    /// Its lease; `None` for a node that the database does not know.
    pub lease: Option<Lease>,
}

/// How far the node is. `age_ms` are the milliseconds since the commit.
#[must_use]
pub fn standing(facts: NodeFacts, committed_at: OffsetDateTime, age_ms: u64) -> ReceiptNode {
    let (state, after_ms, sockets_closed) = match (facts.noted, facts.lease) {
        (Noted::Closed { sockets, after_ms }, _) => (NodeState::Applied, Some(after_ms), Some(sockets)),
        (_, Some(lease)) if lease.lapsed => (NodeState::Lapsed, Some(lease.ends_after_ms), None),
        (Noted::Nothing | Noted::Closing, Some(lease)) if lease.has_read && age_ms >= UNCOUNTED_AFTER_MS => {
            (NodeState::Applied, Some(lease.renewed_after_ms), None)
        }
        (_, None) if age_ms >= UNKNOWN_AFTER_MS => (NodeState::Lapsed, Some(age_ms), None),
        _ => (NodeState::Pending, None, None),
    };
    let at = after_ms.map(|after_ms| after(committed_at, after_ms));
    ReceiptNode { node: facts.node, state, at, after_ms, sockets_closed }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const AT: OffsetDateTime = datetime!(2030-01-31 12:00 UTC);
    const LIVE: Lease =
        Lease { lapsed: false, ends_after_ms: 5_000, renewed_after_ms: 2_000, has_read: true };

    fn of(noted: Noted, lease: Option<Lease>, age_ms: u64) -> (NodeState, Option<u64>, Option<u32>) {
        let node = standing(NodeFacts { node: Uuid::nil(), noted, lease }, AT, age_ms);
        (node.state, node.after_ms, node.sockets_closed)
    }

    #[test]
    fn a_node_that_has_noted_its_sockets_has_applied_the_revocation_also_if_it_lapsed_later() {
        let noted = Noted::Closed { sockets: 7, after_ms: 18 };
        for lease in [Some(LIVE), Some(Lease { lapsed: true, ..LIVE }), None] {
            assert_eq!(of(noted, lease, 0), (NodeState::Applied, Some(18), Some(7)));
        }
    }

    #[test]
    fn a_node_without_a_note_is_pending_until_its_lease_has_lapsed() {
        for noted in [Noted::Nothing, Noted::Closing, Noted::Incomplete] {
            assert_eq!(of(noted, Some(LIVE), 29_999), (NodeState::Pending, None, None));
            let lapsed = Lease { lapsed: true, ..LIVE };
            assert_eq!(of(noted, Some(lapsed), 0), (NodeState::Lapsed, Some(5_000), None));
        }
    }

    #[test]
    fn a_node_that_has_read_the_revocation_long_ago_has_applied_it_without_a_count() {
        assert_eq!(of(Noted::Nothing, Some(LIVE), 30_000), (NodeState::Applied, Some(2_000), None));
        let unread = Lease { has_read: false, ..LIVE };
        assert_eq!(of(Noted::Nothing, Some(unread), u64::MAX), (NodeState::Pending, None, None));
        // Its sockets are still open, so the node is not done, however long that takes.
        assert_eq!(of(Noted::Incomplete, Some(LIVE), u64::MAX), (NodeState::Pending, None, None));
    }

    #[test]
    fn a_node_that_the_database_does_not_know_is_lapsed_after_a_minute() {
        assert_eq!(of(Noted::Closing, None, 59_999).0, NodeState::Pending);
        assert_eq!(of(Noted::Closing, None, 60_000), (NodeState::Lapsed, Some(60_000), None));
    }

    proptest! {
        #[test]
        fn no_standing_contradicts_a_receipt(
            kind in 0_u8..4, known: bool, lapsed: bool, has_read: bool, ends_after_ms in 0_u64..1 << 40,
            renewed_after_ms in 0_u64..1 << 40, age_ms in 0_u64..1 << 40, sockets: u32,
        ) {
            let noted = match kind {
                0 => Noted::Nothing,
                1 => Noted::Closing,
                2 => Noted::Closed { sockets, after_ms: renewed_after_ms },
                _ => Noted::Incomplete,
            };
            let lease = known.then_some(Lease { lapsed, ends_after_ms, renewed_after_ms, has_read });
            let node = standing(NodeFacts { node: Uuid::nil(), noted, lease }, AT, age_ms);
            let facts = super::super::document::RevocationFacts {
                committed_at: AT,
                ..super::super::document::tests::facts()
            };
            prop_assert_eq!(super::super::document::Receipt::new(facts, vec![node]).contradiction(), None);
        }
    }
}
