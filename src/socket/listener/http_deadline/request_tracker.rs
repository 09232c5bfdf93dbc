//! Reports to the deadline of a connection when a request begins and when its response is complete. Refuses a request if its
//! head is too large, or if its client has too many requests in progress.
//!
//! The listener calls [`answer`] in front of the REST application. A request begins with this call. It ends when the HTTP layer
//! drops the body of the response: after the last part of the body, or together with the connection.
//!
//! While a request through a trusted proxy is in progress, it takes a place under its client's address, because the proxy's
//! connections have no limit per address.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_http::{
    BoxedPayloadStream, ConnectionType, HttpMessage as _, Payload, Request, Response,
    error::PayloadError,
    header::{self, HeaderName, HeaderValue},
};
use actix_service::Service;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use domain::client::address;
use futures_util::Stream;

use super::state::{HttpDeadline, RequestBody};
use crate::socket::{
    admission::{
        admit::{RequestParts, request_ids},
        connection_limits::KeyedPermit,
        head_size,
        refusal::Refusal,
    },
    shared::SocketContext,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Lets `app` answer a request, unless the request is refused. Reports the beginning and the end of the request to the deadline
/// of its connection.
pub(crate) fn answer<S, B>(
    mut request: Request,
    app: &S,
    context: &SocketContext,
) -> impl Future<Output = Result<Response<TrackedBody<B>>, S::Error>> + use<S, B>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
{
    let stops = context.realtime.is_draining();
    let is_kept = !stops && request.head().connection_type() == ConnectionType::KeepAlive;
    let keep_alive = is_kept.then_some(context.settings.http_timeouts.keep_alive.as_secs());
    let checked = head_size::check(request.head()).and_then(|()| take_place(&request, context));
    let (place, refusal) = match checked {
        Ok(place) => (place, None),
        Err(refusal) => (None, Some(refusal.response(&request_ids(request.headers())))),
    };
    let in_progress = request.conn_data::<Rc<HttpDeadline>>().map(Rc::clone).map(|deadline| {
        deadline.begin(body(&mut request), place);
        RequestInProgress(deadline)
    });
    let (request, is_read) = with_watched_body(request);
    let answered = if refusal.is_none() { Some(app.call(request)) } else { None };
    async move {
        let mut response = match (answered, refusal) {
            (Some(answered), _) => {
                let response: Response<B> = answered.await?.into();
                response.map_body(|_, body| Body::Answer(Box::pin(body)))
            }
            (None, refusal) => refusal.unwrap_or_default().map_body(|_, body| Body::Refusal(body)),
        };
        if stops {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        // If a request is answered before the end of its body, the HTTP layer closes the connection, and says so in the
        // response.
        if let Some(seconds) = keep_alive
            && is_read.get()
            && response.head().keep_alive()
            && let Ok(value) = HeaderValue::try_from(format!("timeout={seconds}"))
        {
            response.headers_mut().insert(KEEP_ALIVE, value);
        }
        Ok(response.map_body(|_, body| TrackedBody { body, _in_progress: in_progress }))
    }
}

/// Takes a place for the client behind a trusted proxy. `None` if the peer is not a trusted proxy, or if the proxy names no
/// client, for example in a health check of its own.
fn take_place(request: &Request, context: &SocketContext) -> Result<Option<KeyedPermit<String>>, Refusal> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    if !peer.is_some_and(|peer| context.is_trusted_proxy(peer)) {
        return Ok(None);
    }
    let client = RequestParts { headers: request.headers(), query: None, peer }.address(context);
    if context.is_trusted_proxy(client) {
        return Ok(None);
    }
    let place = context.permits.take_plain(address::limit_key(client));
    place.map(Some).ok_or_else(Refusal::connection_limit)
}

fn body(request: &mut Request) -> RequestBody {
    if matches!(request.payload(), Payload::None) {
        return RequestBody::Length(0);
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.trim().parse().ok()).map_or(RequestBody::Chunked, RequestBody::Length)
}

/// The request, and a flag that tells whether its body was read to its end.
fn with_watched_body(mut request: Request) -> (Request, Rc<Cell<bool>>) {
    let is_read = Rc::new(Cell::new(matches!(request.payload(), Payload::None)));
    if is_read.get() {
        return (request, is_read);
    }
    let (request, payload) = request.replace_payload::<BoxedPayloadStream>(Payload::None);
    let body: BoxedPayloadStream = Box::pin(WatchedBody { payload, is_read: Rc::clone(&is_read) });
    let (request, _) = request.replace_payload(Payload::Stream { payload: body });
    (request, is_read)
}

/// The body of a request. It sets a flag when its end is read.
struct WatchedBody {
    payload: Payload,
    is_read: Rc<Cell<bool>>,
}

impl Stream for WatchedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.payload).poll_next(cx);
        if matches!(next, Poll::Ready(None)) {
            self.is_read.set(true);
        }
        next
    }
}

/// A request in progress. The request ends when this value is dropped.
struct RequestInProgress(Rc<HttpDeadline>);

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of a response. The request ends when this body is dropped.
pub(crate) struct TrackedBody<B> {
    body: Body<B>,
    _in_progress: Option<RequestInProgress>,
}

enum Body<B> {
    Answer(Pin<Box<B>>),
    Refusal(Bytes),
}

impl<B: MessageBody> MessageBody for TrackedBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        match &self.body {
            Body::Answer(body) => body.size(),
            Body::Refusal(bytes) => bytes.size(),
        }
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match &mut self.body {
            Body::Answer(body) => body.as_mut().poll_next(cx),
            Body::Refusal(bytes) if bytes.is_empty() => Poll::Ready(None),
            Body::Refusal(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
        }
    }
}
