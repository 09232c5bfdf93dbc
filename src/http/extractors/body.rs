//! Reads bodies and queries. A body must have a limited size and the right media type. Body and query must have the expected
//! fields and no others.
//!
//! Handlers name the type that they expect. Errors: media type (415), size (413), time (408), syntax (400), fields (422). The
//! texts of these errors are this server's own; error texts of libraries are not used.

use std::{future::Future, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
    web,
};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::{multipart, request_headers::header_value};
use crate::http::problem::Problem;

/// The largest body of a REST route, in bytes. The server API has its own limit.
const MAX_BODY: usize = 64 * 1024;
/// The time for the whole body to arrive.
const READ_WITHIN: Duration = Duration::from_secs(15);

/// A type that can be read from a body or a query.
pub(crate) trait Shape: DeserializeOwned + 'static {
    /// The fields in words, for the error message.
    const FIELDS: &'static str;
    /// Whether an HTML form is accepted as well as JSON.
    const FORM: bool = false;
}

/// A required body.
pub(crate) struct Body<T>(pub(crate) T);

/// An optional body.
pub(crate) struct MaybeBody<T>(pub(crate) Option<T>);

/// The query string.
pub(crate) struct Query<T>(pub(crate) T);

/// Reads a secret field, which must never be printed.
pub(crate) fn secret<'de, D: Deserializer<'de>>(field: D) -> Result<SecretString, D::Error> {
    String::deserialize(field).map(SecretString::from)
}

/// Reads an optional secret field. The field also needs `#[serde(default)]`.
pub(crate) fn optional_secret<'de, D: Deserializer<'de>>(field: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(field)?.map(SecretString::from))
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: Shape> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (media, length, payload) = body_parts(request, payload);
        Box::pin(async move {
            let format = format_of::<T>(media.as_deref())?;
            parse(format, &read(payload, length, READ_WITHIN, MAX_BODY).await?).map(Self)
        })
    }
}

impl<T: Shape> FromRequest for MaybeBody<T> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (media, length, payload) = body_parts(request, payload);
        Box::pin(async move {
            let bytes = read(payload, length, READ_WITHIN, MAX_BODY).await?;
            if bytes.is_empty() {
                return Ok(Self(None));
            }
            parse(format_of::<T>(media.as_deref())?, &bytes).map(|body| Self(Some(body)))
        })
    }
}

impl<T: Shape> FromRequest for Query<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = web::Query::<T>::from_query(request.query_string());
        std::future::ready(
            parsed
                .map(|query| Self(query.into_inner()))
                .map_err(|_| wrong_fields::<T>("query", "The query may have")),
        )
    }
}

/// Reads and parses a body, and also returns its bytes.
///
/// # Errors
/// The errors of [`Body`].
pub(crate) async fn body_and_bytes<T: Shape>(
    request: &HttpRequest,
    payload: &mut Payload,
) -> Result<(T, BytesMut), Problem> {
    let (media, length, payload) = body_parts(request, payload);
    let format = format_of::<T>(media.as_deref())?;
    let bytes = read(payload, length, READ_WITHIN, MAX_BODY).await?;
    Ok((parse(format, &bytes)?, bytes))
}

