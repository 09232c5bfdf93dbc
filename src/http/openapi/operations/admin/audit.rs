//! The audit log, for auditors and admins: `/api/v1/admin/audit`.

use serde_json::{Value, json};

use super::super::super::operation::Schemas;
use super::parts::{
    INVALID_ENTRY, INVALID_LAST_EVENT_ID, INVALID_NUMBER, INVALID_OUTCOME, NOT_FOUND, Operation,
    REASON_REQUIRED, get,
};
use crate::http::resources::admin::audit::{
    ConsistencyQuery, ConsistencyView, EventPage, EventsQuery, InclusionQuery, InclusionView, StreamQuery,
};

const SSE: &str = "text/event-stream";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/audit/events", "adminListAuditEvents", "The entries of the audit log, newest first.")
            .auditor()
            .page::<EventsQuery>()
            .refuses(&[INVALID_OUTCOME])
            .answers::<EventPage>(200, "A page of entries, with personal fields in the clear."),
        get("/api/v1/admin/audit/events/stream", "adminFollowAudit", "New entries of the audit log, as server-sent events.")
            .about("The stream ends after five minutes, or with the session. A client continues with `Last-Event-ID`.")
            .auditor()
            .query::<StreamQuery>()
            .header_parameter("Last-Event-ID", "The number of the last entry that the client has.", &number())
            .refuses(&[INVALID_LAST_EVENT_ID, INVALID_NUMBER, INVALID_OUTCOME])
            .answers_with(200, "Events `entry`. Their data are entries, and their ids are the numbers of the entries.", SSE, text)
            .answer_header(200, "CacheControl", "Cache-Control"),
        get("/api/v1/admin/audit/export", "adminExportAudit", "The entries of the audit log, oldest first.")
            .about("If the export cannot be completed, the connection is aborted. With `readable=true` it needs a recent step-up.")
            .auditor()
            .privileged()
            .query::<StreamQuery>()
            .refuses(&[INVALID_NUMBER, INVALID_OUTCOME, REASON_REQUIRED])
            .answers_with(200, "One line of JSON per entry.", "application/x-ndjson", text)
            .answer_header(200, "CacheControl", "Cache-Control"),
        get("/api/v1/admin/audit/proofs/inclusion", "adminProveInclusion", "Proves that an entry is in the log.")
            .auditor()
            .query::<InclusionQuery>()
            .refuses(&[INVALID_ENTRY, INVALID_NUMBER, NOT_FOUND])
            .answers::<InclusionView<'_>>(200, "The proof."),
        get("/api/v1/admin/audit/proofs/consistency", "adminProveConsistency", "Proves that the log has only grown.")
            .auditor()
            .query::<ConsistencyQuery>()
            .refuses(&[INVALID_NUMBER, NOT_FOUND])
            .answers::<ConsistencyView>(200, "The proof."),
    ]
}

fn text(_: &mut Schemas) -> Value {
    json!({"type": "string"})
}

fn number() -> Value {
    json!({"type": "integer", "minimum": 0})
}
