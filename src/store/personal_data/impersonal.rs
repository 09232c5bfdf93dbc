//! Tables without rows about persons: the form of their entries in the list of tables, and the entries of drills.

use super::table::{Effect, PersonalTable, Withheld, withheld};

/// Rows that an export reads at once.
pub(super) const PAGE: i64 = 500;

/// A table without rows about persons.
pub(super) const fn impersonal(
    name: &'static str,
    holds: &'static str,
    columns: &'static [Withheld],
    why: &'static str,
) -> PersonalTable {
    PersonalTable {
        name,
        holds,
        of_person: "",
        order: &[],
        member: None,
        page: PAGE,
        exported: &[],
        withheld: columns,
        effect: Effect::Kept(why),
    }
}

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
