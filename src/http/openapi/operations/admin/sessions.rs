//! Sessions of accounts, and external sessions: `/api/v1/admin/sessions`.

use super::parts::{
    CONTRADICTING_FILTERS, INVALID_COUNTRY, INVALID_NETWORK, INVALID_SEARCH, INVALID_SUBJECT, Operation, get,
};
use crate::http::resources::admin::sessions::{AnySessionPage, SessionsQuery};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/sessions", "adminListSessions", "Sessions of accounts, and external sessions.")
            .about("A page may have fewer sessions than `limit`. The list ends when `next_cursor` is null.")
            .operator()
            .page::<SessionsQuery>()
            .refuses(&[
                CONTRADICTING_FILTERS,
                INVALID_COUNTRY,
                INVALID_NETWORK,
                INVALID_SEARCH,
                INVALID_SUBJECT,
            ])
            .answers::<AnySessionPage>(200, "A page of sessions."),
    ]
}
