//! [`Queue`]: the frames for the peer of one connection, and the requests to the connection's own task. The queue is a part of
//! the outbox and is protected by the outbox's lock.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{
    close_waiter::CloseGuard, connection_end::ConnectionEnd, delivery_gate::Closing,
    queued_bytes::QueuedBytes, request::ConnectionRequest,
};

/// Bytes that reservations must leave free, for other frames to the peer.
pub(super) const MARGIN: usize = 64 * 1024;

/// The queue of one connection.
pub(super) struct Queue {
    pub(super) frames: VecDeque<Bytes>,
    /// Frames that leave although the gate is closed: replies and pings of the connection's own task, and refusals of its
    /// commands. No frame is put here while the gate is open.
    pub(super) passing: VecDeque<Bytes>,
    /// The closing of the gate that this connection is registered for.
    pub(super) waits_for: Option<Closing>,
    /// The size of the frames. It changes only through [`Self::set_bytes`].
    bytes: usize,
    /// The counter of the node, which has the bytes of this queue, too.
    node: Arc<QueuedBytes>,
    /// Bytes that are reserved for large answers in preparation.
    pub(super) reserved: usize,
    /// Bytes that the connection's own task waits to reserve; zero if it does not wait.
    pub(super) wanted: usize,
    pub(super) limit: usize,
    pub(super) end: Option<ConnectionEnd>,
    pub(super) severed: bool,
    /// Between `Outbox::hold` and `Outbox::release`: how many of the queued frames may leave now. The frame that is given to
    /// `release` follows them.
    pub(super) held: Option<usize>,
    /// Requests to the connection's own task.
    pub(super) requests: VecDeque<ConnectionRequest>,
    /// Guards of the operations (for example revocations) that wait until this socket is severed.
    pub(super) guards: Vec<CloseGuard>,
}

impl Queue {
    pub(super) fn new(limit: usize, node: Arc<QueuedBytes>) -> Self {
        Self {
            frames: VecDeque::new(),
            passing: VecDeque::new(),
            waits_for: None,
            bytes: 0,
            node,
            reserved: 0,
            wanted: 0,
            limit,
            end: None,
            severed: false,
            held: None,
            requests: VecDeque::new(),
            guards: Vec::new(),
        }
    }

    /// The size of the frames in the queue.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Notes the size of the frames in the queue.
    pub(super) fn set_bytes(&mut self, bytes: usize) {
        self.node.change(self.bytes, bytes);
        self.bytes = bytes;
    }

    /// Drops all frames and requests, and ends a hold.
    pub(super) fn forget(&mut self) {
        (self.frames, self.passing) = (VecDeque::new(), VecDeque::new());
        self.requests = VecDeque::new();
        self.set_bytes(0);
        self.held = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.passing.is_empty()
    }

    /// Drops all frames except those that may pass the gate.
    pub(super) fn drop_frames(&mut self) {
        self.frames = VecDeque::new();
        self.set_bytes(self.passing.iter().map(Bytes::len).sum());
    }

    /// Moves frames of `passing` into `into`, until `budget` bytes are moved. Returns the number of moved bytes.
    pub(super) fn take_passing(&mut self, budget: usize, into: &mut Vec<Bytes>) -> usize {
        let mut taken = 0;
        while taken < budget
            && let Some(frame) = self.passing.pop_front()
        {
            taken += frame.len();
            into.push(frame);
        }
        if taken > 0 && self.passing.is_empty() {
            self.passing = VecDeque::new();
        }
        taken
    }

    /// Moves frames that may leave into `into`, until `budget` bytes are moved. `taken` is the number of bytes that were moved
    /// before; they count towards `budget`. Returns the number of all moved bytes.
    pub(super) fn take_frames(&mut self, mut taken: usize, budget: usize, into: &mut Vec<Bytes>) -> usize {
        while taken < budget
            && self.held != Some(0)
            && let Some(frame) = self.frames.pop_front()
        {
            self.held = self.held.map(|before| before - 1);
            taken += frame.len();
            into.push(frame);
        }
        taken
    }

    pub(super) fn fits(&self, bytes: usize) -> bool {
        let taken = self.bytes.saturating_add(self.reserved).saturating_add(MARGIN);
        taken.saturating_add(bytes) <= self.limit
    }

    /// Whether a reservation waits for space, and there is enough space now. If so, the wait ends, and the caller must wake the
    /// connection's own task.
    pub(super) fn ends_wait_for_space(&mut self) -> bool {
        let enough = self.wanted > 0 && self.fits(self.wanted);
        if enough {
            self.wanted = 0;
        }
        enough
    }
}
