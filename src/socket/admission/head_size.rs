//! The bound of a request's head: its first line and its headers.
//!
//! The HTTP layer keeps at most 128 KiB of an incomplete head, and refuses a head with more than 96 headers. A complete head
//! that is larger than [`LONGEST`] is refused here, for REST and for handshakes alike.

use actix_http::RequestHead;
use actix_web::http::StatusCode;

use super::refusal::Refusal;

/// The longest head, in bytes. The heads of most requests are much shorter, and most proxies allow less.
pub(crate) const LONGEST: usize = 32 * 1024;
/// Number of bytes in the first line in addition to its three parts, and in a header in addition to its name and its value.
const DELIMITERS: usize = 4;

/// Checks the size of a head.
///
/// # Errors
/// 431 if the head is too large.
pub(crate) fn check(head: &RequestHead) -> Result<(), Refusal> {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let first_line = head.method.as_str().len() + target + "HTTP/1.1".len() + DELIMITERS;
    let headers = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + DELIMITERS);
    if first_line + headers.sum::<usize>() <= LONGEST {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "head_too_large",
        "The headers and the path of a request have at most 32 KiB together.",
    ))
}
