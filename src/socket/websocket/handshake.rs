//! The WebSocket handshake (RFC 6455, section 4.2).
//!
//! The listener calls [`open`] with the parsed request and the raw stream. `open` checks the size of the head, the path and the
//! handshake headers, and then makes the checks that all transports share (`admission::admit`). A refusal is an HTTP response;
//! success is the 101 response and a running pump.

use std::{net::IpAddr, sync::Arc, time::Instant};

use actix_codec::Framed;
use actix_http::{
    HttpMessage, Request, Version,
    h1::Codec,
    header,
    ws::{HandshakeError, hash_key, verify_handshake},
};
use actix_web::http::StatusCode;
use actors::runtime;
use domain::{
    request::{RequestIds, SDK_SOCKET_PATH, SOCKET_PATHS},
    tokens::credential,
};
use protocol::Encoding;

use super::{
    actor,
    inbound::{Inbound, MESSAGE_MAX},
    pump::Pump,
    socket_stream::SocketStream,
};
use crate::socket::{
    admission::{
        admit::{Accepted, Presented, RequestParts, admit, lines, request_ids},
        head_size,
        refusal::Refusal,
    },
    connection::{parts::ConnectionParts, registration::Registration},
    shared::SocketContext,
};

/// Answers one upgrade request. An accepted connection runs in a task of its own. With `needs_tls`, the request is refused,
/// because its listener only redirects to HTTPS.
pub(crate) async fn open<T: SocketStream>(
    context: Arc<SocketContext>,
    request: Request,
    framed: Framed<T, Codec>,
    needs_tls: bool,
) {
    let parts = framed.into_parts();
    let mut io = parts.io;
    let ids = request_ids(request.headers());
    let request_parts = RequestParts {
        headers: request.headers(),
        query: request.uri().query(),
        peer: request.peer_addr().map(|peer| peer.ip()),
    };
    let address = request_parts.address(&context);
    let began = Instant::now();
    let checked =
        if needs_tls { Err(tls_required()) } else { check(&context, &request, &request_parts).await };
    match checked {
        Ok(accepted) => {
            log(&request, &ids, address, StatusCode::SWITCHING_PROTOCOLS, "", began);
            let before = BufferedBytes { read: &parts.read_buf, unsent: &parts.write_buf };
            run(context, &request, address, io, &before, accepted);
        }
        Err(refusal) => {
            log(&request, &ids, address, refusal.status(), refusal.code(), began);
            metrics::counter!("handshakes_refused_total", "code" => refusal.code()).increment(1);
            refusal.send(&mut io, parts.codec, parts.write_buf, &ids).await;
        }
    }
}

/// An accepted handshake.
struct AcceptedHandshake {
    accepted: Accepted,
    /// Whether the response must name the subprotocol, because the client offered it.
    names_subprotocol: bool,
}

async fn check(
    context: &SocketContext,
    request: &Request,
    request_parts: &RequestParts<'_>,
) -> Result<AcceptedHandshake, Refusal> {
    head_size::check(request.head())?;
    if !SOCKET_PATHS.contains(&request.path()) {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no WebSocket endpoint at this path.",
        ));
    }
    if request.head().version < Version::HTTP_11 {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "malformed_handshake",
            "A WebSocket handshake requires HTTP/1.1.",
        ));
    }
    verify_handshake(request.head()).map_err(malformed)?;
    let NegotiatedEncoding { encoding, names_subprotocol } = encoding(request);
    let query_token = context.settings.query_token;
    let credential = request_parts.credential(credential::Door::WebSocket { query_token })?;
    let presented = Presented { credential, token_may_follow: request.path() == SDK_SOCKET_PATH };
    let accepted = admit(context, request_parts, presented, encoding, runtime::Transport::WebSocket).await?;
    Ok(AcceptedHandshake { accepted, names_subprotocol })
}

/// Bytes that are buffered when the handshake is accepted.
struct BufferedBytes<'a> {
    /// Bytes that the client sent after its handshake.
    read: &'a [u8],
    /// Responses to earlier requests that are not written yet.
    unsent: &'a [u8],
}

