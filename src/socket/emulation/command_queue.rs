//! [`CommandQueue`]: commands on their way from `/emulation` requests to their stream, in order. The worker that receives such
//! a request may differ from the worker of the stream.
//!
//! The queue is bounded in bytes and in frames. If a client sends commands faster than the stream's task handles them, its
//! requests are refused.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// Maximum size of the queued frames in bytes. The frame of one request has at most a quarter of this size.
const WAITING_MAX: usize = 256 * 1024;

/// The queue. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct CommandQueue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    frames: Mutex<VecDeque<Bytes>>,
    waker: AtomicWaker,
}

/// The queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl CommandQueue {
    /// Adds a frame of commands.
    pub(crate) fn push(&self, frame: Bytes) -> Result<(), Full> {
        {
            let mut frames = self.0.frames.lock();
            let waiting: usize = frames.iter().map(Bytes::len).sum();
            // The number of frames is limited, too, because even an empty frame needs memory.
            if waiting + frame.len() > WAITING_MAX || frames.len() >= 256 {
                return Err(Full);
            }
            frames.push_back(frame);
        }
        self.0.waker.wake();
        Ok(())
    }

    /// The next frame. Called by the task of the stream.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Bytes> {
        self.0.waker.register(cx.waker());
        self.0.frames.lock().pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn frames_keep_their_order_and_their_total_size_is_bounded() {
        let (queue, cx) = (CommandQueue::default(), Context::from_waker(Waker::noop()));
        for number in 0..4_u8 {
            queue.push(vec![number; WAITING_MAX / 4].into()).unwrap();
        }
        assert_eq!(queue.push(Bytes::from_static(b"x")), Err(Full));
        for number in 0..4_u8 {
            assert!(matches!(queue.poll_next(&cx), Poll::Ready(frame) if frame[0] == number));
        }
        assert!(queue.poll_next(&cx).is_pending());
    }
}
