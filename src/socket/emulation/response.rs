//! Where a stream's task hands over what the response's body sends next: one batch at a time.
//!
//! Both live on the worker that took the request. The body takes a batch when the connection has room for it, so what
//! waits for a peer that reads slowly waits in the outbox, which is bounded.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::{BufMut, Bytes, BytesMut};

/// How messages are told apart in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::socket) enum Framing {
    /// A line each.
    Lines,
    /// Each brings its length.
    Lengths,
    /// A server-sent event each (WHATWG HTML, 9.2).
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

/// Shared by the task and the body.
#[derive(Clone)]
pub(in crate::socket) struct Exit(Rc<RefCell<State>>);

struct State {
    framing: Framing,
    batch: BytesMut,
    /// Nothing follows.
    ended: bool,
    /// The body is gone: sent to its end, or with its connection.
    gone: bool,
    task: Option<Waker>,
    body: Option<Waker>,
}

impl Exit {
    pub(in crate::socket) fn new(framing: Framing) -> Self {
        let mut batch = BytesMut::new();
        if framing == Framing::Events {
            // Something must come at once, so that the client knows that the stream is open.
            batch.put_slice(b"\r\n");
        }
        Self(Rc::new(RefCell::new(State {
            framing,
            batch,
            ended: false,
            gone: false,
            task: None,
            body: None,
        })))
    }

    /// Asks for the task to be woken when something changes. Whether the batch has been taken.
    pub(in crate::socket) fn poll_free(&self, cx: &Context<'_>) -> bool {
        let mut state = self.0.borrow_mut();
        state.task = Some(cx.waker().clone());
        state.batch.is_empty()
    }

    /// Adds messages to the batch.
    pub(in crate::socket) fn put(&self, messages: &[Bytes]) {
        let mut state = self.0.borrow_mut();
        let framing = state.framing;
        for message in messages {
            framing.put(message, &mut state.batch);
        }
        wake(state.body.take());
    }

    /// Ends the stream, with this as its last word. `at_once`: what was not taken yet is dropped.
    pub(in crate::socket) fn end(&self, last: Option<&[u8]>, at_once: bool) {
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

    /// Whether the body is gone.
    pub(in crate::socket) fn is_gone(&self) -> bool {
        self.0.borrow().gone
    }

    /// What the body sends next; `None` at the end.
    pub(in crate::socket) fn poll_batch(&self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
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

    /// The body is dropped.
    pub(in crate::socket) fn leave(&self) {
        let mut state = self.0.borrow_mut();
        state.gone = true;
        wake(state.task.take());
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
        let exit = Exit::new(framing);
        exit.put(&[Bytes::from_static(b"{}"), Bytes::from_static(b"[]")]);
        let cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(batch)) = exit.poll_batch(&cx) else { panic!("nothing was sent") };
        assert!(exit.poll_batch(&cx).is_pending());
        batch.to_vec()
    }

    #[test]
    fn each_framing_keeps_messages_apart() {
        assert_eq!(sent(Framing::Lines), b"{}\n[]\n");
        assert_eq!(sent(Framing::Lengths), b"{}[]");
        assert_eq!(sent(Framing::Events), b"\r\ndata: {}\n\ndata: []\n\n");
    }

    #[test]
    fn a_cut_drops_what_was_not_taken() {
        let exit = Exit::new(Framing::Lines);
        exit.put(&[Bytes::from_static(b"late")]);
        exit.end(Some(b"bye"), true);
        let cx = Context::from_waker(Waker::noop());
        assert_eq!(exit.poll_batch(&cx), Poll::Ready(Some(Bytes::from_static(b"bye\n"))));
        assert_eq!(exit.poll_batch(&cx), Poll::Ready(None));
    }
}