/// Starts a pump for the stream. The pump gets the buffered bytes first.
fn run<T: SocketStream>(
    context: Arc<SocketContext>,
    request: &Request,
    address: IpAddr,
    io: T,
    before: &BufferedBytes<'_>,
    AcceptedHandshake { accepted, names_subprotocol }: AcceptedHandshake,
) {
    let mut first = before.unsent.to_vec();
    let subprotocol = names_subprotocol.then(|| protocol_of(accepted.reader.encoding()));
    first.extend_from_slice(&switching_protocols(request, subprotocol));
    io.bound_send_buffer();
    let limit =
        if accepted.admitted.is_some() { MESSAGE_MAX } else { context.settings.unauthenticated_message };
    let inbound = Inbound::new(accepted.reader.encoding(), limit);
    if !before.read.is_empty() {
        inbound.feed(before.read);
    }
    let counted = context.realtime.traffic().open(runtime::Transport::WebSocket);
    let registration = Registration::new(accepted.permit, counted);
    let parts = ConnectionParts {
        id: accepted.id,
        address,
        context,
        outbox: accepted.outbox,
        unauthenticated: accepted.unauthenticated,
        admitted: accepted.admitted,
        cookie_refusal: accepted.cookie_refusal,
        registration: registration.clone(),
        transport: runtime::Transport::WebSocket,
        emulation: None,
    };
    let context = actor::context(parts, inbound.clone());
    actix_rt::spawn(Pump::new(io, context, inbound, accepted.reader, registration, &first));
}

fn switching_protocols(request: &Request, subprotocol: Option<&str>) -> Vec<u8> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map_or(&b""[..], |key| key.as_bytes());
    let accept = hash_key(key);
    let mut answer =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".to_vec();
    answer.extend_from_slice(b"Sec-WebSocket-Accept: ");
    answer.extend_from_slice(&accept);
    if let Some(name) = subprotocol {
        answer.extend_from_slice(b"\r\nSec-WebSocket-Protocol: ");
        answer.extend_from_slice(name.as_bytes());
    }
    answer.extend_from_slice(b"\r\n\r\n");
    answer
}

fn tls_required() -> Refusal {
    let detail = "WebSockets need TLS here: use wss.";
    Refusal::new(StatusCode::FORBIDDEN, "tls_required", detail)
}

fn malformed(error: HandshakeError) -> Refusal {
    match error {
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => Refusal::new(
            StatusCode::UPGRADE_REQUIRED,
            "unsupported_websocket_version",
            "Only version 13 of the WebSocket protocol is supported.",
        ),
        HandshakeError::GetMethodRequired => Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "A WebSocket handshake must be a GET request.",
        ),
        _ => Refusal::new(
            StatusCode::BAD_REQUEST,
            "malformed_handshake",
            "The WebSocket handshake is malformed.",
        ),
    }
}

/// The encoding of a connection.
struct NegotiatedEncoding {
    encoding: Encoding,
    /// Whether the response must name the subprotocol, because the client offered it.
    names_subprotocol: bool,
}

/// The encoding for the client: the first known subprotocol among those that the client offers, or else the encoding in the
/// query, or else JSON. If a client offers subprotocols and the response has none, the client fails the connection or uses its
/// default. So the response names an offered subprotocol.
fn encoding(request: &Request) -> NegotiatedEncoding {
    let query = request.uri().query().unwrap_or_default();
    let in_query = query.split('&').any(|pair| matches!(pair, "format=protobuf" | "cf_protocol=protobuf"));
    let mut offered = lines(request.headers(), &header::SEC_WEBSOCKET_PROTOCOL)
        .flat_map(|line| line.split(','))
        .filter_map(|offer| {
            Encoding::ALL.into_iter().find(|encoding| protocol_of(*encoding) == offer.trim())
        });
    match offered.next() {
        Some(encoding) => NegotiatedEncoding { encoding, names_subprotocol: true },
        None if in_query => NegotiatedEncoding { encoding: Encoding::Protobuf, names_subprotocol: false },
        None => NegotiatedEncoding { encoding: Encoding::Json, names_subprotocol: false },
    }
}

/// The name of the subprotocol.
fn protocol_of(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Json => "centrifuge-json",
        Encoding::Protobuf => "centrifuge-protobuf",
    }
}

/// Logs one line per handshake, without the query, which may contain a token.
fn log(request: &Request, ids: &RequestIds, address: IpAddr, status: StatusCode, code: &str, began: Instant) {
    tracing::info!(
        request_id = ids.request_id,
        trace_id = ids.trace_id,
        method = %request.method(),
        path = request.path(),
        %address,
        status = status.as_u16(),
        code,
        duration_us = began.elapsed().as_micros() as u64,
        "handshake"
    );
}
