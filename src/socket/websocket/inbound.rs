//! [`Inbound`]: received bytes on their way from the pump to the connection actor.
//!
//! The pump reads into a scratch buffer that all connections of a thread share, and passes on a copy of the received bytes. So
//! an idle connection holds no read buffer. The actor's context reads a plain stream of bytes.

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

/// Maximum number of bytes read per system call.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    static READ_SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// Reads the available bytes. An empty chunk means the end of the stream.
pub(crate) fn poll_read<T: AsyncRead + Unpin>(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    READ_SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(scratch);
        match Pin::new(io).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(Bytes::copy_from_slice(buffer.filled()))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    })
}

/// The writing end, used by the pump. The pump polls the context right after writing, so no wake-up is needed.
#[derive(Clone, Default)]
pub(crate) struct Inbound(Rc<Shared>);

#[derive(Default)]
struct Shared {
    chunks: RefCell<VecDeque<Bytes>>,
    /// Whether a frame was decoded since the context last ran out of bytes. Its buffer may then contain more frames.
    decoding: Cell<bool>,
}

impl Inbound {
    pub(crate) fn feed(&self, chunk: Bytes) {
        self.0.chunks.borrow_mut().push_back(chunk);
    }

    /// Whether the context has taken all bytes and decoded every whole frame. Until then the pump reads nothing more, because
    /// the context moves all bytes into an unbounded buffer and decodes only some frames per poll.
    pub(crate) fn is_drained(&self) -> bool {
        !self.0.decoding.get() && self.0.chunks.borrow().is_empty()
    }

    /// The reading end, for the context.
    pub(crate) fn stream(&self) -> InboundStream {
        InboundStream(Rc::clone(&self.0))
    }

    /// The connection actor reports every decoded frame.
    pub(crate) fn frame_decoded(&self) {
        self.0.decoding.set(true);
    }
}

/// The reading end. The context polls it before it decodes each frame, so a poll that is not followed by a frame means
/// that the buffer held no whole frame.
pub(crate) struct InboundStream(Rc<Shared>);

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
