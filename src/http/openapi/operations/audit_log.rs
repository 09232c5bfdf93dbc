//! The audit log for every client: `/api/v1/audit`.

use serde_json::json;

use super::super::{
    codes::{NOT_FOUND, UNAVAILABLE},
    operation::{Operation, get},
    section::Section,
};

pub(super) fn section() -> Section {
    Section {
        tag: "Audit log",
        about: "The newest checkpoint of the audit log, and the key that verifies it. Auditors read the log below \
                `/api/v1/admin/audit`.",
        operations: vec![
            text("/api/v1/audit/checkpoint", "auditCheckpoint", "The newest checkpoint.")
                .about("A signed note (C2SP tlog-checkpoint). 404 before the first checkpoint."),
            text("/api/v1/audit/key", "auditKey", "The key that verifies checkpoints.")
                .about("A verifier key (C2SP signed-note). 404 if checkpoints are not signed."),
        ],
    }
}

fn text(path: &str, id: &str, summary: &str) -> Operation {
    get(path, id, summary)
        .refuses(&[NOT_FOUND, UNAVAILABLE])
        .answers_with(200, "The text.", "text/plain; charset=utf-8", |_| json!({"type": "string"}))
        .answer_header(200, "CacheControl", "Cache-Control")
}
