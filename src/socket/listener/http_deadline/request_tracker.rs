//! Reports to the deadline of a connection when a request begins and when its response is complete.
//!
//! The listener wraps the REST application with it. A request begins when the application receives it. It ends when the body of
//! its response is dropped: written to the connection, or dropped together with it.

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

use super::state::{HttpDeadline, RequestBody};

/// Lets `app` answer a request, and reports the begin and the end to the deadline of its connection.
pub(crate) fn answer<S, B>(
    mut request: Request,
    app: &S,
) -> impl Future<Output = Result<Response<TrackedBody<B>>, S::Error>> + use<S, B>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
{
    let in_progress = request.conn_data::<Rc<HttpDeadline>>().map(Rc::clone).map(|deadline| {
        deadline.begin(body(&mut request));
        RequestInProgress(deadline)
    });
    let answered = app.call(request);
    async move {
        let response: Response<B> = answered.await?.into();
        Ok(response.map_body(|_, body| TrackedBody { body: Box::pin(body), _in_progress: in_progress }))
    }
}

fn body(request: &mut Request) -> RequestBody {
    if matches!(request.payload(), Payload::None) {
        return RequestBody::Length(0);
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.trim().parse().ok()).map_or(RequestBody::Chunked, RequestBody::Length)
}

/// A request in progress; dropping this ends it.
struct RequestInProgress(Rc<HttpDeadline>);

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of a response. The request ends when it is dropped.
pub(crate) struct TrackedBody<B> {
    body: Pin<Box<B>>,
    _in_progress: Option<RequestInProgress>,
}

impl<B: MessageBody> MessageBody for TrackedBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_mut().poll_next(cx)
    }
}
