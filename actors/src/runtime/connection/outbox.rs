//! The queue between all senders to a peer and the pump that owns the peer's stream.
//!
//! Replies, pushes and the end of the connection all pass through it, so they leave in the order of the calls. Any
//! thread may push or end the connection; only the pump reads. Deliveries bypass the connection actor: each costs one
//! push and at most one wake-up.
//!
//! Bound: `limit` bytes of payload (1 MiB by default). Overflow ends the connection with 3008 and drops the queue,
//! because a peer that does not read would not receive it anyway.
//!
//! It must not block, and must not accept a frame after the end was declared.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use protocol::{
    Encoding,
    close::{CloseMessage, CloseReason},
};

use crate::runtime::connection::{close_waiter::CloseGuard, request::ConnectionRequest};

/// How a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// Send the queued frames, then the close frame.
    Flush(CloseMessage),
    /// Drop the queued frames. Send the close frame only if the peer accepts it at once.
    Cut(CloseMessage),
    /// The queue overflowed and was dropped. The close frame waits until the peer reads again, at most until the
    /// write deadline.
    Shed(CloseMessage),
    /// The peer closed the connection: answer its close frame.
    Peer,
}

impl ConnectionEnd {
    /// The close code and text for the peer, if the server ends the connection.
    #[must_use]
    pub fn close_message(&self) -> Option<&CloseMessage> {
        match self {
            Self::Flush(close_message) | Self::Cut(close_message) | Self::Shed(close_message) => {
                Some(close_message)
            }
            Self::Peer => None,
        }
    }
}

/// The connection has ended, or this frame overflowed its queue: no further frames are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxClosed;

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
    /// Bytes that are reserved for large answers in preparation.
    reserved: usize,
    /// Bytes that the connection's own task waits to reserve; zero if it does not wait.
    wanted: usize,
    limit: usize,
    end: Option<ConnectionEnd>,
    severed: bool,
    /// During a hold: how many queued frames may leave now. The frame of [`Outbox::release`] follows them.
    held: Option<usize>,
    /// Requests to the connection's own task.
    controls: VecDeque<ConnectionRequest>,
    /// Guards of the revocations that wait until this socket is severed.
    guards: Vec<CloseGuard>,
}

/// Bytes that reservations must leave free, for other frames to the peer.
const MARGIN: usize = 64 * 1024;

