//! What is known of a connection that is no socket (yet), and how long it may go on like that.
//!
//! One per accepted connection, shared by its stream (`watched`), by what tells when requests begin and are answered
//! (`underway`), and by whoever keeps it (`keep`). The HTTP layer has no deadline for a peer that does not take its
//! answers, nor for one that never finishes the body of a request that is answered; this is it. Holds no bytes.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use actix_rt::time::{Instant, Sleep, sleep_until};

/// How long a connection that is no socket may go on without doing what such a connection is for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the start, or the end of an answer, until the next request is there. Longer than idle connections are kept,
    /// so that only those feel it that send something else. Default: 20 s.
    pub request: Duration,
    /// Bytes that may come in this time. Default: 8 MiB, so that the body of a request that was refused may run out.
    pub surplus: u64,
    /// Until the peer takes the next byte that waits for it. Default: 10 s. Streams have such a deadline themselves,
    /// and are given half as much again.
    pub taking: Duration,
    /// Until it has taken all that waits. Default: 60 s. Not for streams.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(20),
            surplus: 8 * 1024 * 1024,
            taking: Duration::from_secs(10),
            answer: Duration::from_secs(60),
        }
    }
}

/// Bytes read before what they ask for is answered. A peer that sends many requests at once gets them decoded in
/// portions, so that they do not pile up.
const TURN: usize = 4 * 1024;

/// See the module.
pub(in crate::socket) struct Watch {
    patience: Patience,
    /// A request is being handled, or its answer made.
    underway: Cell<bool>,
    /// Since when none is.
    idle_since: Cell<Instant>,
    /// Its answer is a stream, which may take hours.
    streams: Cell<bool>,
    /// Bytes that may be read before the next request begins or is answered.
    room: Cell<u64>,
    /// Bytes that may be read before output is looked after.
    turn: Cell<usize>,
    /// Reading was put off.
    put_off: Cell<bool>,
    stuck: Cell<Option<Stuck>>,
    over: Cell<bool>,
}

/// Output waits for the peer.
#[derive(Clone, Copy)]
struct Stuck {
    since: Instant,
    moved: Instant,
}

/// What a request brings behind its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::socket) enum Body {
    /// So many bytes; 0: none.
    Length(u64),
    /// Its end is told in itself.
    Chunked,
}

impl Watch {
    pub(in crate::socket) fn new(patience: Patience) -> Self {
        Self {
            patience,
            underway: Cell::new(false),
            idle_since: Cell::new(Instant::now()),
            streams: Cell::new(false),
            room: Cell::new(patience.surplus),
            turn: Cell::new(TURN),
            put_off: Cell::new(false),
            stuck: Cell::new(None),
            over: Cell::new(false),
        }
    }

    /// A request begins. What comes behind its body is another one, and waits.
    pub(in crate::socket) fn begin(&self, body: Body) {
        self.underway.set(true);
        self.room.set(match body {
            Body::Length(length) => length,
            Body::Chunked => self.patience.surplus,
        });
    }

    /// The answer that was begun is a stream.
    pub(in crate::socket) fn streams(&self) {
        self.streams.set(true);
    }

    /// The answer is made, or nobody waits for it any more.
    pub(in crate::socket) fn end(&self) {
        self.underway.set(false);
        self.idle_since.set(Instant::now());
        self.room.set(self.patience.surplus);
    }

    /// How many bytes may be read now. With 0, whoever asks is woken when there may be more, if there ever are.
    pub(in crate::socket) fn may_read(&self, cx: &Context<'_>) -> usize {
        if self.stuck.get().is_some() || self.room.get() == 0 {
            self.put_off.set(true);
            // Nobody asked for so much.
            self.over.set(self.over.get() || !self.underway.get() && self.room.get() == 0);
            return 0;
        }
        if self.turn.get() == 0 {
            self.turn.set(TURN);
            cx.waker().wake_by_ref();
            return 0;
        }
        usize::try_from(self.room.get()).unwrap_or(usize::MAX).min(self.turn.get())
    }

    /// So many were read.
    pub(in crate::socket) fn note_read(&self, bytes: usize) {
        self.room.set(self.room.get().saturating_sub(bytes as u64));
        self.turn.set(self.turn.get().saturating_sub(bytes));
    }

    /// Output waits for the peer.
    pub(in crate::socket) fn note_stuck(&self) {
        if self.stuck.get().is_none() {
            let now = Instant::now();
            self.stuck.set(Some(Stuck { since: now, moved: now }));
        }
    }

    /// Some of the output was taken.
    pub(in crate::socket) fn note_moved(&self) {
        if let Some(stuck) = self.stuck.get() {
            self.stuck.set(Some(Stuck { moved: Instant::now(), ..stuck }));
        }
    }

    /// All of it was taken; reading goes on where it was put off.
    pub(in crate::socket) fn note_flushed(&self, cx: &Context<'_>) {
        self.turn.set(TURN);
        if self.stuck.take().is_some() {
            self.idle_since.set(Instant::now());
        }
        if self.room.get() > 0 && self.put_off.take() {
            cx.waker().wake_by_ref();
        }
    }

    /// Whether the peer's time was up. What it did not take is not worth holding.
    pub(in crate::socket) fn is_over(&self) -> bool {
        self.over.get()
    }

    /// When its time is up, if nothing changes. None: the server has the next word.
    fn deadline(&self) -> Option<Instant> {
        let Patience { request, taking, answer, .. } = self.patience;
        match self.stuck.get() {
            Some(stuck) if self.streams.get() => Some(stuck.moved + taking * 3 / 2),
            Some(stuck) => Some((stuck.moved + taking).min(stuck.since + answer)),
            None if self.underway.get() => None,
            None => Some(self.idle_since.get() + request),
        }
    }

    /// Ready when the peer's time is up. The timer is only set anew when it runs out, or too late.
    fn poll_over(&self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        while !self.over.get() {
            let Some(deadline) = self.deadline() else { return Poll::Pending };
            if deadline <= Instant::now() {
                self.over.set(true);
                break;
            }
            if timer.deadline() > deadline || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

/// Serves a connection for as long as its peer does its part. None: it did not, and what served it is dropped.
pub(in crate::socket) async fn keep<F: Future>(watch: &Watch, served: F) -> Option<F::Output> {
    let mut served = pin!(served);
    let mut timer = pin!(sleep_until(Instant::now() + watch.patience.request));
    poll_fn(|cx| match served.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => watch.poll_over(cx, timer.as_mut()).map(|()| None),
    })
    .await
}
