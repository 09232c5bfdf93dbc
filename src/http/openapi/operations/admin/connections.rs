//! Open connections of a node: `/api/v1/admin/connections`.

use super::parts::{INVALID_COUNTRY, INVALID_NETWORK, INVALID_SEARCH, INVALID_SUBJECT, Operation, get};
use crate::http::resources::admin::connections::{ConnectionPage, ConnectionsQuery};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/admin/connections",
            "adminListConnections",
            "The open connections of the node that answers.",
        )
        .operator()
        .page::<ConnectionsQuery>()
        .refuses(&[INVALID_COUNTRY, INVALID_NETWORK, INVALID_SEARCH, INVALID_SUBJECT])
        .answers::<ConnectionPage>(200, "A page of connections."),
    ]
}
