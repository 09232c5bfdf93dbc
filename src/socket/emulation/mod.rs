//! Emulated transports, for clients in networks that block WebSockets. The server sends its messages in the body of one HTTP
//! response (`http_stream`, server-sent events). The client sends its commands in requests to `/emulation`.
//!
//! The composition root adds the routes of these transports to the web application. Admission, limits, sessions, revocation and
//! the driver are the same as for WebSockets; this module contains only what differs. The requests of a client name the
//! client's stream by a secret of 256 bits, which is sent to the client once, over the stream.

mod command_queue;
pub(crate) mod peer;
mod registry;
mod requests;
mod response;
mod stream;

use std::{net::SocketAddr, rc::Rc};

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    http::{Method, StatusCode, Version, header},
    web::{self, ServiceConfig},
};
use actors::runtime::Transport;
use bytes::Bytes;
use domain::tokens::credential::{self, Source};
use protocol::{Emulation, Encoding};

use crate::socket::{
    admission::{
        admit::{Presented, RequestParts, admit},
        refusal::Refusal,
    },
    connection::{parts::ConnectionParts, registration::Registration},
    listener::http_deadline::state::HttpDeadline,
    shared::SocketContext,
};
pub use registry::StreamRegistry;

use command_queue::CommandQueue;
use peer::Peer;
use requests::BodyLimit;
use response::{Framing, ResponseBody, ResponseQueue};
use stream::EmulatedStream;

const STREAM: (&str, &str) = ("POST", "/connection/http_stream");
const EVENTS: (&str, &str) = ("GET", "/connection/sse");
const COMMANDS: (&str, &str) = ("POST", "/emulation");
/// The method and path of each route.
pub const ROUTES: [(&str, &str); 3] = [STREAM, EVENTS, COMMANDS];

/// Adds the routes of the emulated transports.
pub fn configure(
    cfg: &mut ServiceConfig,
    context: web::Data<SocketContext>,
    streams: web::Data<StreamRegistry>,
) {
    cfg.app_data(context)
        .app_data(streams)
        .service(single_method(STREAM, web::post().to(http_stream)))
        .service(single_method(EVENTS, web::get().to(sse)))
        .service(single_method(COMMANDS, web::post().to(emulation)));
}

