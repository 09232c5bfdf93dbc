//! Reading the headers of a request. A header is never half read: a value that is not UTF-8 or that is repeated is an
//! error or counts as absent, as each function says.
//!
//! Used by the extractors, `cookies`, `csrf`, `response_headers` and the server API. `ConnectionInfo` of actix-web is not
//! used anywhere: it believes headers that any client can send.

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};
use domain::tokens::credential::cookie;

use crate::http::problem::Problem;

/// Browsers say in this header which site made them send the request. Other programs do not send it.
pub(crate) const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Every value of the header `name`, in order.
///
/// # Errors
/// 400 for a value that is not UTF-8: a credential must not be half read.
pub(crate) fn header_values<'a>(
    request: &'a HttpRequest,
    name: &HeaderName,
) -> Result<Vec<&'a str>, Problem> {
    request
        .headers()
        .get_all(name)
        .map(|value| std::str::from_utf8(value.as_bytes()))
        .collect::<Result<_, _>>()
        .map_err(|_| Problem::bad_request("malformed_header", "A header is not valid UTF-8."))
}

/// The value of a header that may appear once. `None` if it is absent, repeated or not UTF-8.
pub(crate) fn header_value<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    match header_values(request, name).ok()?.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// The first value of the header `name`, with bytes that are not UTF-8 replaced. For texts that only people read.
pub(crate) fn header_lossy(request: &HttpRequest, name: &str) -> Option<String> {
    let value = request.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The value of the cookie `name`.
///
/// # Errors
/// 400 for a `Cookie` header that is not UTF-8, and for a cookie that is sent twice with different values.
pub(crate) fn cookie_value(request: &HttpRequest, name: &str) -> Result<Option<String>, Problem> {
    Ok(cookie(&header_values(request, &header::COOKIE)?, name)?)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_header_that_is_not_utf8_is_refused() {
        let value = header::HeaderValue::from_bytes(b"access_token=\xff").unwrap();
        let request = TestRequest::default().insert_header((header::COOKIE, value)).to_http_request();
        assert_eq!(cookie_value(&request, "access_token").unwrap_err().code, "malformed_header");
    }
}
