//! Reads the headers of a request. Lists such as cookies are split as bytes, so that an entry that is not UTF-8 does not affect
//! the other entries. Each function says how it treats a repeated header, and a value that is not UTF-8.
//!
//! Used by the extractors, `resources`, `cookies`, `csrf`, `response_headers` and the server API. `ConnectionInfo` of actix-web
//! is not used anywhere: it trusts headers that any client can send.

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};
use domain::tokens::credential::cookies;

use crate::http::problem::Problem;

/// In this header, a browser says whether a page of the same site or of another site caused the request. Other programs do not
/// send this header.
pub(crate) const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Every value of the header `name`, in order, as bytes.
pub(crate) fn header_bytes<'a>(request: &'a HttpRequest, name: &HeaderName) -> Vec<&'a [u8]> {
    request.headers().get_all(name).map(|value| value.as_bytes()).collect()
}

/// Every value of the header `name`, in order.
///
/// # Errors
/// 400 if any value is not UTF-8. Such a value is not skipped: the header may contain credentials, and all of them must be
/// judged.
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

/// The first value of the header `name`, with bytes that are not UTF-8 replaced. For headers that only describe the client.
pub(crate) fn header_lossy(request: &HttpRequest, name: &str) -> Option<String> {
    let value = request.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The different values of the cookies `name`, in order: at most the last 16 that are not empty. Bytes that are not UTF-8 are
/// replaced. Several values are not an error, because a page cannot choose which cookies the browser sends.
pub(crate) fn cookie_values(request: &HttpRequest, name: &str) -> Vec<String> {
    cookies(&header_bytes(request, &header::COOKIE), name)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_text_header_that_is_not_utf8_is_refused() {
        let value = header::HeaderValue::from_bytes(b"1:2:\xff").unwrap();
        let request = TestRequest::default().insert_header((header::ETAG, value)).to_http_request();
        assert_eq!(header_values(&request, &header::ETAG).unwrap_err().code, "malformed_header");
        assert_eq!(header_value(&request, &header::ETAG), None);
    }

    #[test]
    fn a_cookie_is_read_although_another_cookie_is_not_utf8() {
        let value = header::HeaderValue::from_bytes(b"greeting=na\xefve; access_token=a").unwrap();
        let request = TestRequest::default().insert_header((header::COOKIE, value)).to_http_request();
        assert_eq!(cookie_values(&request, "access_token"), ["a"]);
    }
}