fn body_parts(request: &HttpRequest, payload: &mut Payload) -> (Option<String>, Option<usize>, Payload) {
    let media = header_value(request, &header::CONTENT_TYPE).map(str::to_owned);
    let length = header_value(request, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    (media, length, payload.take())
}

/// Reads a whole body of at most `limit` bytes and of any media type.
pub(crate) async fn read_up_to(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<BytesMut, Problem> {
    let length = header_value(request, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    read(payload, length, READ_WITHIN, limit).await
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Form,
    /// `multipart/form-data` with this boundary.
    Parts(String),
}

/// Whether this is a label of UTF-8 (WHATWG Encoding, 4.2).
fn is_utf8(label: &str) -> bool {
    let labels = ["utf-8", "utf8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8"];
    labels.iter().any(|known| known.eq_ignore_ascii_case(label.trim()))
}

/// The format of a media type. `charset` must be UTF-8 if it is given. Multipart forms need a `boundary`.
fn format_of<T: Shape>(media: Option<&str>) -> Result<Format, Problem> {
    let media = media.unwrap_or_default();
    let (essence, parameters) = media.split_once(';').unwrap_or((media, ""));
    let charset = parameters
        .split(';')
        .filter_map(|parameter| parameter.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("charset"));
    let utf8 = charset.is_none_or(|(_, value)| is_utf8(value.trim_matches(['"', '\''])));
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/json" if utf8 => Ok(Format::Json),
        "application/x-www-form-urlencoded" if utf8 && T::FORM => Ok(Format::Form),
        "multipart/form-data" if utf8 && T::FORM => {
            let malformed = || Problem::bad_request("malformed_form", "The media type names no boundary.");
            multipart::boundary(parameters).map(Format::Parts).ok_or_else(malformed)
        }
        _ => {
            let wanted = if T::FORM {
                "application/json, application/x-www-form-urlencoded or multipart/form-data"
            } else {
                "application/json"
            };
            let detail = format!("The body must be {wanted} in UTF-8.");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
        }
    }
}

/// Reads the whole body. Rejects a body that is too large by its announced or received length, or that takes too long to
/// arrive.
async fn read(
    payload: Payload,
    length: Option<usize>,
    within: Duration,
    limit: usize,
) -> Result<BytesMut, Problem> {
    let whole = tokio::time::timeout(within, collect(payload, length, limit)).await;
    whole.unwrap_or_else(|_| Err(Problem::of_status(StatusCode::REQUEST_TIMEOUT)))
}

async fn collect(mut payload: Payload, length: Option<usize>, limit: usize) -> Result<BytesMut, Problem> {
    let too_large = || {
        let detail = format!("The body is larger than {} KiB.", limit / 1024);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    if length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    // No memory is reserved for the length in `Content-Length`, because a client can send any number there at no cost.
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk
            .map_err(|_| Problem::bad_request("incomplete_body", "The body did not arrive completely."))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse<T: Shape>(format: Format, body: &[u8]) -> Result<T, Problem> {
    match format {
        Format::Json => parse_json(body),
        Format::Form => {
            let form = std::str::from_utf8(body)
                .map_err(|_| Problem::bad_request("malformed_form", "The form is not valid UTF-8."))?;
            parse_form(form)
        }
        Format::Parts(boundary) => {
            let malformed = || {
                let detail = "The form must consist of text fields in UTF-8, without files.";
                Problem::bad_request("malformed_form", detail)
            };
            let fields = multipart::fields(body, &boundary).ok_or_else(malformed)?;
            parse_form(&form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
        }
    }
}

fn parse_form<T: Shape>(form: &str) -> Result<T, Problem> {
    web::Query::<T>::from_query(form)
        .map(web::Query::into_inner)
        .map_err(|_| wrong_fields::<T>("body", "The form must have"))
}

fn parse_json<T: Shape>(body: &[u8]) -> Result<T, Problem> {
    let body = without_mark(body);
    let wrong = || wrong_fields::<T>("body", "The body must be an object with");
    let read = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => wrong(),
        _ => Problem::bad_request("malformed_json", "The body is not valid JSON."),
    })?;
    // Serde would also accept an array that has the values of the fields in order.
    if body.trim_ascii_start().starts_with(b"{") { Ok(read) } else { Err(wrong()) }
}

/// The text without a byte order mark. Some programs write one in front of UTF-8, and readers may ignore it (RFC 8259, 8.1).
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

fn wrong_fields<T: Shape>(place: &str, intro: &str) -> Problem {
    let code = if place == "query" { "invalid_query" } else { "invalid_body" };
    Problem::unprocessable(code, format!("{intro}: {}.", T::FIELDS))
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
