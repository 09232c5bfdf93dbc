//! Tells a connection's watch when a request begins and when its answer is made.
//!
//! Put around the REST application by the accept pipeline. A request begins when the application gets it, and ends when the
//! body of its answer is dropped: handed to the connection, or given up with it.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_http::{HttpMessage as _, Payload, Request, Response, header};
use actix_service::Service;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use crate::socket::listener::http_deadline::state::{Body, Watch};

/// Has a request answered, with the watch of its connection told.
pub(in crate::socket) fn answer<S, B>(
    mut request: Request,
    app: &S,
) -> impl Future<Output = Result<Response<Answer<B>>, S::Error>> + use<S, B>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
{
    let underway = request.conn_data::<Rc<Watch>>().map(Rc::clone).map(|watch| {
        watch.begin(body(&mut request));
        Underway(watch)
    });
    let answered = app.call(request);
    async move {
        let response: Response<B> = answered.await?.into();
        Ok(response.map_body(|_, body| Answer { body: Box::pin(body), _underway: underway }))
    }
}

fn body(request: &mut Request) -> Body {
    if matches!(request.payload(), Payload::None) {
        return Body::Length(0);
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.trim().parse().ok()).map_or(Body::Chunked, Body::Length)
}

/// A request underway, until this is dropped.
struct Underway(Rc<Watch>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of an answer; with it, the request ends.
pub(in crate::socket) struct Answer<B> {
    body: Pin<Box<B>>,
    _underway: Option<Underway>,
}

impl<B: MessageBody> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_mut().poll_next(cx)
    }
}
