//! The size of a page in lists that clients read page by page.

use crate::http::problem::Problem;

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

/// The number of entries on a page: `limit` of the query, or 50.
///
/// # Errors
/// 422 for a limit outside 1 to 200.
pub(crate) fn page_limit(limit: Option<u32>) -> Result<u32, Problem> {
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::unprocessable("invalid_limit", "The limit must be between 1 and 200."));
    }
    Ok(limit)
}
