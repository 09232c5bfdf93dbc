//! The queue between all senders to a peer and the connection's own task.
//!
//! The connection's own task owns the peer's stream and runs the connection's driver: it is the pump of a WebSocket, or the
//! task of an emulated stream. Replies, pushes and the end of the connection all pass through this queue, so they leave in the
//! order of the calls. There are three exceptions: a cut, a closed gate, and [`Outbox::hold`]. Any thread may push frames or
//! end the connection; only that task reads. Deliveries bypass the connection actor: each costs one push and at most one
//! wake-up.
//!
//! Bound: `limit` bytes of payload (1 MiB by default). Overflow ends the connection with 3008 and drops the queue, because a
//! peer that does not read would not receive the queued frames anyway.
//!
//! While the gate of the node is closed, only frames of the connection's own task (replies and pings) and refusals of its
//! commands leave. All other frames wait, within the same bound. Overflow then ends the connection with 3010, because the peer
//! is not slow. If a connection waits too long for the gate, it also ends with 3010.
//!
//! During [`Outbox::hold`], frames that are pushed after the call of `hold` wait for [`Outbox::release`], within the same
//! bound. Only frames that pass a closed gate do not wait. During a hold, overflow ends the connection with 3010, too. The
//! outbox does not limit the time of a hold.
//!
//! The outbox must not block, and must not accept a frame after the end was declared.

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
        queued_bytes::QueuedBytes,
        request::ConnectionRequest,
    },
};

/// The connection has ended, or ends now because its queue has no space for this frame or request. Nothing further is accepted.
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

/// The largest number of requests that wait for the connection's own task. The task handles all waiting requests whenever it
/// runs, except while `connect` is pending. If a further request arrives, the task or `connect` is probably stuck, and the
/// connection ends with 3008.
const REQUESTS_MAX: usize = 1_024;

/// A new queue of frames in this encoding that holds at most `limit` bytes, behind a gate that stays open.
#[must_use]
pub fn outbox(limit: usize, encoding: Encoding) -> (Outbox, OutboxReader) {
    outbox_behind(Arc::new(DeliveryGate::new(Instant::now())), Arc::default(), limit, encoding)
}

/// Like [`outbox`], but behind `gate`. `queued` counts the bytes of the queue.
pub(crate) fn outbox_behind(
    gate: Arc<DeliveryGate>,
    queued: Arc<QueuedBytes>,
    limit: usize,
    encoding: Encoding,
) -> (Outbox, OutboxReader) {
    let shared = Arc::new(Shared {
        encoding,
        open: AtomicBool::new(true),
        waker: AtomicWaker::new(),
        gate,
        queue: Mutex::new(Queue::new(limit, queued)),
    });
    (Outbox(Arc::clone(&shared)), OutboxReader(shared))
}

impl Outbox {
    /// How this connection's frames are encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    /// Holds back new frames until [`Self::release`], because the reply to `connect` is still being made and must precede them.
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
    /// `OutboxClosed` when the connection has ended, or ends now because too many requests wait.
    pub fn request(&self, request: ConnectionRequest) -> Result<(), OutboxClosed> {
        let result = {
            let mut queue = self.0.queue.lock();
            if queue.end.is_some() {
                return Err(OutboxClosed);
            }
            if queue.requests.len() < REQUESTS_MAX {
                queue.requests.push_back(request);
                Ok(())
            } else {
                self.0.shed(&mut queue, CloseReason::Slow);
                Err(OutboxClosed)
            }
        };
        self.0.waker.wake();
        result
    }

    /// Enqueues one reply or push, and wakes the connection's own task.
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

    /// Enqueues the refusal of one of the connection's own commands, and wakes the connection's own task. The refusal leaves
    /// even while the gate is closed.
    ///
    /// # Errors
    /// The errors of [`Self::push`].
    pub fn push_refusal(&self, frame: Bytes) -> Result<(), OutboxClosed> {
        let result = self.push_from_owner(frame);
        self.0.waker.wake();
        result
    }

    /// Enqueues a reply of the connection's own task, or a ping. The frame leaves even while the gate is closed. The task is
    /// not woken, because it looks at the queue anyway.
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

