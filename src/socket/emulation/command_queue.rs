//! Commands on their way from requests to their stream, in order, from whichever worker took the request.
//!
//! Bounded in bytes: who sends faster than the stream's task takes is refused.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// Bytes that may wait; a request holds at most a quarter of it.
const WAITING_MAX: usize = 256 * 1024;

/// The queue. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::socket) struct Inbox(Arc<Shared>);

#[derive(Default)]
struct Shared {
    frames: Mutex<VecDeque<Bytes>>,
    waker: AtomicWaker,
}

/// More waits than may.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::socket) struct Full;

impl Inbox {
    /// Adds a frame of commands.
    pub(in crate::socket) fn push(&self, frame: Bytes) -> Result<(), Full> {
        {
            let mut frames = self.0.frames.lock();
            let waiting: usize = frames.iter().map(Bytes::len).sum();
            // The count bounds what empty frames cost.
            if waiting + frame.len() > WAITING_MAX || frames.len() >= 256 {
                return Err(Full);
            }
            frames.push_back(frame);
        }
        self.0.waker.wake();
        Ok(())
    }

    /// The next frame, for the stream's task.
    pub(in crate::socket) fn poll_next(&self, cx: &Context<'_>) -> Poll<Bytes> {
        self.0.waker.register(cx.waker());
        self.0.frames.lock().pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn frames_keep_their_order_and_their_bound() {
        let (inbox, cx) = (Inbox::default(), Context::from_waker(Waker::noop()));
        for number in 0..4_u8 {
            inbox.push(vec![number; WAITING_MAX / 4].into()).unwrap();
        }
        assert_eq!(inbox.push(Bytes::from_static(b"x")), Err(Full));
        for number in 0..4_u8 {
            assert!(matches!(inbox.poll_next(&cx), Poll::Ready(frame) if frame[0] == number));
        }
        assert!(inbox.poll_next(&cx).is_pending());
    }
}
