//! The WebSocket handshake (RFC 6455 section 4.2): who may open a connection, decided before there is one.
//!
//! Called by the accept pipeline with the parsed request and the raw stream. Checks, cheapest first: path and handshake
//! headers, encoding, origin, rate, places, credential, session. A refusal is an HTTP answer; success is the 101 answer and
//! a running pump. The order that revocation depends on: the connection is registered with its session before the 101 is
//! written, and delivery begins after.

use std::{net::IpAddr, sync::Arc, time::Instant};

use actix_codec::Framed;
use actix_http::{
    HttpMessage, Request, Version,
    h1::Codec,
    header::{self, HeaderMap, HeaderName},
    ws::{HandshakeError, hash_key, verify_handshake},
};
use actix_web::http::StatusCode;
use portcullis_actors::{
    id::ConnectionId,
    protocol::Encoding,
    runtime::{self, outbox},
};
use uuid::Uuid;

use super::{
    anchor::Anchor,
    connection,
    door::{Admitted, Arriving, Door},
    inbound::Inbound,
    permits::Permit,
    pump::Pump,
    refusal::Refusal,
    start::Start,
    transport::Transport,
};
use crate::domain::{
    address,
    credential::{self, Credential, Headers, Source},
    request::{SOCKET_PATHS, request_id},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers one upgrade request; a connection that comes of it runs on as a task of its own.
pub(super) async fn open<T: Transport>(door: Arc<Door>, request: Request, framed: Framed<T, Codec>) {
    let parts = framed.into_parts();
    let mut io = parts.io;
    let request_id = request_id(lines(request.headers(), &REQUEST_ID), Uuid::new_v4);
    let address = client_address(&door, &request);
    let began = Instant::now();
    match check(&door, &request, address).await {
        Ok(granted) => {
            log(&request, &request_id, address, StatusCode::SWITCHING_PROTOCOLS, "", began);
            let before = Before { read: &parts.read_buf, unsent: &parts.write_buf };
            run(door, &request, address, io, &before, granted);
        }
        Err(refusal) => {
            log(&request, &request_id, address, refusal.status(), refusal.code(), began);
            metrics::counter!("handshakes_refused_total", "code" => refusal.code()).increment(1);
            refusal.send(&mut io, parts.codec, parts.write_buf, &request_id).await;
        }
    }
}

/// What a granted handshake brings along.
struct Granted {
    id: ConnectionId,
    permit: Permit,
    admitted: Option<Admitted>,
    outbox: portcullis_actors::runtime::Outbox,
    reader: portcullis_actors::runtime::OutboxReader,
    named: bool,
}

async fn check(door: &Door, request: &Request, address: IpAddr) -> Result<Granted, Refusal> {
    if !SOCKET_PATHS.contains(&request.path()) {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", "There is no WebSocket here."));
    }
    if request.head().version < Version::HTTP_11 {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed_handshake", "A handshake is HTTP/1.1."));
    }
    verify_handshake(request.head()).map_err(malformed)?;
    let Choice { encoding, named } = encoding(request);
    let credential = credential_of(door, request)?;
    check_origin(door, request, credential.as_ref())?;

    if door.realtime.is_draining() {
        return Err(Refusal::unavailable());
    }
    door.services.throttle_from(door.services.limits.handshake_address, address).await?;
    let permit = door.permits.take(address::limit_key(address)).ok_or_else(Refusal::connection_limit)?;
    let (outbox, reader) = outbox(door.settings.outbox_bytes, encoding);
    let id = ConnectionId::random();
    let admitted = match credential {
        Some(credential) => Some(admit(door, &credential, id, &outbox, address).await?),
        None => None,
    };
    Ok(Granted { id, permit, admitted, outbox, reader, named })
}

async fn admit(
    door: &Door,
    credential: &Credential,
    id: ConnectionId,
    outbox: &portcullis_actors::runtime::Outbox,
    address: IpAddr,
) -> Result<Admitted, Refusal> {
    let arriving = Arriving { connection: id, outbox, address, transport: runtime::Transport::WebSocket };
    if credential.source != Source::Ticket {
        return Ok(door.admit(Some(&credential.token), &arriving).await?);
    }
    let verified_at = Instant::now();
    let caller = door.redeem(&credential.token).await?;
    Ok(door.register(&caller, verified_at, &arriving).await?)
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
    granted: Granted,
) {
    let mut first = before.unsent.to_vec();
    let subprotocol = granted.named.then(|| protocol_of(granted.reader.encoding()));
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
        anchor: anchor.clone(),
        emulation: None,
    };
    let context = connection::context(start, inbound.clone());
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

fn credential_of(door: &Door, request: &Request) -> Result<Option<Credential>, Refusal> {
    let authorization: Vec<&str> = lines(request.headers(), &header::AUTHORIZATION).collect();
    let cookies: Vec<&str> = lines(request.headers(), &header::COOKIE).collect();
    let headers = Headers { authorization: &authorization, cookies: &cookies, query: request.uri().query() };
    let door = credential::Door::WebSocket { query_token: door.settings.query_token };
    Ok(credential::find(headers, door)?)
}

/// A browser always names its page's origin, and only a browser sends cookies unasked: an origin must be an allowed one, and a
/// cookie without an origin proves nothing.
fn check_origin(door: &Door, request: &Request, credential: Option<&Credential>) -> Result<(), Refusal> {
    let mut origins = lines(request.headers(), &header::ORIGIN);
    let allowed = match (origins.next(), origins.next()) {
        (Some(origin), None) => door.origins.allows(origin),
        (Some(_), Some(_)) => false,
        (None, _) => credential.is_none_or(|credential| credential.source != Source::Cookie),
    };
    if allowed {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "origin_not_allowed", "This origin may not open a connection."))
}

fn client_address(door: &Door, request: &Request) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
    let forwarded: Vec<&str> = lines(request.headers(), &FORWARDED_FOR).collect();
    address::client_address(address::canonical(peer), &forwarded, &door.trusted_proxies)
}

/// The values of a header that are text; of others nothing is understood here, which refuses them where it matters.
fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).map(|value| std::str::from_utf8(value.as_bytes()).unwrap_or("\u{fffd}"))
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
