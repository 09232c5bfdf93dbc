//! Issuers of tokens: `/api/v1/admin/issuers`.

use super::parts::{Operation, get};
use crate::http::resources::admin::issuers::IssuerPage;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/issuers", "adminListIssuers", "The issuers of tokens that the server accepts.")
            .operator()
            .answers::<IssuerPage<'_>>(200, "The issuers, without secrets. There is always one page."),
    ]
}
