//! Counts the sockets that still have to close, so that a revocation knows when all are closed.
//!
//! The outbox of every socket that must close holds a guard. The guard is dropped when the socket is severed, or together with
//! the outbox or the message that holds it. So no code path has to report the close.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

/// One operation that waits for sockets to be severed.
#[derive(Clone)]
pub(crate) struct CloseWaiter(Arc<Inner>);

struct Inner {
    began: Instant,
    sockets: Mutex<Sockets>,
    /// Guards that exist: for sockets, and for messages that are not yet handled.
    outstanding: AtomicUsize,
    all_dropped: Notify,
}

/// The numbers of sockets: those that were closed, and those that are still pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CloseCounts {
    /// Sockets that are severed: no frame is accepted from them or delivered to them.
    pub sockets_closed: usize,
    /// Sockets that had to close, but were not severed when the wait ended.
    pub pending: usize,
}

/// A [`CloseWaiter`] waits until this guard is dropped.
pub struct CloseGuard {
    inner: Arc<Inner>,
    socket: bool,
}

/// The sockets that the operation has found.
#[derive(Default)]
struct Sockets {
    /// How many are not severed.
    pending: usize,
    /// How long after the beginning each of the others was severed.
    severed_after: Vec<Duration>,
}

impl Default for CloseWaiter {
    fn default() -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            sockets: Mutex::default(),
            outstanding: AtomicUsize::new(0),
            all_dropped: Notify::new(),
        }))
    }
}

impl CloseWaiter {
    /// A guard for a message. The message's handler may find sockets that must close.
    #[must_use]
    pub(crate) fn message(&self) -> CloseGuard {
        self.guard(false)
    }

    fn guard(&self, socket: bool) -> CloseGuard {
        self.0.outstanding.fetch_add(1, Ordering::AcqRel);
        if socket {
            self.0.sockets.lock().pending += 1;
        }
        CloseGuard { inner: Arc::clone(&self.0), socket }
    }

    /// Waits until every guard is dropped, at most `limit`.
    pub(crate) async fn wait(&self, limit: Duration) -> CloseCounts {
        self.wait_timed(limit).await.0
    }

    /// The same as [`wait`](Self::wait). Also returns how long after the beginning each of the closed sockets was severed.
    pub(crate) async fn wait_timed(&self, limit: Duration) -> (CloseCounts, Vec<Duration>) {
        let all_dropped = async {
            loop {
                let notified = self.0.all_dropped.notified();
                if self.0.outstanding.load(Ordering::Acquire) == 0 {
                    return;
                }
                notified.await;
            }
        };
        // After a timeout the counts show how many sockets are still pending.
        let _ = tokio::time::timeout(limit, all_dropped).await;
        let sockets = self.0.sockets.lock();
        let times = sockets.severed_after.clone();
        (CloseCounts { sockets_closed: times.len(), pending: sockets.pending }, times)
    }
}

impl CloseGuard {
    /// A guard for one socket that the handler of the message has found.
    #[must_use]
    pub fn socket(&self) -> Self {
        CloseWaiter(Arc::clone(&self.inner)).guard(true)
    }
}

impl Drop for CloseGuard {
    fn drop(&mut self) {
        if self.socket {
            let after = self.inner.began.elapsed();
            let mut sockets = self.inner.sockets.lock();
            sockets.pending -= 1;
            sockets.severed_after.push(after);
        }
        if self.inner.outstanding.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.inner.all_dropped.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_wait_ends_when_the_last_guard_is_dropped() {
        let closing = CloseWaiter::default();
        let message = closing.message();
        let sockets = [message.socket(), message.socket()];
        drop(message);
        let waiting = tokio::spawn({
            let closing = closing.clone();
            async move { closing.wait(Duration::from_secs(1)).await }
        });
        tokio::task::yield_now().await;
        drop(sockets);
        assert_eq!(waiting.await.unwrap(), CloseCounts { sockets_closed: 2, pending: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_each_closed_socket_is_known() {
        let closing = CloseWaiter::default();
        let message = closing.message();
        let (soon, late, _stuck) = (message.socket(), message.socket(), message.socket());
        drop((message, soon));
        tokio::time::advance(Duration::from_millis(30)).await;
        drop(late);
        let (counts, times) = closing.wait_timed(Duration::from_millis(5)).await;
        assert_eq!(counts, CloseCounts { sockets_closed: 2, pending: 1 });
        assert_eq!(times, [Duration::ZERO, Duration::from_millis(30)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_does_not_close_in_time_is_pending() {
        let closing = CloseWaiter::default();
        let message = closing.message();
        let _stuck = message.socket();
        drop((message.socket(), message));
        let closed = closing.wait(Duration::from_secs(1)).await;
        assert_eq!(closed, CloseCounts { sockets_closed: 1, pending: 1 });
    }
}
