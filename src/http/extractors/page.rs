//! The page of a list that is read page by page.

use serde::Deserialize;

use super::body::Shape;

/// The page to read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// The number of entries.
    pub(crate) limit: Option<u32>,
    /// The cursor of the page before.
    pub(crate) cursor: Option<String>,
}

impl Shape for Page {
    const FIELDS: &'static str = "limit (1 to 200), cursor";
}
