//! [`ResponseQueue`]: passes batches of messages from the task of a stream to the body of its response, one at a time.
//!
//! The task and the body live on the worker that accepted the connection of the request. The body takes a batch when the
//! connection has space for it. So the messages for a slow peer wait in the outbox, which is bounded.

use std::{
    cell::RefCell,
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_web::body::{BodySize, MessageBody};
use bytes::{BufMut, Bytes, BytesMut};

/// How messages are separated from each other in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// One line per message.
    Lines,
    /// Each message starts with its length.
    Lengths,
    /// One server-sent event per message (WHATWG HTML, section 9.2).
    Events,
}

impl Framing {
    fn put(self, message: &[u8], into: &mut BytesMut) {
        if self == Self::Events {
            into.put_slice(b"data: ");
        }
        into.put_slice(message);
        match self {
            Self::Lines => into.put_u8(b'\n'),
            Self::Events => into.put_slice(b"\n\n"),
            Self::Lengths => {}
        }
    }
}

/// The queue, shared by the task and the body.
#[derive(Clone)]
pub(crate) struct ResponseQueue(Rc<RefCell<State>>);

struct State {
    framing: Framing,
    batch: BytesMut,
    /// Whether no more messages follow.
    ended: bool,
    /// Whether the body was dropped, because it has been sent completely or because its connection has ended.
    body_dropped: bool,
    task: Option<Waker>,
    body: Option<Waker>,
}

impl ResponseQueue {
    pub(crate) fn new(framing: Framing) -> Self {
        let mut batch = BytesMut::new();
        if framing == Framing::Events {
            // The client needs some bytes immediately to see that the stream is open.
            batch.put_slice(b"\r\n");
        }
        Self(Rc::new(RefCell::new(State {
            framing,
            batch,
            ended: false,
            body_dropped: false,
            task: None,
            body: None,
        })))
    }

    /// Whether the body has taken the last batch. Registers the task for changes.
    pub(crate) fn poll_empty(&self, cx: &Context<'_>) -> bool {
        let mut state = self.0.borrow_mut();
        state.task = Some(cx.waker().clone());
        state.batch.is_empty()
    }

    /// Adds messages to the batch.
    pub(crate) fn put(&self, messages: &[Bytes]) {
        let mut state = self.0.borrow_mut();
        let framing = state.framing;
        for message in messages {
            framing.put(message, &mut state.batch);
        }
        wake(state.body.take());
    }

    /// Ends the stream with `last` as the last message. `at_once` drops the messages that the body has not taken.
    pub(crate) fn end(&self, last: Option<&[u8]>, at_once: bool) {
        let mut state = self.0.borrow_mut();
        let framing = state.framing;
        if at_once {
            state.batch.clear();
        }
        if let Some(message) = last {
            framing.put(message, &mut state.batch);
        }
        state.ended = true;
        wake(state.body.take());
    }

    /// Whether the body was dropped.
    pub(crate) fn is_body_dropped(&self) -> bool {
        self.0.borrow().body_dropped
    }

    /// The next batch for the body; `None` at the end.
    pub(crate) fn poll_batch(&self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.0.borrow_mut();
        if !state.batch.is_empty() {
            let batch = state.batch.split().freeze();
            wake(state.task.take());
            return Poll::Ready(Some(batch));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.body = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The body was dropped.
    pub(crate) fn on_body_dropped(&self) {
        let mut state = self.0.borrow_mut();
        state.body_dropped = true;
        wake(state.task.take());
    }
}

/// The body of the response: sends the batches, and reports when it is dropped.
pub(crate) struct ResponseBody(ResponseQueue);

impl ResponseBody {
    pub(crate) fn new(queue: ResponseQueue) -> Self {
        Self(queue)
    }
}

impl MessageBody for ResponseBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.0.poll_batch(cx).map(|batch| batch.map(Ok))
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.0.on_body_dropped();
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(framing: Framing) -> Vec<u8> {
        let queue = ResponseQueue::new(framing);
        queue.put(&[Bytes::from_static(b"{}"), Bytes::from_static(b"[]")]);
        let cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(batch)) = queue.poll_batch(&cx) else { panic!("nothing was sent") };
        assert!(queue.poll_batch(&cx).is_pending());
        batch.to_vec()
    }

    #[test]
    fn each_framing_separates_messages() {
        assert_eq!(sent(Framing::Lines), b"{}\n[]\n");
        assert_eq!(sent(Framing::Lengths), b"{}[]");
        assert_eq!(sent(Framing::Events), b"\r\ndata: {}\n\ndata: []\n\n");
    }

    #[test]
    fn a_cut_drops_messages_that_the_body_has_not_taken() {
        let queue = ResponseQueue::new(Framing::Lines);
        queue.put(&[Bytes::from_static(b"late")]);
        queue.end(Some(b"bye"), true);
        let cx = Context::from_waker(Waker::noop());
        assert_eq!(queue.poll_batch(&cx), Poll::Ready(Some(Bytes::from_static(b"bye\n"))));
        assert_eq!(queue.poll_batch(&cx), Poll::Ready(None));
    }
}
