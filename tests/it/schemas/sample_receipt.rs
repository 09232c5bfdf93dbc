//! The receipt in the dumps: that of a revocation which one node has carried out. `schemas` puts it into the row file.

use domain::receipt::{
    batch::{batch, root_text},
    document::{NodeState, Receipt, ReceiptNode, ReceiptTarget, RevocationFacts, after},
    reason::Reason,
};
use protocol::{
    close::Cause,
    id::{RevocationId, UserId},
};
use time::macros::datetime;
use uuid::{Uuid, uuid};

/// The number of the revocation in the row file.
pub(super) const REVOCATION: i64 = 7;
/// Its reason.
pub(super) const REASON: &str = "two accounts";

const SALT: Uuid = uuid!("00000000-0000-4000-8000-0000000000a9");
const NODE: Uuid = uuid!("00000000-0000-4000-8000-0000000000b3");

/// Replaces the names of the parts of the receipt.
pub(super) fn fill(rows: &str) -> String {
    let receipt = receipt();
    let (root, _) = batch(&[receipt.hash()]);
    rows.replace("{RECEIPT}", &receipt.canonical())
        .replace("{RECEIPT_ROOT}", &root_text(&root))
        .replace("{RECEIPT_SALT}", &SALT.to_string())
}

fn receipt() -> Receipt {
    let committed_at = datetime!(2026-01-02 00:00 UTC);
    let facts = RevocationFacts {
        revocation: RevocationId(REVOCATION),
        target: ReceiptTarget { kind: "users".to_owned(), users: Some(2), ..ReceiptTarget::default() },
        cause: Cause::Revoked,
        reason_hash: Reason::outward(REASON, SALT).hash(),
        actor: Some(UserId(4)),
        committed_at,
        except_session: None,
        sessions: Some(0),
        excluded: 0,
        more: false,
    };
    let node = ReceiptNode {
        after_ms: Some(18),
        at: Some(after(committed_at, 18)),
        node: NODE,
        sockets_closed: Some(2),
        state: NodeState::Applied,
    };
    Receipt::new(facts, vec![node])
}
