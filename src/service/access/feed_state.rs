//! How current this node's knowledge of revocations is.
//!
//! The revocation feed (`upkeep`) reports each successful look at the database here. The verifier asks here before it answers
//! from memory. This file does no I/O.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

/// If the last successful look began longer ago than this, the node is not current. Tests that are not about this may wait
/// longer, because a machine with many programs can stop a process for a second.
pub const CURRENT_FOR: Duration = Duration::from_secs(1);
/// How long the verifier waits for the first look after the start.
const FIRST_LOOK_WITHIN: Duration = Duration::from_secs(2);

/// How current this node's knowledge of revocations is.
pub(crate) struct FeedState {
    /// How long the node is current after the beginning of a successful look.
    fresh: Duration,
    origin: Instant,
    /// When the last successful look began, in milliseconds after `origin`.
    looked_ms: AtomicU64,
    /// When the latest series of looks without a gap began, in milliseconds after `origin`.
    since_ms: AtomicU64,
    begun: watch::Sender<bool>,
    /// Wakes the one task that waits for the next look.
    next_look: Notify,
}

impl FeedState {
    /// A node that has not looked yet. `fresh` is usually [`CURRENT_FOR`].
    pub(crate) fn new(fresh: Duration) -> Self {
        Self {
            fresh,
            origin: Instant::now(),
            looked_ms: AtomicU64::new(0),
            since_ms: AtomicU64::new(0),
            begun: watch::Sender::new(false),
            next_look: Notify::new(),
        }
    }

    /// Whether every revocation that committed longer ago than this state's limit has been carried out on this node.
    pub(crate) fn is_current(&self) -> bool {
        let looked = Duration::from_millis(self.looked_ms.load(Ordering::Acquire));
        *self.begun.borrow() && self.origin.elapsed().saturating_sub(looked) < self.fresh
    }

    /// Waits for the first successful look, at most for [`FIRST_LOOK_WITHIN`]. `false` if there was none. Then no credential
    /// may be accepted, not even with an answer of the database. If a revocation commits between such an answer and the first
    /// look, the feed never reports it, and a connection with this credential would stay open.
    pub(crate) async fn has_begun(&self) -> bool {
        if *self.begun.borrow() {
            return true;
        }
        let mut begun = self.begun.subscribe();
        let first_look = timeout(FIRST_LOOK_WITHIN, begun.wait_for(|begun| *begun)).await;
        matches!(first_look, Ok(Ok(_)))
    }

    /// How long this node has been current without a gap. Zero if it is not current.
    pub(crate) fn current_for(&self) -> Duration {
        let since = Duration::from_millis(self.since_ms.load(Ordering::Acquire));
        if self.is_current() { self.origin.elapsed().saturating_sub(since) } else { Duration::ZERO }
    }

    /// How long ago the last successful look began. `None` before the first one.
    pub(crate) fn age(&self) -> Option<Duration> {
        let looked = Duration::from_millis(self.looked_ms.load(Ordering::Acquire));
        self.begun.borrow().then(|| self.origin.elapsed().saturating_sub(looked))
    }

    /// How long this node stays current if no further look succeeds. Zero if it is not current any more. Before the first look,
    /// the time counts from the creation of this state.
    pub(crate) fn remaining(&self) -> Duration {
        let looked = Duration::from_millis(self.looked_ms.load(Ordering::Acquire));
        (looked + self.fresh).saturating_sub(self.origin.elapsed())
    }

    /// Waits for the next successful look. Returns at once if there was a look since the last call. Only one task calls this.
    pub(crate) async fn next_look(&self) {
        self.next_look.notified().await;
    }

    /// Reports a successful look that began at `began`.
    pub(crate) fn looked(&self, began: Instant) {
        let looked = began.duration_since(self.origin).as_millis();
        let looked = u64::try_from(looked).unwrap_or(u64::MAX);
        if !self.is_current() {
            self.since_ms.store(looked, Ordering::Release);
        }
        self.looked_ms.store(looked, Ordering::Release);
        self.begun.send_if_modified(|begun| !std::mem::replace(begun, true));
        self.next_look.notify_one();
    }
}

#[cfg(test)]
#[path = "feed_state_tests.rs"]
mod tests;
