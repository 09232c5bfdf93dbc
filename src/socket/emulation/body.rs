//! The body of a stream's response: sends what the task hands over, and tells it when it is gone.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use crate::socket::emulation::response::Exit;

/// See the module.
pub(in crate::socket) struct StreamBody(Exit);

impl StreamBody {
    pub(in crate::socket) fn new(exit: Exit) -> Self {
        Self(exit)
    }
}

impl MessageBody for StreamBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.0.poll_batch(cx).map(|batch| batch.map(Ok))
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.0.leave();
    }
}
