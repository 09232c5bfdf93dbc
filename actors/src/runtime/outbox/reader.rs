//! The reading half of an outbox: what the task that owns the peer's stream takes from it.

use std::{
    sync::{Arc, atomic::Ordering},
    task::Context,
};

use bytes::Bytes;

use super::{Control, Encoding, End, Outbox, Shared};

/// The reading half, owned by the pump. Dropping it says that the socket is severed.
pub struct OutboxReader(pub(super) Arc<Shared>);

impl OutboxReader {
    /// Asks to be woken when there is something to do.
    pub fn register(&self, cx: &Context<'_>) {
        self.0.waker.register(cx.waker());
    }

    /// Moves whole frames, up to about `budget` bytes (at least one frame), into `into`. Answers how the connection
    /// ends, if it does: a flushing end only once nothing is left.
    pub fn take(&self, budget: usize, into: &mut Vec<Bytes>) -> Option<End> {
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
            Some(End::Flush(_)) if taken > 0 || !queue.frames.is_empty() => None,
            end => end.clone(),
        }
    }

    /// How the connection's frames are encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    /// The next thing that the connection's task is asked to do.
    #[must_use]
    pub fn next_control(&self) -> Option<Control> {
        self.0.queue.lock().controls.pop_front()
    }

    /// The end that was declared, without taking anything.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        if self.0.open.load(Ordering::Acquire) {
            return None;
        }
        self.0.queue.lock().end.clone()
    }

    /// Declares an end that the owner of the stream has found itself; one that was declared before stays, unless this is a
    /// cut.
    pub fn declare(&self, end: End) {
        Outbox(Arc::clone(&self.0)).declare(end, None);
    }

    /// Declares the socket severed: no frame is accepted from it and none delivered to it. Releases who waits.
    pub fn sever(&self) {
        let guards = {
            let mut queue = self.0.queue.lock();
            queue.severed = true;
            queue.forget();
            queue.end.get_or_insert(End::Peer);
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
