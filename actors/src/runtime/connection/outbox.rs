//! The queue between all senders to a peer and the pump that owns the peer's stream.
//!
//! Replies, pushes and the end of the connection all pass through it, so they leave in the order of the calls. Any
//! thread may push or end the connection; only the pump reads. Deliveries bypass the connection actor: each costs one
//! push and at most one wake-up.
//!
//! Bound: `limit` bytes of payload (1 MiB by default). Overflow ends the connection with 3008 and drops the queue,
//! because a peer that does not read would not receive it anyway.
//!
//! While the gate of the node is closed, only replies of the connection itself leave; all other frames wait, within the same
//! bound. Overflow then ends the connection with 3010, because the peer is not slow; so does a wait that is too long.
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
    time::Instant,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use protocol::{
    Encoding,
    close::{CloseMessage, CloseReason},
};

use crate::runtime::{
    channels::clock::now,
    connection::{
        close_waiter::CloseGuard,
        connection_end::ConnectionEnd,
        delivery_gate::{Closing, DeliveryGate, HeldConnection},
        queue::{MARGIN, Queue},
        request::ConnectionRequest,
    },
};

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
    gate: Arc<DeliveryGate>,
    queue: Mutex<Queue>,
}

/// Requests that may wait for the connection's own task. The task handles all of them whenever it runs, so more than
/// this means that the task is stuck.
const CONTROLS_MAX: usize = 1_024;

/// A fresh queue of frames in this encoding that holds at most `limit` bytes, behind a gate that stays open.
#[must_use]
pub fn outbox(limit: usize, encoding: Encoding) -> (Outbox, OutboxReader) {
    outbox_behind(Arc::new(DeliveryGate::new(Instant::now())), limit, encoding)
}

