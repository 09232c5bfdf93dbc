//! The queue between everything that speaks to a peer and the pump that owns the peer's stream.
//!
//! Replies, pushes and the end of the connection all pass here, so their order is the order of the calls. Any thread
//! may push or end; only the pump reads. Deliveries bypass the connection actor: one push and one wake-up each.
//!
//! Bound: `limit` bytes of payload (1 MiB by default). Overflow ends the connection with 3008 and drops what is
//! queued, because a peer that does not read would not read that either.
//!
//! Must not do: block, allocate per byte, or keep a frame after the end was declared.

mod reader;
mod reserve;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

pub use reader::OutboxReader;
pub use reserve::Reserved;

use super::{closing::ClosingGuard, control::Control};
use protocol::{
    Encoding,
    close::{CloseReason, Goodbye},
};

/// How a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Send what is queued, then the close frame.
    Flush(Goodbye),
    /// Send nothing that is queued: the close frame at most, and only if the peer takes it at once.
    Cut(Goodbye),
    /// The queue overflowed and was dropped; the close frame waits until the peer reads again, for as long as any write may.
    Shed(Goodbye),
    /// The peer said goodbye: answer its close frame.
    Peer,
}

impl End {
    /// What the peer is told, if the end is ours.
    #[must_use]
    pub fn goodbye(&self) -> Option<&Goodbye> {
        match self {
            Self::Flush(goodbye) | Self::Cut(goodbye) | Self::Shed(goodbye) => Some(goodbye),
            Self::Peer => None,
        }
    }
}

/// The connection has ended (or this very frame overflowed its queue): nothing is accepted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended;

/// The writing half: cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Outbox(Arc<Shared>);

struct Shared {
    encoding: Encoding,
    open: AtomicBool,
    waker: AtomicWaker,
    queue: Mutex<Queue>,
}

struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// Bytes of large answers that are being made.
    reserved: usize,
    /// Bytes that the connection's own task waits to reserve; zero if it does not.
    wanted: usize,
    limit: usize,
    end: Option<End>,
    severed: bool,
    /// Only so many frames leave yet: something must go behind them that is still being made.
    held: Option<usize>,
    /// What the connection's own task is asked to do.
    controls: VecDeque<Control>,
    /// Revocations that wait for this socket.
    guards: Vec<ClosingGuard>,
}

/// Requests that may wait for the connection's own task; it takes them whenever it is awake, so more means that it is not
/// getting any further.
const CONTROLS_MAX: usize = 1_024;

/// A fresh queue of frames in this encoding that holds at most `limit` bytes.
#[must_use]
pub fn outbox(limit: usize, encoding: Encoding) -> (Outbox, OutboxReader) {
    let shared = Arc::new(Shared {
        encoding,
        open: AtomicBool::new(true),
        waker: AtomicWaker::new(),
        queue: Mutex::new(Queue {
            frames: VecDeque::new(),
            bytes: 0,
            reserved: 0,
            wanted: 0,
            limit,
            end: None,
            severed: false,
            held: None,
            controls: VecDeque::new(),
            guards: Vec::new(),
        }),
    });
    (Outbox(Arc::clone(&shared)), OutboxReader(shared))
}

impl Outbox {
    /// How this connection's frames are encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    /// Lets nothing more leave until [`Self::release`]: something that is still being made must go first.
    pub fn hold(&self) {
        let mut queue = self.0.queue.lock();
        queue.held = Some(queue.frames.len());
    }

