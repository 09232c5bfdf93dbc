//! A bound on the bytes that wait for one shard, so that they do not grow without limit when the shard falls behind.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Payload bytes that may wait for one shard. A publication that exceeds them is rejected with a temporary error, so
/// that its client retries.
const WAITING_MAX: usize = 32 * 1024 * 1024;

/// Bytes of publications that wait for one shard.
#[derive(Default)]
pub(crate) struct Waiting(Arc<AtomicUsize>);

/// One publication's share of the waiting bytes. Dropping it returns the bytes; it must not be dropped before the
/// publication.
pub(crate) struct WaitingBytes {
    waiting: Arc<AtomicUsize>,
    bytes: usize,
}

impl Waiting {
    /// Takes a share; `None` if too many bytes are waiting already.
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
