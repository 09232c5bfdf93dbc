//! Room in an outbox that somebody takes before a large answer is made: shards answer one connection at the same time, each
//! with what the client missed, and all of it together may be more than the queue holds.

use super::Outbox;

/// What stays free of large answers, for whatever else is said to the peer.
const MARGIN: usize = 64 * 1024;

/// Room for a frame that is still being made; given back when this is dropped, which is when the frame has been pushed.
pub struct Reserved {
    outbox: Outbox,
    bytes: usize,
}

impl Outbox {
    /// Takes room for so many bytes; `None` if they do not fit beside what is queued and what is reserved. Only others who
    /// reserve are bound by it: [`Self::push`] takes the room that there is.
    #[must_use]
    pub fn reserve(&self, bytes: usize) -> Option<Reserved> {
        let mut queue = self.0.queue.lock();
        let taken = queue.bytes.saturating_add(queue.reserved).saturating_add(MARGIN);
        if taken.saturating_add(bytes) > queue.limit {
            return None;
        }
        queue.reserved += bytes;
        Some(Reserved { outbox: self.clone(), bytes })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.outbox.0.queue.lock().reserved -= self.bytes;
    }
}
