//! Bodies and queries: read within a limit, of the right type, of exactly the expected fields.
//!
//! Handlers name the type they want. What is wrong with a body is told in our words: media type (415), size (413), time
//! (408), syntax (400), fields (422).

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

use super::client::text;
use crate::http::problem::Problem;

/// The largest body that a REST route takes, unless it says otherwise.
const MAX_BODY: usize = 64 * 1024;
/// How long a body may take to arrive.
const READ_WITHIN: Duration = Duration::from_secs(15);

/// A type that can be read from a body or a query.
pub(crate) trait Shape: DeserializeOwned + 'static {
    /// Its fields in words, for whoever got them wrong.
    const FIELDS: &'static str;
    /// Whether an HTML form is taken as well as JSON.
    const FORM: bool = false;
}

/// A body that must be there.
pub(crate) struct Body<T>(pub(crate) T);

/// A body that may be missing.
pub(crate) struct MaybeBody<T>(pub(crate) Option<T>);

/// The query string.
pub(crate) struct Query<T>(pub(crate) T);

/// Reads a field that must never be printed.
pub(crate) fn secret<'de, D: Deserializer<'de>>(field: D) -> Result<SecretString, D::Error> {
    String::deserialize(field).map(SecretString::from)
}

/// The same for a field that may be missing; it also needs `#[serde(default)]`.
pub(crate) fn optional_secret<'de, D: Deserializer<'de>>(field: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(field)?.map(SecretString::from))
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: Shape> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (media, length, payload) = parts(request, payload);
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
        let (media, length, payload) = parts(request, payload);
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

fn parts(request: &HttpRequest, payload: &mut Payload) -> (Option<String>, Option<usize>, Payload) {
    let media = text(request, &header::CONTENT_TYPE).map(str::to_owned);
    let length = text(request, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    (media, length, payload.take())
}

/// Reads a whole body of at most `limit` bytes, whatever its media type.
pub(crate) async fn read_up_to(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<BytesMut, Problem> {
    let length = text(request, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    read(payload, length, READ_WITHIN, limit).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Form,
}

/// The format that a media type stands for, parameters such as `charset=utf-8` aside.
fn format_of<T: Shape>(media: Option<&str>) -> Result<Format, Problem> {
    let media = media.unwrap_or_default();
    let (essence, parameters) = media.split_once(';').unwrap_or((media, ""));
    let charset = parameters
        .split(';')
        .filter_map(|parameter| parameter.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("charset"));
    let utf8 = charset.is_none_or(|(_, value)| value.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/json" if utf8 => Ok(Format::Json),
        "application/x-www-form-urlencoded" if utf8 && T::FORM => Ok(Format::Form),
        _ => {
            let wanted = if T::FORM {
                "application/json or application/x-www-form-urlencoded"
            } else {
                "application/json"
            };
            let detail = format!("The body must be {wanted} in UTF-8.");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
        }
    }
}

/// Reads the whole body, refusing what is too large before or while it arrives, and what takes too long.
async fn read(
    payload: Payload,
    length: Option<usize>,
    within: Duration,
    limit: usize,
) -> Result<BytesMut, Problem> {
    let whole = tokio::time::timeout(within, gather(payload, length, limit)).await;
    whole.unwrap_or_else(|_| Err(Problem::of_status(StatusCode::REQUEST_TIMEOUT)))
}

async fn gather(mut payload: Payload, length: Option<usize>, limit: usize) -> Result<BytesMut, Problem> {
    let too_large = || {
        let detail = format!("The body is larger than {} KiB.", limit / 1024);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    if length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    // Room is made as the bytes come: a promised length costs whoever promises nothing.
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
            web::Query::<T>::from_query(form)
                .map(web::Query::into_inner)
                .map_err(|_| wrong_fields::<T>("body", "The form must have"))
        }
    }
}

fn parse_json<T: Shape>(body: &[u8]) -> Result<T, Problem> {
    let wrong = || wrong_fields::<T>("body", "The body must be an object with");
    let read = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => wrong(),
        _ => Problem::bad_request("malformed_json", "The body is not valid JSON."),
    })?;
    // The parser would also take the fields' values in order, as an array.
    if body.trim_ascii_start().starts_with(b"{") { Ok(read) } else { Err(wrong()) }
}

fn wrong_fields<T: Shape>(place: &str, intro: &str) -> Problem {
    let code = if place == "query" { "invalid_query" } else { "invalid_body" };
    Problem::unprocessable(code, format!("{intro}: {}.", T::FIELDS))
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
