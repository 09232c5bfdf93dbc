//! Bytes on their way from the stream to the connection actor.
//!
//! The pump reads into a scratch buffer that all connections of a thread share and passes on a copy of just what came,
//! so an idle connection holds no read buffer. The actor's context sees a plain stream of bytes.

use std::{
    cell::{Cell, RefCell},
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
pub(in crate::socket) fn poll_read<T: AsyncRead + Unpin>(
    io: &mut T,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Bytes>> {
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
pub(in crate::socket) struct Inbound(Rc<Shared>);

#[derive(Default)]
struct Shared {
    chunks: RefCell<VecDeque<Bytes>>,
    /// Frames were decoded since the context last ran out of bytes: there may be more of them in its buffer.
    decoding: Cell<bool>,
}

impl Inbound {
    pub(in crate::socket) fn feed(&self, chunk: Bytes) {
        self.0.chunks.borrow_mut().push_back(chunk);
    }

    /// Whether the context has taken everything and decoded every whole frame of it. Until then nothing more is read:
    /// the context moves whatever is fed into a buffer without a bound, and decodes only some frames per poll.
    pub(in crate::socket) fn is_drained(&self) -> bool {
        !self.0.decoding.get() && self.0.chunks.borrow().is_empty()
    }

    /// The context's end.
    pub(in crate::socket) fn stream(&self) -> InboundStream {
        InboundStream(Rc::clone(&self.0))
    }

    /// What the connection actor notes for every frame that it is given.
    pub(in crate::socket) fn frame_decoded(&self) {
        self.0.decoding.set(true);
    }
}

/// What the connection actor's context reads from. The context asks it before it decodes each frame, so an ask that is
/// not followed by a frame means that there was none.
pub(in crate::socket) struct InboundStream(Rc<Shared>);

impl Stream for InboundStream {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.chunks.borrow_mut().pop_front() {
            Some(chunk) => Poll::Ready(Some(Ok(chunk))),
            None => {
                self.0.decoding.set(false);
                Poll::Pending
            }
        }
    }
}