/// A resource that accepts one method, and names this method in the answers to all other methods.
fn single_method((method, path): (&'static str, &str), route: actix_web::Route) -> Resource {
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

async fn http_stream(
    request: HttpRequest,
    payload: web::Payload,
    context: web::Data<SocketContext>,
    streams: web::Data<StreamRegistry>,
) -> HttpResponse {
    let encoding = requests::encoding(&request);
    let framing = if encoding.is_binary() { Framing::Lengths } else { Framing::Lines };
    let opened = async {
        // The origin is checked first: another site must not make the server wait for a body.
        request_parts(&request).check_origin(&context, None)?;
        let may_be_larger = |_: &[u8]| Err(requests::too_large_before_sign_in());
        let limit = BodyLimit { unauthenticated: first_max(&context), may_be_larger };
        let first = requests::body(&request, payload, limit).await?;
        open(
            &context,
            &streams,
            &request,
            StreamKind { encoding, framing, transport: Transport::HttpStream },
            first,
        )
        .await
    };
    opened.await.unwrap_or_else(|refusal| refusal.answer(&request))
}

async fn sse(
    request: HttpRequest,
    context: web::Data<SocketContext>,
    streams: web::Data<StreamRegistry>,
) -> HttpResponse {
    let kind = StreamKind { encoding: Encoding::Json, framing: Framing::Events, transport: Transport::Sse };
    let opened = async {
        let first = requests::in_query(&request, first_max(&context))?;
        open(&context, &streams, &request, kind, first).await
    };
    opened.await.unwrap_or_else(|refusal| refusal.answer(&request))
}

/// Passes commands to a stream, in the order of their arrival. The secret of the stream is the credential: only one client
/// knows it.
async fn emulation(
    request: HttpRequest,
    payload: web::Payload,
    context: web::Data<SocketContext>,
    streams: web::Data<StreamRegistry>,
) -> HttpResponse {
    let passed = async {
        request_parts(&request).check_origin(&context, None)?;
        let encoding = requests::encoding(&request);
        // A client gets the secret only with the reply to `connect`, when it has signed in. If the stream of the secret has
        // ended, the answer to a body of any size is `unknown_stream`, because client libraries connect again only after this
        // answer.
        let may_be_larger = |first: &[u8]| {
            let secret =
                requests::session_in(encoding, first).ok_or_else(requests::too_large_before_sign_in)?;
            if streams.knows(&secret) { Ok(()) } else { Err(StreamRegistry::unknown()) }
        };
        let limit = BodyLimit { unauthenticated: first_max(&context), may_be_larger };
        let emulated = requests::emulated(&request, &requests::body(&request, payload, limit).await?)?;
        streams.pass(&emulated)
    };
    match passed.await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(refusal) => refusal.answer(&request),
    }
}

/// Maximum size in bytes of the first command of a stream, and of a body of `/emulation` that does not begin with the secret of
/// an open stream. The same maximum holds for a message on a WebSocket before its peer has signed in.
fn first_max(context: &SocketContext) -> usize {
    context.settings.unauthenticated_message
}

/// Encoding, framing and transport of a stream.
#[derive(Clone, Copy)]
struct StreamKind {
    encoding: Encoding,
    framing: Framing,
    transport: Transport,
}

async fn open(
    context: &web::Data<SocketContext>,
    streams: &StreamRegistry,
    request: &HttpRequest,
    kind: StreamKind,
    first: Bytes,
) -> Result<HttpResponse, Refusal> {
    let checked = request_parts(request);
    let mut credential = checked.credential(credential::Door::Rest)?;
    // `connect` is part of this request. The token of `connect` has precedence over a cookie, because browsers send cookies
    // with every request.
    if credential.as_ref().is_some_and(|found| found.source == Source::Cookie)
        && requests::connects_with_token(kind.encoding, &first)
    {
        credential = None;
    }
    let presented = Presented { credential, token_may_follow: true };
    let accepted = admit(context, &checked, presented, kind.encoding, kind.transport).await?;
    let (commands, responses) = (CommandQueue::default(), ResponseQueue::new(kind.framing));
    let registered = streams.register(accepted.id, commands.clone())?;
    let emulation = Emulation { session: registered.secret(), node: streams.node().to_owned() };
    let parts = ConnectionParts {
        id: accepted.id,
        address: checked.address(context),
        context: std::sync::Arc::clone(context),
        outbox: accepted.outbox,
        unauthenticated: accepted.unauthenticated,
        admitted: accepted.admitted,
        cookie_refusal: accepted.cookie_refusal,
        registration: Registration::new(accepted.permit, context.realtime.traffic().open(kind.transport)),
        transport: kind.transport,
        emulation: Some(Box::new(emulation)),
    };
    // The queue is empty, so it has space for the first command.
    let _ = commands.push(first);
    let stream = EmulatedStream::new(
        parts,
        accepted.reader,
        commands,
        responses.clone(),
        Peer::of(request),
        registered,
    );
    actix_rt::spawn(stream);
    if let Some(deadline) = request.conn_data::<Rc<HttpDeadline>>() {
        deadline.on_streaming_answer();
    }
    let media = match kind.framing {
        Framing::Lines => "application/json",
        Framing::Lengths => "application/octet-stream",
        Framing::Events => "text/event-stream",
    };
    let mut answer = HttpResponse::Ok()
        .force_close()
        .insert_header((header::CONTENT_TYPE, media))
        .insert_header((header::CACHE_CONTROL, "private, no-cache, no-store, no-transform"))
        // Proxies that know this header pass on every part immediately.
        .insert_header(("x-accel-buffering", "no"))
        .body(ResponseBody::new(responses));
    // HTTP/1.0 has no chunks: the stream lasts until the connection closes (RFC 9112, section 6.1).
    answer.head_mut().no_chunking(request.version() < Version::HTTP_11);
    Ok(answer)
}

fn request_parts(request: &HttpRequest) -> RequestParts<'_> {
    RequestParts {
        headers: request.headers(),
        query: None,
        peer: request.peer_addr().as_ref().map(SocketAddr::ip),
    }
}
