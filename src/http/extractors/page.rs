//! The query of a list that clients read page by page.

use serde::Deserialize;
use utoipa::IntoParams;

use super::body::Shape;

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

impl Shape for Page {
    const FIELDS: &'static str = "limit (1 to 200), cursor";
}
