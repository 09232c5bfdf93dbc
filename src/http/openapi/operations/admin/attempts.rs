//! Attempts to sign in: `/api/v1/admin/attempts`.

use super::parts::{
    CONTRADICTING_FILTERS, INVALID_COUNTRY, INVALID_CURSOR, INVALID_NETWORK, INVALID_PERIOD,
    INVALID_THRESHOLD, Operation, get,
};
use crate::http::{
    resources::admin::attempts::{AttemptsQuery, OperatorAttemptPage, StuffingQuery},
    views::attempt::WaveView,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/attempts", "adminListAttempts", "The attempts to sign in, newest first.")
            .operator()
            .page::<AttemptsQuery>()
            .refuses(&[CONTRADICTING_FILTERS, INVALID_COUNTRY, INVALID_NETWORK])
            .answers::<OperatorAttemptPage>(200, "A page of attempts."),
        get(
            "/api/v1/admin/attempts/stuffing",
            "adminFindStuffing",
            "The accounts with a password that a stuffing wave has found.",
        )
        .about("A source is in the wave if many of its attempts failed, on many accounts.")
        .operator()
        .query::<StuffingQuery>()
        .refuses(&[INVALID_CURSOR, INVALID_PERIOD, INVALID_THRESHOLD])
        .answers::<WaveView<'_>>(200, "A page of accounts."),
    ]
}
