//! Ids in paths.

use std::str::FromStr;

use actix_web::HttpRequest;

use crate::http::problem::Problem;

/// The id in the path segment `{name}` of the route.
///
/// # Errors
/// 404 for a segment that is not an id of this kind: such a resource cannot exist.
pub(crate) fn path_id<T: FromStr>(request: &HttpRequest, name: &str) -> Result<T, Problem> {
    request.match_info().get(name).and_then(|id| id.parse().ok()).ok_or_else(Problem::not_found)
}
