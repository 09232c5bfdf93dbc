//! The credential of a request: where a token was found, before it is verified. The rule is `domain::tokens::credential`.

use actix_web::{HttpRequest, http::header};
use domain::tokens::{
    access_token::Claims,
    credential::{Credential, Door, Headers, find},
};
use service::Services;

use super::request_headers::header_bytes;
use crate::http::problem::Problem;

/// The credential of a REST request, if it has one.
///
/// # Errors
/// 400 for a credential that is in the wrong place, repeated or malformed. Cookies are never an error.
pub(crate) fn credential(request: &HttpRequest) -> Result<Option<Credential>, Problem> {
    let authorization = header_bytes(request, &header::AUTHORIZATION);
    let cookies = header_bytes(request, &header::COOKIE);
    let headers =
        Headers { authorization: &authorization, cookies: &cookies, query: Some(request.query_string()) };
    Ok(find(headers, Door::Rest)?)
}

/// The claims of the request's access token, if it has a genuine one; it may be expired or of an ended session.
///
/// # Errors
/// Those of [`credential`].
pub(crate) fn genuine_claims(request: &HttpRequest, services: &Services) -> Result<Option<Claims>, Problem> {
    let Some(found) = credential(request)? else { return Ok(None) };
    let genuine = services.access.keys.access.newest_first(found.candidates());
    Ok(genuine.into_iter().next().map(|(_, claims)| claims))
}