/// Requests that may wait for the connection's own task. The task handles all of them whenever it runs, so more than
/// this means that the task is stuck.
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

    /// Holds back the frames that are pushed from now on, until [`Self::release`], because a frame that is still
    /// being made must precede them.
    pub fn hold(&self) {
        let mut queue = self.0.queue.lock();
        queue.held = Some(queue.frames.len());
    }

    /// Ends the hold, and puts `first` before the frames that were held back.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn release(&self, first: Bytes) -> Result<(), OutboxClosed> {
        let result = {
            let mut queue = self.0.queue.lock();
            let before = queue.held.take().unwrap_or(0);
            self.put(&mut queue, first, |frames, first| frames.insert(before, first))
        };
        self.0.waker.wake();
        result.map(drop)
    }

    /// Enqueues a request to the connection's own task, and wakes that task.
    ///
    /// # Errors
    /// `OutboxClosed` when the connection has ended, or ends now because its task is stuck.
    pub fn request(&self, control: ConnectionRequest) -> Result<(), OutboxClosed> {
        let result = {
            let mut queue = self.0.queue.lock();
            if queue.end.is_some() {
                return Err(OutboxClosed);
            }
            if queue.controls.len() < CONTROLS_MAX {
                queue.controls.push_back(control);
                Ok(())
            } else {
                self.overflow(&mut queue);
                Err(OutboxClosed)
            }
        };
        self.0.waker.wake();
        result
    }

    /// Enqueues one reply or push, and wakes the pump.
    ///
    /// # Errors
    /// `OutboxClosed` when the connection has ended, or ends now because the queue is full.
    pub fn push(&self, frame: Bytes) -> Result<(), OutboxClosed> {
        let result = self.enqueue(frame);
        if result != Ok(false) {
            self.0.waker.wake();
        }
        result.map(drop)
    }

    /// As [`Self::push`], but without a wake-up: the caller is the pump's own task, which reads the queue next
    /// anyway.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_from_owner(&self, frame: Bytes) -> Result<(), OutboxClosed> {
        self.enqueue(frame).map(drop)
    }

    /// `Ok(true)` when the queue was empty, so that the pump may be asleep.
    fn enqueue(&self, frame: Bytes) -> Result<bool, OutboxClosed> {
        self.put(&mut self.0.queue.lock(), frame, VecDeque::push_back)
    }

    fn put(
        &self,
        queue: &mut Queue,
        frame: Bytes,
        place: impl FnOnce(&mut VecDeque<Bytes>, Bytes),
    ) -> Result<bool, OutboxClosed> {
        if queue.end.is_some() {
            return Err(OutboxClosed);
        }
        if queue.bytes + frame.len() > queue.limit {
            self.overflow(queue);
            return Err(OutboxClosed);
        }
        let was_empty = queue.frames.is_empty();
        queue.bytes += frame.len();
        place(&mut queue.frames, frame);
        Ok(was_empty)
    }

    fn overflow(&self, queue: &mut Queue) {
        queue.end = Some(ConnectionEnd::Shed(CloseReason::Slow.into()));
        queue.forget();
        self.0.open.store(false, Ordering::Release);
    }

    /// The next request to the connection's own task.
    #[must_use]
    pub fn next_request(&self) -> Option<ConnectionRequest> {
        self.0.queue.lock().controls.pop_front()
    }

    /// Wakes the task that owns the stream.
    pub fn wake(&self) {
        self.0.waker.wake();
    }

    /// Ends the connection after the queued frames have left.
    pub fn close(&self, close_message: impl Into<CloseMessage>) {
        self.declare(ConnectionEnd::Flush(close_message.into()), None);
    }

    /// Cuts the connection: the queue is dropped, and no further frames are accepted. `guard` is released once the
    /// socket is severed.
    pub fn cut(&self, close_message: impl Into<CloseMessage>, guard: Option<CloseGuard>) {
        self.declare(ConnectionEnd::Cut(close_message.into()), guard);
    }

    /// Ends the connection because the peer closed it.
    pub fn close_from_peer(&self) {
        self.declare(ConnectionEnd::Peer, None);
    }

    /// The first declared end stays, except that a cut replaces an end of any other kind.
    fn declare(&self, end: ConnectionEnd, guard: Option<CloseGuard>) {
        let mut queue = self.0.queue.lock();
        let cut = matches!(end, ConnectionEnd::Cut(_));
        // Frames that were held back are useless without the frame that should precede them.
        if cut || end == ConnectionEnd::Peer || queue.held.is_some() {
            queue.forget();
        }
        // Requests are no longer carried out; the senders learn this because their reply channels are dropped.
        queue.controls = VecDeque::new();
        match queue.end {
            None => queue.end = Some(end),
            Some(ConnectionEnd::Flush(_) | ConnectionEnd::Shed(_) | ConnectionEnd::Peer) if cut => {
                queue.end = Some(end);
            }
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
    pub fn end(&self) -> Option<ConnectionEnd> {
        self.0.queue.lock().end.clone()
    }

    /// Bytes waiting to be written.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.0.queue.lock().bytes
    }

    /// Reserves space for `bytes`; `None` if they do not fit beside the queued and the reserved bytes. A reservation
    /// restricts only other reservations: [`Self::push`] may still use the reserved space.
    #[must_use]
    pub fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut queue = self.0.queue.lock();
        let fits = queue.fits(bytes);
        queue.reserved += if fits { bytes } else { 0 };
        fits.then(|| Reservation { outbox: self.clone(), bytes })
    }

    /// Reserves space for `bytes` as soon as they fit, perhaps only after the peer has read earlier frames. Only the
    /// task that owns the peer's stream may wait here, because only that task is woken; it may have one such wait at
    /// a time.
    pub async fn reserve_in_turn(&self, bytes: usize) -> Reservation {
        poll_fn(|_| {
            let mut queue = self.0.queue.lock();
            // An empty queue fits every request, because a request is reduced to the space of an empty queue.
            let bytes = bytes.min(queue.limit.saturating_sub(MARGIN));
            if !queue.fits(bytes) {
                queue.wanted = bytes;
                return Poll::Pending;
            }
            queue.wanted = 0;
            queue.reserved += bytes;
            Poll::Ready(Reservation { outbox: self.clone(), bytes })
        })
        .await
    }
}

