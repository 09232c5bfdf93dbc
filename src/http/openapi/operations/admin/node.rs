//! The node that answers: `/api/v1/admin/node`.

use super::parts::{Operation, get};
use crate::http::resources::admin::node::NodeView;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/node", "adminShowNode", "What the node that answers does now.")
            .operator()
            .answers::<NodeView>(200, "The figures of the node."),
    ]
}
