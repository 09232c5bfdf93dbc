//! Bytes on their way from the stream to the connection actor.
//!
//! The pump reads into a scratch buffer that all connections of a thread share and passes on a copy of just what came,
//! so an idle connection holds no read buffer. The actor's context sees a plain stream of bytes.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_http::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes read per system call.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    static READ_SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// Reads what is there. An empty chunk is the end of the stream.
pub(super) fn poll_read<T: AsyncRead + Unpin>(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    READ_SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(scratch);
        match Pin::new(io).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(Bytes::copy_from_slice(buffer.filled()))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    })
}

/// The pump's end: feeds what it read. It polls the context right after, so nobody needs to be woken.
#[derive(Clone, Default)]
pub(super) struct Inbound(Rc<RefCell<VecDeque<Bytes>>>);

impl Inbound {
    pub(super) fn feed(&self, chunk: Bytes) {
        self.0.borrow_mut().push_back(chunk);
    }

    /// The context's end.
    pub(super) fn stream(&self) -> InboundStream {
        InboundStream(Rc::clone(&self.0))
    }
}

/// What the connection actor's context reads from.
pub(super) struct InboundStream(Rc<RefCell<VecDeque<Bytes>>>);

impl Stream for InboundStream {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.borrow_mut().pop_front() {
            Some(chunk) => Poll::Ready(Some(Ok(chunk))),
            None => Poll::Pending,
        }
    }
}
