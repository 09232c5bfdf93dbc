//! The entries of drills in the list of tables.

use super::table::{PersonalTable, impersonal, withheld};

/// Requests for drills.
pub(super) const DRILL_REQUESTS: PersonalTable = impersonal(
    "drill_requests",
    "requests for drills",
    &[withheld("a request names no person", &["id", "requested_at"])],
    "a request names no person, and is kept for a day",
);

/// Drills.
pub(super) const DRILLS: PersonalTable = impersonal(
    "drills",
    "drills of the revocations, with the canary account of the server",
    &[withheld(
        "the canary account is no person",
        &[
            "id",
            "node",
            "request_id",
            "started_by",
            "started_at",
            "finished_at",
            "outcome",
            "report",
            "session_id",
            "offered_at",
            "claimed_by",
            "claimed_at",
        ],
    )],
    "the canary account is no person; a report is kept for 30 days",
);
