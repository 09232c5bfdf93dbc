//! Emulated transports, for clients whose networks let no WebSocket through: a stream of an HTTP response one way
//! (`http_stream`, server-sent events), requests of their own the other way (`/emulation`).
//!
//! Composed into the web application by the composition root. The same entrance, places, limits, sessions and revocation
//! as for WebSockets, and the same driver; what differs is in here. A connection is known to its client's requests by a
//! bearer secret of 256 bits, which is told once, over the stream.

mod body;
mod command_queue;
mod peer;
mod registry;
mod requests;
mod response;
mod stream;

use std::{net::SocketAddr, rc::Rc};

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    http::{Method, StatusCode, header},
    web::{self, ServiceConfig},
};
use actors::runtime::Transport;
use bytes::Bytes;
use protocol::{Emulation, Encoding};

use crate::socket::{
    admission::{
        admit::{self as entrance, Knock, Shown},
        refusal::Refusal,
    },
    connection::{parts::Start, registration::Anchor},
    listener::http_deadline::state::Watch,
    shared::Door,
};
use domain::tokens::credential::{self, Source};
pub(in crate::socket) use peer::note as note_wire;
pub(in crate::socket) use registry::Streams;

use body::StreamBody;
use command_queue::Inbox;
use peer::Peer;
use response::{Exit, Framing};
use stream::Stream;

/// Adds the routes of the emulated transports.
pub fn configure(cfg: &mut ServiceConfig, door: web::Data<Door>) {
    cfg.app_data(door)
        .service(only("POST", "/connection/http_stream", web::post().to(http_stream)))
        .service(only("GET", "/connection/sse", web::get().to(sse)))
        .service(only("POST", "/emulation", web::post().to(emulation)));
}

/// A resource with one method.
fn only(method: &'static str, path: &str, route: actix_web::Route) -> Resource {
    web::resource(path).route(route).default_service(web::to(move |request: HttpRequest| async move {
        if request.method() == Method::OPTIONS {
            return HttpResponse::NoContent().insert_header((header::ALLOW, method)).finish();
        }
        let refusal =
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This method is not offered.");
        let mut answer = refusal.answer(&request);
        answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(method));
        answer
    }))
}

async fn http_stream(request: HttpRequest, payload: web::Payload, door: web::Data<Door>) -> HttpResponse {
    let encoding = requests::encoding(&request);
    let framing = if encoding.is_binary() { Framing::Lengths } else { Framing::Lines };
    let opened = async {
        let first = requests::body(&request, payload).await?;
        open(&door, &request, Kind { encoding, framing, transport: Transport::HttpStream }, first).await
    };
    opened.await.unwrap_or_else(|refusal| refusal.answer(&request))
}

async fn sse(request: HttpRequest, door: web::Data<Door>) -> HttpResponse {
    let kind = Kind { encoding: Encoding::Json, framing: Framing::Events, transport: Transport::Sse };
    let opened = async {
        let first = requests::in_query(&request)?;
        open(&door, &request, kind, first).await
    };
    opened.await.unwrap_or_else(|refusal| refusal.answer(&request))
}

/// Commands for a stream, in the order in which they arrive. Its secret is the credential: it was told to one client only.
async fn emulation(request: HttpRequest, payload: web::Payload, door: web::Data<Door>) -> HttpResponse {
    let passed = async {
        let emulated = requests::emulated(&request, &requests::body(&request, payload).await?)?;
        knock(&request).check_origin(&door, None)?;
        door.streams.pass(&emulated)
    };
    match passed.await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(refusal) => refusal.answer(&request),
    }
}

/// What kind of stream it is.
#[derive(Clone, Copy)]
struct Kind {
    encoding: Encoding,
    framing: Framing,
    transport: Transport,
}

async fn open(
    door: &web::Data<Door>,
    request: &HttpRequest,
    kind: Kind,
    first: Bytes,
) -> Result<HttpResponse, Refusal> {
    let knock = knock(request);
    let mut credential = knock.credential(credential::Door::Rest)?;
    // Here `connect` is part of the request. What it names goes before what a browser sends unasked.
    if credential.as_ref().is_some_and(|found| found.source == Source::Cookie)
        && requests::names_a_token(kind.encoding, &first)
    {
        credential = None;
    }
    let shown = Shown { credential, may_follow: true };
    let granted = entrance::enter(door, &knock, shown, kind.encoding, kind.transport).await?;
    let (inbox, exit) = (Inbox::default(), Exit::new(kind.framing));
    let entry = door.streams.enter(granted.id, inbox.clone())?;
    let emulation = Emulation { session: entry.secret(), node: door.streams.node().to_owned() };
    let start = Start {
        id: granted.id,
        address: knock.address(door),
        door: std::sync::Arc::clone(door),
        outbox: granted.outbox,
        permit: granted.permit,
        admitted: granted.admitted,
        cookie_refusal: granted.cookie_refusal,
        anchor: Anchor::default(),
        transport: kind.transport,
        emulation: Some(Box::new(emulation)),
    };
    // Without room for the first command there would be room for none.
    let _ = inbox.push(first);
    let stream = Stream::new(start, granted.reader, inbox, exit.clone(), Peer::of(request), entry);
    actix_rt::spawn(stream);
    if let Some(watch) = request.conn_data::<Rc<Watch>>() {
        watch.streams();
    }
    let media = match kind.framing {
        Framing::Lines => "application/json",
        Framing::Lengths => "application/octet-stream",
        Framing::Events => "text/event-stream",
    };
    Ok(HttpResponse::Ok()
        .force_close()
        .insert_header((header::CONTENT_TYPE, media))
        .insert_header((header::CACHE_CONTROL, "private, no-cache, no-store, no-transform"))
        // Proxies that know this one pass every part on at once.
        .insert_header(("x-accel-buffering", "no"))
        .body(StreamBody::new(exit)))
}

fn knock(request: &HttpRequest) -> Knock<'_> {
    Knock { headers: request.headers(), query: None, peer: request.peer_addr().as_ref().map(SocketAddr::ip) }
}
