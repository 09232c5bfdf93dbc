//! Parsing of the requests of emulated transports: the first command of a stream, and later commands.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::{StatusCode, header},
    web,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use protocol::{
    CommandBody, Encoding,
    protobuf::{Emulated, decode_emulated},
};
use serde::Deserialize;

use crate::socket::admission::refusal::Refusal;

/// Maximum size of a body in bytes; the same as for a WebSocket frame.
const MAX_BODY: usize = 64 * 1024;
/// Maximum time for a body to arrive.
const READ_WITHIN: Duration = Duration::from_secs(15);

/// The encoding that the media type of the request selects.
pub(crate) fn encoding(request: &HttpRequest) -> Encoding {
    let media = request.headers().get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
    match media {
        Some(media) if media.starts_with(b"application/octet-stream") => Encoding::Protobuf,
        _ => Encoding::Json,
    }
}

/// The whole body, if it is within the limits.
pub(crate) async fn body(request: &HttpRequest, payload: web::Payload) -> Result<Bytes, Refusal> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    let received = tokio::time::timeout(READ_WITHIN, receive(payload)).await;
    received.unwrap_or_else(|_| {
        Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The body did not arrive in time."))
    })
}

async fn receive(mut payload: web::Payload) -> Result<Bytes, Refusal> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| malformed("The body did not arrive completely."))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large() -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is larger than 64 KiB.")
}

fn malformed(detail: &'static str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "malformed_request", detail)
}

#[derive(Deserialize)]
struct Query {
    cf_connect: String,
}

/// The first command of a stream, for requests that cannot have a body.
pub(crate) fn in_query(request: &HttpRequest) -> Result<Bytes, Refusal> {
    let query = web::Query::<Query>::from_query(request.query_string());
    let command = query.map_err(|_| malformed("The query must hold the first command in cf_connect."))?;
    Ok(command.into_inner().cf_connect.into())
}

/// Whether the first command is a `connect` with a token.
pub(crate) fn connects_with_token(encoding: Encoding, first: &[u8]) -> bool {
    let commands = encoding.decode(first).unwrap_or_default();
    matches!(commands.first().map(|command| &command.body), Some(CommandBody::Connect(connect)) if connect.token.is_some())
}

#[derive(Deserialize)]
struct Envelope {
    session: String,
    node: String,
    data: String,
}

/// The stream and the commands of an `/emulation` request.
pub(crate) fn emulated(request: &HttpRequest, body: &[u8]) -> Result<Emulated, Refusal> {
    let wrong = || malformed("The body must hold session, node and data.");
    match encoding(request) {
        Encoding::Protobuf => decode_emulated(body).map_err(|_| wrong()),
        Encoding::Json => {
            let envelope: Envelope = serde_json::from_slice(body).map_err(|_| wrong())?;
            Ok(Emulated { node: envelope.node, session: envelope.session.into(), data: envelope.data.into() })
        }
    }
}
