//! The query of a list that clients read page by page.

use serde::Deserialize;
use service::PageRequest;
use utoipa::IntoParams;

use super::{body::Shape, page_limit::page_limit};
use crate::http::problem::Problem;

/// The page that the client wants.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// The number of entries.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    pub(crate) cursor: Option<String>,
}

impl Page {
    /// The page, after a check of its limit.
    ///
    /// # Errors
    /// The errors of [`page_limit`].
    pub(crate) fn read(self) -> Result<PageRequest, Problem> {
        page_request(self.limit, self.cursor)
    }
}

/// The page that the `limit` and `cursor` of a query with filters ask for.
///
/// # Errors
/// The errors of [`page_limit`].
pub(crate) fn page_request(limit: Option<u32>, cursor: Option<String>) -> Result<PageRequest, Problem> {
    Ok(PageRequest { limit: page_limit(limit)?, cursor })
}

impl Shape for Page {
    const FIELDS: &'static str = "limit (1 to 200), cursor";
}
