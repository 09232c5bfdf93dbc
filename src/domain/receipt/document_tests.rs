//! Tests: the canonical form of a receipt, when it is final, and what contradicts it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use protocol::id::{RevocationId, UserId};
use time::macros::datetime;

use super::*;
use crate::receipt::reason::Reason;

/// A node that has applied the revocation.
pub(crate) fn applied(node: u128, after_ms: u64, sockets: u32) -> ReceiptNode {
    ReceiptNode {
        node: Uuid::from_u128(node),
        state: NodeState::Applied,
        after_ms: Some(after_ms),
        at: Some(after(facts().committed_at, after_ms)),
        sockets_closed: Some(sockets),
    }
}

pub(crate) fn lapsed(node: u128, after_ms: u64) -> ReceiptNode {
    ReceiptNode { state: NodeState::Lapsed, sockets_closed: None, ..applied(node, after_ms, 0) }
}

pub(crate) fn pending(node: u128) -> ReceiptNode {
    ReceiptNode { state: NodeState::Pending, after_ms: None, at: None, ..lapsed(node, 0) }
}

pub(crate) fn reason() -> Reason {
    Reason::outward("left the company", Uuid::from_u128(5))
}

pub(crate) fn facts() -> RevocationFacts {
    RevocationFacts {
        revocation: RevocationId(12),
        target: ReceiptTarget { kind: "users".to_owned(), users: Some(2), ..ReceiptTarget::default() },
        cause: Cause::Revoked,
        reason_hash: reason().hash(),
        actor: Some(UserId(3)),
        committed_at: datetime!(2030-01-31 12:00:00.5 UTC),
        except_session: None,
        sessions: Some(4),
        excluded: 1,
        more: false,
    }
}

#[test]
fn the_canonical_form_is_one_line_of_json_in_alphabetical_order() {
    let receipt = Receipt::new(facts(), vec![lapsed(2, 2_900), applied(1, 18, 61)]);
    let hash = STANDARD.encode(reason().hash());
    assert_eq!(
        receipt.canonical().replace(&hash, "REASON"),
        r#"{"actor":3,"cause":"revoked","committed_at":"2030-01-31T12:00:00.500000Z","except_session":null,"excluded":1,"final":true,"more":false,"nodes":[{"after_ms":18,"at":"2030-01-31T12:00:00.518000Z","node":"00000000-0000-0000-0000-000000000001","sockets_closed":61,"state":"applied"},{"after_ms":2900,"at":"2030-01-31T12:00:03.400000Z","node":"00000000-0000-0000-0000-000000000002","sockets_closed":null,"state":"lapsed"}],"reason_hash":"REASON","revocation":12,"sessions":4,"slowest":{"after_ms":2900,"node":"00000000-0000-0000-0000-000000000002"},"sockets_closed":61,"target":{"kind":"users","users":2},"version":1}"#
    );
    assert_eq!(serde_json::from_str::<Receipt>(&receipt.canonical()).unwrap(), receipt);
    assert_eq!(receipt.contradiction(), None);
}

#[test]
fn a_receipt_is_final_only_when_every_node_has_applied_the_revocation_or_has_lapsed() {
    assert!(Receipt::new(facts(), vec![]).is_final);
    assert!(Receipt::new(facts(), vec![applied(1, 5, 0), lapsed(2, 9)]).is_final);
    let waiting = Receipt::new(facts(), vec![applied(1, 5, 0), pending(2)]);
    assert!(!waiting.is_final && waiting.contradiction().is_none());
    assert_eq!(waiting.pending().collect::<Vec<_>>(), [Uuid::from_u128(2)]);
}

#[test]
fn sums_that_do_not_fit_the_nodes_are_contradictions() {
    let receipt = || Receipt::new(facts(), vec![applied(1, 5, 7), lapsed(2, 9)]);
    let changes: [fn(&mut Receipt); 8] = [
        |receipt| receipt.sockets_closed += 1,
        |receipt| receipt.is_final = false,
        |receipt| receipt.slowest = None,
        |receipt| receipt.nodes.reverse(),
        |receipt| receipt.nodes[0].after_ms = Some(6),
        |receipt| receipt.nodes[1].at = None,
        |receipt| receipt.nodes[1].sockets_closed = Some(0),
        |receipt| receipt.nodes[1].state = NodeState::Pending,
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut receipt = receipt();
        change(&mut receipt);
        assert!(receipt.contradiction().is_some(), "change {number}");
    }
}

#[test]
fn another_spelling_of_a_time_and_an_unknown_field_are_refused() {
    let text = Receipt::new(facts(), vec![applied(1, 5, 7)]).canonical();
    for (from, to) in [
        ("2030-01-31T12:00:00.500000Z", "2030-01-31T12:00:00.5Z"),
        ("2030-01-31T12:00:00.505000Z", "2030-01-31T13:00:00.505000+01:00"),
        ("\"version\":1", "\"version\":1,\"note\":\"x\""),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(serde_json::from_str::<Receipt>(&text.replace(from, to)).is_err(), "{to}");
    }
}