/// The same behind the gate of a node.
pub(crate) fn outbox_behind(
    gate: Arc<DeliveryGate>,
    limit: usize,
    encoding: Encoding,
) -> (Outbox, OutboxReader) {
    let shared = Arc::new(Shared {
        encoding,
        open: AtomicBool::new(true),
        waker: AtomicWaker::new(),
        gate,
        queue: Mutex::new(Queue::new(limit)),
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
    /// The errors of [`Self::push`].
    pub fn release(&self, first: Bytes) -> Result<(), OutboxClosed> {
        let result = {
            let mut queue = self.0.queue.lock();
            let before = queue.held.take().unwrap_or(0);
            self.0.put(&mut queue, first, |queue, first| queue.frames.insert(before, first))
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
                self.0.shed(&mut queue, CloseReason::Slow);
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

    /// Queues the refusal of one of the connection's own commands, and wakes the pump. It leaves even while the gate is closed.
    ///
    /// # Errors
    /// The errors of [`Self::push`].
    pub fn push_refusal(&self, frame: Bytes) -> Result<(), OutboxClosed> {
        let result = self.push_from_owner(frame);
        self.0.waker.wake();
        result
    }

    /// Queues a reply of the connection's own task, or a ping. It leaves even while the gate is closed. The task is not woken,
    /// because it looks at the queue anyway.
    ///
    /// # Errors
    /// The errors of [`Self::push`].
    pub fn push_from_owner(&self, frame: Bytes) -> Result<(), OutboxClosed> {
        self.0.gate.close_if_due(now());
        let closed = self.0.gate.is_closed();
        let place = |queue: &mut Queue, frame| {
            let lane = if closed { &mut queue.passing } else { &mut queue.frames };
            lane.push_back(frame);
        };
        self.0.put(&mut self.0.queue.lock(), frame, place).map(drop)
    }

    /// `Ok(true)` when the queue was empty, so that the pump may be asleep.
    fn enqueue(&self, frame: Bytes) -> Result<bool, OutboxClosed> {
        self.0.put(&mut self.0.queue.lock(), frame, |queue, frame| queue.frames.push_back(frame))
    }

    /// Ends the connection with 3010 if deliveries wait for the gate: they may belong to a subscription that has just ended.
    pub fn end_if_held_back(&self) {
        let mut queue = self.0.queue.lock();
        if queue.end.is_none() && !queue.frames.is_empty() && self.0.gate.is_closed() {
            self.0.shed(&mut queue, CloseReason::InsufficientState);
            drop(queue);
            self.0.waker.wake();
        }
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
        self.close_with(close_message, None);
    }

    /// The same as [`Self::close`]. `guard` is released once the socket is severed.
    pub(crate) fn close_with(&self, close_message: impl Into<CloseMessage>, guard: Option<CloseGuard>) {
        self.declare(ConnectionEnd::Flush(close_message.into()), guard);
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

impl Shared {
    /// `Ok(true)` when no frame was queued, so that the pump may be asleep.
    fn put(
        &self,
        queue: &mut Queue,
        frame: Bytes,
        place: impl FnOnce(&mut Queue, Bytes),
    ) -> Result<bool, OutboxClosed> {
        if queue.end.is_some() {
            return Err(OutboxClosed);
        }
        if queue.bytes + frame.len() > queue.limit {
            // Frames that wait for the gate, or for the reply to `connect`, do not wait for the peer.
            let held_back = self.gate.is_closed() || queue.held.is_some();
            self.shed(queue, if held_back { CloseReason::InsufficientState } else { CloseReason::Slow });
            return Err(OutboxClosed);
        }
        let was_empty = queue.frames.is_empty();
        queue.bytes += frame.len();
        place(queue, frame);
        Ok(was_empty)
    }

    /// Ends the connection and drops what is queued.
    fn shed(&self, queue: &mut Queue, reason: CloseReason) {
        queue.end = Some(ConnectionEnd::Shed(reason.into()));
        queue.forget();
        self.open.store(false, Ordering::Release);
    }

    /// Whether frames must wait for the gate. If there are any, the connection registers with the gate once per closing.
    fn is_held_back(self: &Arc<Self>, queue: &mut Queue) -> bool {
        let Some(closing) = self.gate.closing() else { return false };
        queue.frames.is_empty() || self.waits_for(closing, queue)
    }

    /// Registers with the gate, once per closing. False if the gate is open meanwhile.
    fn waits_for(self: &Arc<Self>, closing: Closing, queue: &mut Queue) -> bool {
        if queue.waits_for == Some(closing) {
            return true;
        }
        let shared: Arc<dyn HeldConnection> = Arc::<Self>::clone(self);
        queue.waits_for = self.gate.register(Arc::downgrade(&shared));
        queue.waits_for.is_some()
    }
}

impl HeldConnection for Shared {
    fn resume(&self) {
        self.waker.wake();
    }

    fn give_up(&self) {
        let mut queue = self.queue.lock();
        if queue.end.is_none() {
            self.shed(&mut queue, CloseReason::InsufficientState);
        }
        drop(queue);
        self.waker.wake();
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
    ///
    /// The gate closes here if it was not renewed in time, so that what was queued in time does not leave too late.
    pub fn take(&self, budget: usize, into: &mut Vec<Bytes>) -> Option<ConnectionEnd> {
        let mut queue = self.0.queue.lock();
        if !queue.frames.is_empty() {
            self.0.gate.close_if_due(now());
        }
        if queue.end.is_some() && self.0.gate.is_closed() {
            // An orderly end does not wait for the gate, so the frames that wait for it are dropped.
            queue.drop_frames();
        }
        let held_back = self.0.is_held_back(&mut queue);
        let taken = queue.take_passing(budget, into);
        let taken = if held_back { taken } else { queue.take_frames(taken, budget, into) };
        queue.bytes -= taken;
        if queue.frames.is_empty() {
            queue.frames.shrink_to(8);
        }
        if queue.has_made_room() {
            self.0.waker.wake();
        }
        match &queue.end {
            Some(ConnectionEnd::Flush(_)) if taken > 0 || !queue.is_empty() => None,
            end => end.clone(),
        }
    }

    /// Whether the gate is closed, so that [`Self::take`] gives only replies that may pass it.
    #[must_use]
    pub fn is_gate_closed(&self) -> bool {
        self.0.gate.close_if_due(now());
        self.0.gate.is_closed()
    }

    /// Whether deliveries that were taken and have not left must wait for the gate. The gate then wakes the pump when it opens,
    /// or ends the connection.
    #[must_use]
    pub fn holds_back_taken(&self) -> bool {
        self.0.gate.close_if_due(now());
        let Some(closing) = self.0.gate.closing() else { return false };
        self.0.waits_for(closing, &mut self.0.queue.lock())
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

#[cfg(test)]
#[path = "held_outbox_tests.rs"]
mod held_tests;