    /// `Ok(true)` if no frame was queued before; then the connection's own task may be asleep and must be woken.
    fn enqueue(&self, frame: Bytes) -> Result<bool, OutboxClosed> {
        self.0.put(&mut self.0.queue.lock(), frame, |queue, frame| queue.frames.push_back(frame))
    }

    /// Ends the connection with 3010 if deliveries wait for the gate. Call this when a subscription ends because its token or
    /// its permission is no longer valid. The waiting deliveries may belong to this subscription, and must then not reach the
    /// peer. The queue cannot tell.
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
        self.0.queue.lock().requests.pop_front()
    }

    /// Wakes the connection's own task.
    pub fn wake(&self) {
        self.0.waker.wake();
    }

    /// Ends the connection after the queued frames have left. Frames that wait for the gate are dropped; during [`Self::hold`],
    /// all queued frames are dropped.
    pub fn close(&self, close_message: impl Into<CloseMessage>) {
        self.close_with(close_message, None);
    }

    /// The same as [`Self::close`]. `guard` is released once the socket is severed.
    pub(crate) fn close_with(&self, close_message: impl Into<CloseMessage>, guard: Option<CloseGuard>) {
        self.declare(ConnectionEnd::Flush(close_message.into()), guard);
    }

    /// Cuts the connection: the queue is dropped, and no further frames are accepted. `guard` is released once the socket is
    /// severed.
    pub fn cut(&self, close_message: impl Into<CloseMessage>, guard: Option<CloseGuard>) {
        self.declare(ConnectionEnd::Cut(close_message.into()), guard);
    }

    /// Ends the connection because the peer closed it.
    pub fn close_from_peer(&self) {
        self.declare(ConnectionEnd::Peer, None);
    }

    /// Declares how the connection ends. An end that was declared earlier stays, except that a cut replaces an end of any other
    /// kind.
    fn declare(&self, end: ConnectionEnd, guard: Option<CloseGuard>) {
        let mut queue = self.0.queue.lock();
        let cut = matches!(end, ConnectionEnd::Cut(_));
        // During a hold, the whole queue is dropped: the waiting frames are useless without the frame that must come first.
        if cut || end == ConnectionEnd::Peer || queue.held.is_some() {
            queue.forget();
        }
        // Requests are no longer carried out; the senders learn this because their reply channels are dropped.
        queue.requests = VecDeque::new();
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

    /// Whether no end was declared, so that frames from and to this connection are still accepted. Costs one atomic load.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Acquire)
    }

    /// How the connection ends, if that was declared.
    #[must_use]
    pub fn end(&self) -> Option<ConnectionEnd> {
        self.0.queue.lock().end.clone()
    }

    /// The size of the frames that wait in the queue.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.0.queue.lock().bytes()
    }

    /// Reserves space for `bytes`; `None` if the queued and the reserved bytes leave too little space. A reservation restricts
    /// only other reservations: [`Self::push`] may still use the reserved space.
    #[must_use]
    pub fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut queue = self.0.queue.lock();
        let fits = queue.fits(bytes);
        queue.reserved += if fits { bytes } else { 0 };
        fits.then(|| Reservation { outbox: self.clone(), bytes })
    }

    /// Reserves space for `bytes` as soon as they fit, perhaps only after the peer has read earlier frames. Only the
    /// connection's own task may wait here, because only that task is woken. It may have only one such wait at a time.
    pub async fn reserve_in_turn(&self, bytes: usize) -> Reservation {
        poll_fn(|_| {
            let mut queue = self.0.queue.lock();
            // The reservation is reduced to the space of an empty queue, so that it fits at the latest when the queue is empty.
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
    /// Checks the bound, and puts the frame into the queue with `place`. `Ok(true)` if no frame was queued before; then the
    /// connection's own task may be asleep.
    fn put(
        &self,
        queue: &mut Queue,
        frame: Bytes,
        place: impl FnOnce(&mut Queue, Bytes),
    ) -> Result<bool, OutboxClosed> {
        if queue.end.is_some() {
            return Err(OutboxClosed);
        }
        if queue.bytes() + frame.len() > queue.limit {
            // If the frames wait for the gate, or for the reply to `connect`, the peer is not slow.
            let held_back = self.gate.is_closed() || queue.held.is_some();
            self.shed(queue, if held_back { CloseReason::InsufficientState } else { CloseReason::Slow });
            return Err(OutboxClosed);
        }
        let was_empty = queue.frames.is_empty();
        queue.set_bytes(queue.bytes() + frame.len());
        place(queue, frame);
        Ok(was_empty)
    }

    /// Ends the connection, and drops the queued frames and requests.
    fn shed(&self, queue: &mut Queue, reason: CloseReason) {
        queue.end = Some(ConnectionEnd::Shed(reason.into()));
        queue.forget();
        self.open.store(false, Ordering::Release);
    }

    /// Whether frames must wait for the gate. If frames are queued, the connection registers with the gate once per closing.
    fn is_held_back(self: &Arc<Self>, queue: &mut Queue) -> bool {
        let Some(closing) = self.gate.closing() else { return false };
        queue.frames.is_empty() || self.waits_for(closing, queue)
    }

    /// Registers with the gate, once per closing. False if the gate has opened meanwhile.
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

/// Reserved space for a frame that is still being made. Dropping this value returns the space; drop it after the frame has been
/// pushed.
pub struct Reservation {
    outbox: Outbox,
    bytes: usize,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut queue = self.outbox.0.queue.lock();
        queue.reserved -= self.bytes;
        let enough = queue.ends_wait_for_space();
        drop(queue);
        if enough {
            self.outbox.0.waker.wake();
        }
    }
}

/// The reading half, owned by the connection's own task. Dropping it declares the socket severed.
pub struct OutboxReader(Arc<Shared>);

impl OutboxReader {
    /// Registers the connection's own task to be woken when there is something to do.
    pub fn register(&self, cx: &Context<'_>) {
        self.0.waker.register(cx.waker());
    }

    /// Moves whole frames, up to about `budget` bytes (at least one, if one may leave), into `into`. Returns the end of the
    /// connection, if it was declared; [`ConnectionEnd::Flush`] only once the queue is empty.
    ///
    /// The gate closes here if it was not renewed in time, so that frames from the time before do not leave too late.
    pub fn take(&self, budget: usize, into: &mut Vec<Bytes>) -> Option<ConnectionEnd> {
        let queue = &mut *self.0.queue.lock();
        if !queue.frames.is_empty() {
            self.0.gate.close_if_due(now());
        }
        if queue.end.is_some() && self.0.gate.is_closed() {
            // The end does not wait for the gate, so the frames that wait for the gate are dropped.
            queue.drop_frames();
        }
        let held_back = self.0.is_held_back(queue);
        let taken = queue.take_passing(budget, into);
        let taken = if held_back { taken } else { queue.take_frames(taken, budget, into) };
        queue.set_bytes(queue.bytes() - taken);
        if queue.frames.is_empty() {
            queue.frames.shrink_to(8);
        }
        if queue.ends_wait_for_space() {
            self.0.waker.wake();
        }
        match &queue.end {
            Some(ConnectionEnd::Flush(_)) if taken > 0 || !queue.is_empty() => None,
            end => end.clone(),
        }
    }

    /// Whether the gate is closed, so that [`Self::take`] gives only frames that may pass it.
    #[must_use]
    pub fn is_gate_closed(&self) -> bool {
        self.0.gate.close_if_due(now());
        self.0.gate.is_closed()
    }

    /// Whether deliveries that were taken, but have not left, must wait for the gate. If so, the connection's own task is woken
    /// when the gate opens, or when the connection ends after too long a wait.
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

    /// The next request to the connection's own task.
    #[must_use]
    pub fn next_request(&self) -> Option<ConnectionRequest> {
        self.0.queue.lock().requests.pop_front()
    }

    /// The end that was declared, if any. Takes no frames from the queue.
    #[must_use]
    pub fn end(&self) -> Option<ConnectionEnd> {
        if self.0.open.load(Ordering::Acquire) {
            return None;
        }
        self.0.queue.lock().end.clone()
    }

    /// Declares an end that the connection's own task has detected. An end that was declared earlier stays, except that a cut
    /// replaces an end of any other kind.
    pub fn declare(&self, end: ConnectionEnd) {
        Outbox(Arc::clone(&self.0)).declare(end, None);
    }

    /// Declares the socket severed: from now on, no frame is accepted from it or delivered to it. Releases the guards of the
    /// operations that wait for this.
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
