//! A bound on the bytes of the messages that wait for an actor. Without this bound, the messages would fill the memory when the
//! actor is too slow.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts the bytes that wait for one actor.
pub(crate) struct Waiting {
    bytes: Arc<AtomicUsize>,
    max: usize,
}

/// The reserved bytes of one message. They are released when this value is dropped.
pub(crate) struct WaitingBytes {
    waiting: Arc<AtomicUsize>,
    bytes: usize,
}

impl Waiting {
    /// At most `max` bytes may wait.
    pub(crate) fn new(max: usize) -> Self {
        Self { bytes: Arc::default(), max }
    }

    /// Reserves bytes for one message; `None` if more than `max` bytes would wait.
    pub(crate) fn take(&self, bytes: usize) -> Option<WaitingBytes> {
        let before = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        let share = WaitingBytes { waiting: Arc::clone(&self.bytes), bytes };
        (before + bytes <= self.max).then_some(share)
    }
}

impl Drop for WaitingBytes {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
