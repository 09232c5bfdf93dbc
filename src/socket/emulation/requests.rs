//! What clients of emulated transports send: the first command, and requests with more.

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

/// The largest body; a frame of a WebSocket may be as large.
const MAX_BODY: usize = 64 * 1024;
/// How long a body may take to arrive.
const READ_WITHIN: Duration = Duration::from_secs(15);

/// The encoding that a request's media type stands for.
pub(in crate::socket) fn encoding(request: &HttpRequest) -> Encoding {
    let media = request.headers().get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
    match media {
        Some(media) if media.starts_with(b"application/octet-stream") => Encoding::Protobuf,
        _ => Encoding::Json,
    }
}

/// The whole body, if it is within bounds.
pub(in crate::socket) async fn body(request: &HttpRequest, payload: web::Payload) -> Result<Bytes, Refusal> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    let gathered = tokio::time::timeout(READ_WITHIN, gather(payload)).await;
    gathered.unwrap_or_else(|_| {
        Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The body did not arrive in time."))
    })
}

async fn gather(mut payload: web::Payload) -> Result<Bytes, Refusal> {
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

/// The first command of a stream whose request can have no body.
pub(in crate::socket) fn in_query(request: &HttpRequest) -> Result<Bytes, Refusal> {
    let query = web::Query::<Query>::from_query(request.query_string());
    let command = query.map_err(|_| malformed("The query must hold the first command in cf_connect."))?;
    Ok(command.into_inner().cf_connect.into())
}

/// Whether these first commands begin with a `connect` that brings a token.
pub(in crate::socket) fn names_a_token(encoding: Encoding, first: &[u8]) -> bool {
    let commands = encoding.decode(first).unwrap_or_default();
    matches!(commands.first().map(|command| &command.body), Some(CommandBody::Connect(connect)) if connect.token.is_some())
}

#[derive(Deserialize)]
struct Envelope {
    session: String,
    node: String,
    data: String,
}

/// Commands for a stream.
pub(in crate::socket) fn emulated(request: &HttpRequest, body: &[u8]) -> Result<Emulated, Refusal> {
    let wrong = || malformed("The body must hold session, node and data.");
    match encoding(request) {
        Encoding::Protobuf => decode_emulated(body).map_err(|_| wrong()),
        Encoding::Json => {
            let envelope: Envelope = serde_json::from_slice(body).map_err(|_| wrong())?;
            Ok(Emulated { node: envelope.node, session: envelope.session.into(), data: envelope.data.into() })
        }
    }
}
