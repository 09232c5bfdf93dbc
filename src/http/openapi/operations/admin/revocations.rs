//! Revocations: `/api/v1/admin/revocations`.

use domain::receipt::signed::SignedReceipt;

use super::parts::{
    ADMIN_REQUIRED, INVALID_NETWORK, INVALID_SUBJECT, INVALID_USERS, LOCK_NEEDS_USERS, MOMENT_IN_FUTURE,
    NETWORK_TOO_WIDE, NO_RECEIPT, NOT_FOUND, ONE_TARGET_REQUIRED, OWN_ACCOUNT, Operation, RECEIPT_PENDING,
    SUBJECT_IS_ACCOUNT, get, post,
};
use crate::http::{
    resources::admin::revocations::{RevocationPage, RevocationRequest, RevocationsQuery},
    views::revocation::{OperatorRevocationView, ProgressView},
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/revocations", "adminListRevocations", "The revocations, newest first.")
            .operator()
            .page::<RevocationsQuery>()
            .answers::<RevocationPage<'_>>(200, "A page of revocations."),
        post("/api/v1/admin/revocations", "adminRevoke", "Ends sessions.")
            .about("The body has exactly one target. To end all sessions, or to lock passwords, the caller must be an admin.")
            .operator_change()
            .body::<RevocationRequest>()
            .refuses(&[ONE_TARGET_REQUIRED, INVALID_USERS, INVALID_NETWORK, NETWORK_TOO_WIDE, INVALID_SUBJECT])
            .refuses(&[SUBJECT_IS_ACCOUNT, MOMENT_IN_FUTURE, LOCK_NEEDS_USERS])
            .refuses(&[ADMIN_REQUIRED, OWN_ACCOUNT, NOT_FOUND])
            .answers::<OperatorRevocationView>(200, "What has ended.")
            .answers::<OperatorRevocationView>(202, "What has ended. Some sockets are not closed yet.")
            .idempotent(),
        get("/api/v1/admin/revocations/{revocation}", "adminReadRevocation", "A revocation, and how far it is carried out.")
            .operator()
            .path_id("revocation", "The id of the revocation.")
            .answers::<ProgressView<'_>>(200, "The revocation."),
        get("/api/v1/admin/revocations/{revocation}/receipt", "adminReadReceipt", "The receipt of a revocation.")
            .about("The receipt is checked offline with the key of the audit log. There is none before every node has carried the revocation out.")
            .operator()
            .path_id("revocation", "The id of the revocation.")
            .refuses(&[NO_RECEIPT, RECEIPT_PENDING])
            .answers::<SignedReceipt>(200, "The receipt, with its proofs."),
    ]
}