impl Queue {
    fn forget(&mut self) {
        self.frames = VecDeque::new();
        self.controls = VecDeque::new();
        self.bytes = 0;
        self.held = None;
    }

    fn fits(&self, bytes: usize) -> bool {
        let taken = self.bytes.saturating_add(self.reserved).saturating_add(MARGIN);
        taken.saturating_add(bytes) <= self.limit
    }

    /// Whether a reservation waits for space and there is enough now. True once per wait.
    fn has_made_room(&mut self) -> bool {
        let enough = self.wanted > 0 && self.fits(self.wanted);
        if enough {
            self.wanted = 0;
        }
        enough
    }
}

/// Reserved space for a frame that is still being made. Drop it after the frame has been pushed: this returns the
/// space.
pub struct Reservation {
    outbox: Outbox,
    bytes: usize,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut queue = self.outbox.0.queue.lock();
        queue.reserved -= self.bytes;
        let enough = queue.has_made_room();
        drop(queue);
        if enough {
            self.outbox.0.waker.wake();
        }
    }
}

/// The reading half, owned by the pump. Dropping it declares the socket severed.
pub struct OutboxReader(Arc<Shared>);

impl OutboxReader {
    /// Registers the pump's task to be woken when there is something to do.
    pub fn register(&self, cx: &Context<'_>) {
        self.0.waker.register(cx.waker());
    }

    /// Moves whole frames, up to about `budget` bytes (at least one frame), into `into`. Returns how the connection
    /// ends, if that was declared; [`ConnectionEnd::Flush`] only once the queue is empty.
    pub fn take(&self, budget: usize, into: &mut Vec<Bytes>) -> Option<ConnectionEnd> {
        let mut queue = self.0.queue.lock();
        let mut taken = 0;
        while taken < budget && queue.held != Some(0) {
            let Some(frame) = queue.frames.pop_front() else {
                break;
            };
            queue.held = queue.held.map(|before| before - 1);
            taken += frame.len();
            into.push(frame);
        }
        queue.bytes -= taken;
        if queue.frames.is_empty() {
            queue.frames.shrink_to(8);
        }
        if queue.has_made_room() {
            self.0.waker.wake();
        }
        match &queue.end {
            Some(ConnectionEnd::Flush(_)) if taken > 0 || !queue.frames.is_empty() => None,
            end => end.clone(),
        }
    }

    /// How the connection's frames are encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    /// The next request to the connection's task.
    #[must_use]
    pub fn next_request(&self) -> Option<ConnectionRequest> {
        self.0.queue.lock().controls.pop_front()
    }

    /// The end that was declared. Takes no frames.
    #[must_use]
    pub fn end(&self) -> Option<ConnectionEnd> {
        if self.0.open.load(Ordering::Acquire) {
            return None;
        }
        self.0.queue.lock().end.clone()
    }

    /// Declares an end that the owner of the stream has detected. An end that was declared earlier stays, unless this
    /// is a cut.
    pub fn declare(&self, end: ConnectionEnd) {
        Outbox(Arc::clone(&self.0)).declare(end, None);
    }

    /// Declares the socket severed: no frame is accepted from it and none delivered to it. Releases the guards of
    /// waiting revocations.
    pub fn sever(&self) {
        let guards = {
            let mut queue = self.0.queue.lock();
            queue.severed = true;
            queue.forget();
            queue.end.get_or_insert(ConnectionEnd::Peer);
            std::mem::take(&mut queue.guards)
        };
        self.0.open.store(false, Ordering::Release);
        drop(guards);
    }
}

impl Drop for OutboxReader {
    fn drop(&mut self) {
        self.sever();
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
