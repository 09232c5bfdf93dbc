//! Parsing of the requests of emulated transports: the first command of a stream, and later commands.

use std::{fmt, time::Duration};

use actix_web::{
    HttpRequest,
    http::{StatusCode, header},
    web,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use protocol::{
    CommandBody, Encoding,
    protobuf::{Emulated, decode_emulated, decode_emulated_session},
};
use secrecy::SecretString;
use serde::{
    Deserialize, Deserializer as _,
    de::{IgnoredAny, MapAccess, Visitor},
};

use crate::socket::admission::refusal::Refusal;

/// Maximum size of a body in bytes; the same as for a WebSocket message.
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

/// How large a body may be.
pub(crate) struct BodyLimit<F> {
    /// Maximum size in bytes from a client that has not signed in.
    pub(crate) unauthenticated: usize,
    /// Decides about a larger body by its first bytes. If they show that the client has signed in, the body may be as large as
    /// a WebSocket message.
    pub(crate) may_be_larger: F,
}

/// The whole body, if it is within the limits.
pub(crate) async fn body(
    request: &HttpRequest,
    payload: web::Payload,
    limit: BodyLimit<impl Fn(&[u8]) -> Result<(), Refusal>>,
) -> Result<Bytes, Refusal> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    let received = tokio::time::timeout(READ_WITHIN, receive(payload, limit)).await;
    received.unwrap_or_else(|_| {
        Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The body did not arrive in time."))
    })
}

async fn receive(
    mut payload: web::Payload,
    limit: BodyLimit<impl Fn(&[u8]) -> Result<(), Refusal>>,
) -> Result<Bytes, Refusal> {
    let (mut body, mut most) = (BytesMut::new(), limit.unauthenticated);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| malformed("The body did not arrive completely."))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
        if body.len() > most {
            (limit.may_be_larger)(&body[..most])?;
            most = MAX_BODY;
        }
    }
    Ok(body.freeze())
}

fn too_large() -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is larger than 64 KiB.")
}

/// The refusal of a body that is larger than a client may send before it has signed in.
pub(crate) fn too_large_before_sign_in() -> Refusal {
    let detail = "The body is larger than what a caller may send before it has signed in.";
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

fn malformed(detail: &'static str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "malformed_request", detail)
}

#[derive(Deserialize)]
struct Query {
    cf_connect: String,
}

/// The first command of a stream, from the query of a request without a body. The command may have at most `most` bytes.
pub(crate) fn in_query(request: &HttpRequest, most: usize) -> Result<Bytes, Refusal> {
    let query = web::Query::<Query>::from_query(request.query_string());
    let command = query.map_err(|_| malformed("The query must hold the first command in cf_connect."))?;
    let command = Bytes::from(command.into_inner().cf_connect);
    if command.len() > most { Err(too_large_before_sign_in()) } else { Ok(command) }
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

/// The secret of the stream in an `/emulation` request, from the first bytes of its body; `None` if these bytes do not contain
/// the secret. Client libraries send the secret before the commands.
pub(crate) fn session_in(encoding: Encoding, first: &[u8]) -> Option<SecretString> {
    match encoding {
        Encoding::Protobuf => decode_emulated_session(first),
        Encoding::Json => {
            let mut found = None;
            // An error is expected, because the end of the body is missing.
            let _ = serde_json::Deserializer::from_slice(first).deserialize_map(SessionField(&mut found));
            found
        }
    }
}

/// Stores the field `session` of an object, even if the object is incomplete.
struct SessionField<'a>(&'a mut Option<SecretString>);

impl<'de> Visitor<'de> for SessionField<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut fields: M) -> Result<(), M::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            if name == "session" {
                *self.0 = Some(fields.next_value::<String>()?.into());
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn session(encoding: Encoding, first: &[u8]) -> Option<String> {
        session_in(encoding, first).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn the_secret_is_found_in_the_first_bytes_of_a_body() {
        let body = br#"{"session":"s\u00e4","node":"n","data":"{\"id\":2"#;
        assert_eq!(session(Encoding::Json, body).as_deref(), Some("s\u{e4}"));
        let body = [&b"\x0a\x01n\x12\x01s\x1a\xff\xff\x03"[..], &[b'x'; 9]].concat();
        assert_eq!(session(Encoding::Protobuf, &body).as_deref(), Some("s"));
    }

    #[test]
    fn a_secret_that_is_cut_off_or_comes_later_is_not_found() {
        for body in [&br#"{"session":"s"#[..], br#"{"data":"xxxx"#, br#"["session","s""#, b"", b"\xff"] {
            assert_eq!(session(Encoding::Json, body), None);
        }
        for body in [&b"\x12\x09s"[..], b"\x1a\xff\xff\x03x", b"", b"\xff"] {
            assert_eq!(session(Encoding::Protobuf, body), None);
        }
    }
}