    /// Lets everything leave again, `first` in front of what was held back.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn release(&self, first: Bytes) -> Result<(), Ended> {
        let result = {
            let mut queue = self.0.queue.lock();
            let before = queue.held.take().unwrap_or(0);
            self.put(&mut queue, first, |frames, first| frames.insert(before, first))
        };
        self.0.waker.wake();
        result.map(drop)
    }

    /// Asks the connection's own task to do something.
    ///
    /// # Errors
    /// `Ended` when the connection has ended, or ends now because it does not get any further.
    pub fn tell(&self, control: Control) -> Result<(), Ended> {
        let result = {
            let mut queue = self.0.queue.lock();
            if queue.end.is_some() {
                return Err(Ended);
            }
            if queue.controls.len() < CONTROLS_MAX {
                queue.controls.push_back(control);
                Ok(())
            } else {
                self.overflow(&mut queue);
                Err(Ended)
            }
        };
        self.0.waker.wake();
        result
    }

    /// Queues one reply or push and wakes the pump.
    ///
    /// # Errors
    /// `Ended` when the connection has ended, or ends now because the queue is full.
    pub fn push(&self, frame: Bytes) -> Result<(), Ended> {
        let result = self.enqueue(frame);
        if result != Ok(false) {
            self.0.waker.wake();
        }
        result.map(drop)
    }

    /// As [`Self::push`], from the pump's own task: it will look at the queue anyway, so nobody is woken.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_from_owner(&self, frame: Bytes) -> Result<(), Ended> {
        self.enqueue(frame).map(drop)
    }

    /// `Ok(true)` when the queue was empty, so that the pump may be asleep.
    fn enqueue(&self, frame: Bytes) -> Result<bool, Ended> {
        self.put(&mut self.0.queue.lock(), frame, VecDeque::push_back)
    }

    fn put(
        &self,
        queue: &mut Queue,
        frame: Bytes,
        place: impl FnOnce(&mut VecDeque<Bytes>, Bytes),
    ) -> Result<bool, Ended> {
        if queue.end.is_some() {
            return Err(Ended);
        }
        if queue.bytes + frame.len() > queue.limit {
            self.overflow(queue);
            return Err(Ended);
        }
        let was_empty = queue.frames.is_empty();
        queue.bytes += frame.len();
        place(&mut queue.frames, frame);
        Ok(was_empty)
    }

    fn overflow(&self, queue: &mut Queue) {
        queue.end = Some(End::Shed(CloseReason::Slow.into()));
        queue.forget();
        self.0.open.store(false, Ordering::Release);
    }

    /// The next thing that the connection's own task is asked to do.
    #[must_use]
    pub fn next_control(&self) -> Option<Control> {
        self.0.queue.lock().controls.pop_front()
    }

    /// Wakes the task that owns the stream.
    pub fn wake(&self) {
        self.0.waker.wake();
    }

    /// Ends the connection in good order: what is queued still leaves.
    pub fn close(&self, goodbye: impl Into<Goodbye>) {
        self.declare(End::Flush(goodbye.into()), None);
    }

    /// Throws the switch: nothing queued leaves, nothing more is accepted. `guard` is released once the socket is
    /// severed.
    pub fn cut(&self, goodbye: impl Into<Goodbye>, guard: Option<ClosingGuard>) {
        self.declare(End::Cut(goodbye.into()), guard);
    }

    /// The peer closed: answer and end.
    pub fn peer_closed(&self) {
        self.declare(End::Peer, None);
    }

    /// The first end wins, except that a cut overrides one that still waits for the peer.
    fn declare(&self, end: End, guard: Option<ClosingGuard>) {
        let mut queue = self.0.queue.lock();
        let cut = matches!(end, End::Cut(_));
        // What is held back is of no use without what should have gone first.
        if cut || end == End::Peer || queue.held.is_some() {
            queue.forget();
        }
        // Nothing that it is asked is done any more: whoever asks need not wait.
        queue.controls = VecDeque::new();
        match queue.end {
            None => queue.end = Some(end),
            Some(End::Flush(_) | End::Shed(_) | End::Peer) if cut => queue.end = Some(end),
            Some(_) => {}
        }
        if !queue.severed {
            queue.guards.extend(guard);
        }
        self.0.open.store(false, Ordering::Release);
        drop(queue);
        self.0.waker.wake();
    }

    /// Whether frames of this connection are still accepted and delivered. Costs one atomic load.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Acquire)
    }

    /// How the connection ends, if that was declared.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.0.queue.lock().end.clone()
    }

    /// Bytes waiting to be written.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.0.queue.lock().bytes
    }
}

impl Queue {
    fn forget(&mut self) {
        self.frames = VecDeque::new();
        self.controls = VecDeque::new();
        self.bytes = 0;
        self.held = None;
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
