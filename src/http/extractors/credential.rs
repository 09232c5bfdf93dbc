//! The credential of a request: where a token was found, before it is verified. The rule is `domain::tokens::credential`.

use actix_web::{HttpRequest, http::header};
use domain::tokens::credential::{Credential, Door, Headers, find};

use super::request_headers::header_values;
use crate::http::problem::Problem;

/// The credential of a REST request, if it has one.
///
/// # Errors
/// 400 for a credential that is in the wrong place, repeated or not UTF-8.
pub(crate) fn credential(request: &HttpRequest) -> Result<Option<Credential>, Problem> {
    let authorization = header_values(request, &header::AUTHORIZATION)?;
    let cookies = header_values(request, &header::COOKIE)?;
    let headers =
        Headers { authorization: &authorization, cookies: &cookies, query: Some(request.query_string()) };
    Ok(find(headers, Door::Rest)?)
}
