//! Drills: `/api/v1/admin/drill`.

use domain::drill::DrillReport;

use super::parts::{ADMIN_REQUIRED, DRILL_RUNNING, Operation, post};
use crate::http::resources::admin::drill::DrillRequest;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/api/v1/admin/drill", "adminDrill", "Drills the revocations of this node.")
            .about(
                "An account of the server signs in, holds a WebSocket and both streams open, and is revoked. The answer says, for \
                 each door, when the client saw it shut. If there are other nodes, one of them revokes a second session. The \
                 answer is 200 also if a door was late or stayed open.",
            )
            .operator_change()
            .body::<DrillRequest>()
            .refuses(&[ADMIN_REQUIRED, DRILL_RUNNING])
            .answers::<DrillReport>(200, "What the drill has shown."),
    ]
}
