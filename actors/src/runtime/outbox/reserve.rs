//! Room in an outbox that somebody takes before a large answer is made: shards answer one connection at the same time, each
//! with what the client missed or asked for, and all of it together may be more than the queue holds.

use std::{future::poll_fn, task::Poll};

use super::{Outbox, Queue};

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
        let fits = queue.fits(bytes);
        queue.reserved += if fits { bytes } else { 0 };
        fits.then(|| Reserved { outbox: self.clone(), bytes })
    }

    /// Takes room for so many bytes as soon as there is so much: at once, or when the peer has read what was said before.
    /// Only for the task that owns the peer's stream, which is woken, and for one such wait at a time.
    pub async fn reserve_in_turn(&self, bytes: usize) -> Reserved {
        poll_fn(|_| {
            let mut queue = self.0.queue.lock();
            // Into an empty queue everything fits.
            let bytes = bytes.min(queue.limit.saturating_sub(MARGIN));
            if !queue.fits(bytes) {
                queue.wanted = bytes;
                return Poll::Pending;
            }
            queue.wanted = 0;
            queue.reserved += bytes;
            Poll::Ready(Reserved { outbox: self.clone(), bytes })
        })
        .await
    }
}

impl Queue {
    fn fits(&self, bytes: usize) -> bool {
        let taken = self.bytes.saturating_add(self.reserved).saturating_add(MARGIN);
        taken.saturating_add(bytes) <= self.limit
    }

    /// Whether somebody waited for room and there is enough now; says so once.
    pub(super) fn has_made_room(&mut self) -> bool {
        let enough = self.wanted > 0 && self.fits(self.wanted);
        if enough {
            self.wanted = 0;
        }
        enough
    }
}

impl Drop for Reserved {
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
