//! Exports of personal data, and erasures: `/api/v1/admin/users/{id}/export` and the like.

use super::parts::{ERASURE_REQUESTED, INVALID_STATE, LAST_ADMIN, OWN_ACCOUNT, Operation, delete, get, post};
use crate::http::resources::admin::erasures::{
    ErasureChange, ErasurePage, ErasuresQuery, ExportQuery, RequestedErasureView,
};

const ERASURE: &str = "/api/v1/admin/users/{id}/erasure";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/admin/erasures",
            "adminListErasures",
            "The requests and records of erasures, newest first.",
        )
        .operator()
        .page::<ErasuresQuery>()
        .refuses(&[INVALID_STATE])
        .answers::<ErasurePage<'_>>(200, "A page of erasures."),
        get(
            "/api/v1/admin/users/{id}/export",
            "adminExportUser",
            "Everything that the server holds about a user.",
        )
        .about("If the export cannot be completed, the connection is aborted.")
        .operator_change()
        .path_account("id")
        .query::<ExportQuery>()
        .refuses(&[OWN_ACCOUNT])
        .answers_export(),
        post(ERASURE, "adminRequestErasure", "Requests the erasure of an account.")
            .about("The account is deactivated, and its sessions end. The data are erased after some days.")
            .operator_change()
            .path_account("id")
            .body::<ErasureChange>()
            .refuses(&[OWN_ACCOUNT, LAST_ADMIN, ERASURE_REQUESTED])
            .answers::<RequestedErasureView<'_>>(202, "The request, and what has ended."),
        delete(ERASURE, "adminCancelErasure", "Cancels an erasure that has not begun.")
            .operator_change()
            .path_account("id")
            .body::<ErasureChange>()
            .refuses(&[OWN_ACCOUNT])
            .answers_nothing(204, "The erasure is cancelled."),
    ]
}
