//! [`Inbound`]: received bytes on their way from the pump to the connection actor, in bounded memory.
//!
//! The pump reads into a scratch buffer that all connections of a thread share. It never reads more than the frame reader has
//! space for. The actor takes whole messages. An idle connection holds no read buffer. The actor's context gets no bytes. The
//! context's decoder would compare the size of a frame with the limit only after the whole frame has arrived, and would keep
//! its buffer.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures_util::Stream;
use protocol::{Encoding, FrameError, FrameReader, Incoming};
use tokio::io::{AsyncRead, ReadBuf};

/// Maximum size of a message from a peer that has signed in, in bytes.
pub(crate) const MESSAGE_MAX: usize = 64 * 1024;
/// Maximum number of bytes read per system call.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    static READ_SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// Reads the available bytes, at most `most`, and passes them to `take`. 0 bytes mean the end of the stream.
pub(crate) fn poll_read<T: AsyncRead + Unpin>(
    io: &mut T,
    cx: &mut Context<'_>,
    most: usize,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    READ_SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(&mut scratch[..most.min(SCRATCH)]);
        Pin::new(io).poll_read(cx, &mut buffer).map_ok(|()| {
            take(buffer.filled());
            buffer.filled().len()
        })
    })
}

/// Received bytes and the messages in them, shared by the pump and the actor of a connection, which run in one task. The pump
/// polls the actor right after feeding, so no wake-up is needed.
#[derive(Clone)]
pub(crate) struct Inbound(Rc<RefCell<State>>);

struct State {
    reader: FrameReader,
    /// Whether the reader may contain whole messages that the actor has not taken.
    undecoded: bool,
    /// Whether the actor gets no messages at present.
    paused: bool,
    /// Whether a frame was refused. Nothing behind a refused frame can be decoded.
    failed: bool,
}

impl Inbound {
    /// Accepts messages of at most `limit` bytes.
    pub(crate) fn new(encoding: Encoding, limit: usize) -> Self {
        let reader = FrameReader::new(encoding, limit);
        Self(Rc::new(RefCell::new(State { reader, undecoded: false, paused: false, failed: false })))
    }

    /// The number of outgoing bytes that may wait for the peer. While more bytes wait, nothing is read from the peer. Without
    /// this bound, a peer that sends pings and reads nothing would make the server hold an answer to each ping.
    pub(crate) fn unsent_max(&self) -> usize {
        2 * self.0.borrow().reader.limit()
    }

    /// The number of bytes that may be fed now.
    pub(crate) fn room(&self) -> usize {
        self.0.borrow().reader.room()
    }

    /// The number of bytes that are held.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.0.borrow().reader.held()
    }

    pub(crate) fn feed(&self, bytes: &[u8]) {
        let mut state = self.0.borrow_mut();
        state.reader.feed(bytes);
        state.undecoded = true;
    }

    /// Whether the actor has taken every whole message. Until then the pump reads nothing more.
    pub(crate) fn is_drained(&self) -> bool {
        !self.0.borrow().undecoded
    }

    /// The messages, for the actor.
    pub(crate) fn messages(&self) -> Messages {
        Messages(self.clone())
    }

    /// Sets the maximum size of later messages, in bytes.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.0.borrow_mut().reader.set_limit(limit);
    }

    /// Pauses or resumes the messages to the actor. During a pause, the pump reads until the reader is full. Returns whether
    /// this call has ended a pause; then the task must be woken.
    pub(crate) fn set_paused(&self, paused: bool) -> bool {
        let mut state = self.0.borrow_mut();
        let resumed = std::mem::replace(&mut state.paused, paused) && !paused;
        state.undecoded |= resumed;
        resumed
    }
}

/// A message, a control frame or a fragment, or the reason why nothing more follows.
pub(crate) type Arrival = Result<Incoming, FrameError>;

/// The messages of a connection. The stream does not end: the pump drops the actor with the connection.
pub(crate) struct Messages(Inbound);

impl Stream for Messages {
    type Item = Arrival;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.0.borrow_mut();
        let next = if state.paused || state.failed { Ok(None) } else { state.reader.take() };
        state.failed |= next.is_err();
        match next.transpose() {
            Some(message) => Poll::Ready(Some(message)),
            None => {
                state.undecoded = false;
                Poll::Pending
            }
        }
    }
}
