//! The WebSocket handshake (RFC 6455 section 4.2): who may open a connection, decided before there is one.
//!
//! Called by the accept pipeline with the parsed request and the raw stream. Checks path, handshake headers and encoding,
//! then what every transport checks (`entrance`). A refusal is an HTTP answer; success is the 101 answer and a running pump.

use std::{net::IpAddr, sync::Arc, time::Instant};

use actix_codec::Framed;
use actix_http::{
    HttpMessage, Request, Version,
    h1::Codec,
    header::{self, HeaderName},
    ws::{HandshakeError, hash_key, verify_handshake},
};
use actix_web::http::StatusCode;
use actors::runtime;
use protocol::Encoding;
use uuid::Uuid;

use super::{inbound::Inbound, pump::Pump};
use crate::socket::{
    admission::{
        admit::{self as entrance, Granted, Knock, Shown, lines},
        refusal::Refusal,
    },
    connection::{parts::Start, registration::Anchor},
    shared::Door,
    websocket::{actor, tcp::Transport},
};
use domain::{
    request::{SDK_SOCKET_PATH, SOCKET_PATHS, request_id},
    tokens::credential,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers one upgrade request; a connection that comes of it runs on as a task of its own.
pub(in crate::socket) async fn open<T: Transport>(
    door: Arc<Door>,
    request: Request,
    framed: Framed<T, Codec>,
) {
    let parts = framed.into_parts();
    let mut io = parts.io;
    let request_id = request_id(lines(request.headers(), &REQUEST_ID), Uuid::new_v4);
    let knock = Knock {
        headers: request.headers(),
        query: request.uri().query(),
        peer: request.peer_addr().map(|peer| peer.ip()),
    };
    let address = knock.address(&door);
    let began = Instant::now();
    let checked = check(&door, &request, &knock).await;
    match checked {
        Ok(agreed) => {
            log(&request, &request_id, address, StatusCode::SWITCHING_PROTOCOLS, "", began);
            let before = Before { read: &parts.read_buf, unsent: &parts.write_buf };
            run(door, &request, address, io, &before, agreed);
        }
        Err(refusal) => {
            log(&request, &request_id, address, refusal.status(), refusal.code(), began);
            metrics::counter!("handshakes_refused_total", "code" => refusal.code()).increment(1);
            refusal.send(&mut io, parts.codec, parts.write_buf, &request_id).await;
        }
    }
}

/// What comes of a handshake.
struct Agreed {
    granted: Granted,
    /// Whether the answer must name the encoding, because the client offered it by its name.
    named: bool,
}

async fn check(door: &Door, request: &Request, knock: &Knock<'_>) -> Result<Agreed, Refusal> {
    if !SOCKET_PATHS.contains(&request.path()) {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", "There is no WebSocket here."));
    }
    if request.head().version < Version::HTTP_11 {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed_handshake", "A handshake is HTTP/1.1."));
    }
    verify_handshake(request.head()).map_err(malformed)?;
    let Choice { encoding, named } = encoding(request);
    let query_token = door.settings.query_token;
    let credential = knock.credential(credential::Door::WebSocket { query_token })?;
    let shown = Shown { credential, may_follow: request.path() == SDK_SOCKET_PATH };
    let granted = entrance::enter(door, knock, shown, encoding, runtime::Transport::WebSocket).await?;
    Ok(Agreed { granted, named })
}

/// What went before on the same connection.
struct Before<'a> {
    /// Bytes that the client sent behind its handshake.
    read: &'a [u8],
    /// Answers to earlier requests that were not written yet.
    unsent: &'a [u8],
}

/// Hands the stream to a pump. What went before comes first.
fn run<T: Transport>(
    door: Arc<Door>,
    request: &Request,
    address: IpAddr,
    io: T,
    before: &Before<'_>,
    Agreed { granted, named }: Agreed,
) {
    let mut first = before.unsent.to_vec();
    let subprotocol = named.then(|| protocol_of(granted.reader.encoding()));
    first.extend_from_slice(&switching_protocols(request, subprotocol));
    io.bound_send_buffer();
    let inbound = Inbound::default();
    if !before.read.is_empty() {
        inbound.feed(bytes::Bytes::copy_from_slice(before.read));
    }
    let anchor = Anchor::default();
    let start = Start {
        id: granted.id,
        address,
        door,
        outbox: granted.outbox,
        permit: granted.permit,
        admitted: granted.admitted,
        cookie_refusal: granted.cookie_refusal,
        anchor: anchor.clone(),
        transport: runtime::Transport::WebSocket,
        emulation: None,
    };
    let context = actor::context(start, inbound.clone());
    actix_rt::spawn(Pump::new(io, context, inbound, granted.reader, anchor, &first));
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

fn malformed(error: HandshakeError) -> Refusal {
    match error {
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => Refusal::new(
            StatusCode::UPGRADE_REQUIRED,
            "unsupported_websocket_version",
            "Only version 13 of the WebSocket protocol is spoken here.",
        ),
        HandshakeError::GetMethodRequired => Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "A WebSocket handshake is a GET.",
        ),
        _ => Refusal::new(
            StatusCode::BAD_REQUEST,
            "malformed_handshake",
            "The WebSocket handshake is malformed.",
        ),
    }
}

/// What is spoken on a connection.
struct Choice {
    encoding: Encoding,
    /// Whether the answer must name it, because the client offered it by its name.
    named: bool,
}

/// The encoding that the client asks for: the first of its offers that is known here, or what its query says. Who offers
/// subprotocols and gets none gives up, or goes on in an encoding of its own; so one that is offered is named.
fn encoding(request: &Request) -> Choice {
    let query = request.uri().query().unwrap_or_default();
    let in_query = query.split('&').any(|pair| matches!(pair, "format=protobuf" | "cf_protocol=protobuf"));
    let mut offered = lines(request.headers(), &header::SEC_WEBSOCKET_PROTOCOL)
        .flat_map(|line| line.split(','))
        .filter_map(|offer| {
            Encoding::ALL.into_iter().find(|encoding| protocol_of(*encoding) == offer.trim())
        });
    match offered.next() {
        Some(encoding) => Choice { encoding, named: true },
        None if in_query => Choice { encoding: Encoding::Protobuf, named: false },
        None => Choice { encoding: Encoding::Json, named: false },
    }
}

/// The subprotocol's name.
fn protocol_of(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Json => "centrifuge-json",
        Encoding::Protobuf => "centrifuge-protobuf",
    }
}

/// One line per handshake; the query, which may hold a token, is left out.
fn log(request: &Request, id: &str, address: IpAddr, status: StatusCode, code: &str, began: Instant) {
    tracing::info!(
        request_id = id,
        method = %request.method(),
        path = request.path(),
        %address,
        status = status.as_u16(),
        code,
        duration_us = began.elapsed().as_micros() as u64,
        "handshake"
    );
}
