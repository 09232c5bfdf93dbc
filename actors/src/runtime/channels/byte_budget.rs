//! Bytes on their way to one shard: bounded, so that a shard that falls behind is not sent ever more.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Payload bytes that may wait for one shard; a publication beyond is refused and its client told to try again.
const WAITING_MAX: usize = 32 * 1024 * 1024;

/// Bytes of publications on their way to one shard.
#[derive(Default)]
pub(crate) struct Waiting(Arc<AtomicUsize>);

/// One publication's share; gives itself back when the publication is done with, or lost.
pub(crate) struct WaitingBytes {
    waiting: Arc<AtomicUsize>,
    bytes: usize,
}

impl Waiting {
    /// Takes a share, unless too much is waiting already.
    pub(crate) fn take(&self, bytes: usize) -> Option<WaitingBytes> {
        let before = self.0.fetch_add(bytes, Ordering::AcqRel);
        let share = WaitingBytes { waiting: Arc::clone(&self.0), bytes };
        (before + bytes <= WAITING_MAX).then_some(share)
    }
}

impl Drop for WaitingBytes {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
