//! The pump: owns a WebSocket's stream, moves bytes both ways, and stops at once when its switch is thrown.
//!
//! One per connection, a single task on the worker that accepted it. Per wake-up it reads what is there through a scratch
//! buffer shared by all connections of the thread, polls the connection actor's context with it, gathers what the
//! outbox holds into as few frames as possible, and writes all of it with one system call. An idle connection
//! holds no buffer at all.
//!
//! A peer that reads nothing cannot stop it: the actor is polled whether or not the socket is writable, every
//! write has a deadline, and a cut needs nobody's consent. Must not know the protocol inside the frames.

use std::{
    cell::RefCell,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_rt::time::{Sleep, sleep};
use actix_web::Error;
use actors::runtime::{End, OutboxReader};
use bytes::Bytes;
use futures_util::Stream;
use protocol::close::CloseReason;

use super::{
    frame::Unsent,
    inbound::{Inbound, poll_read},
};
use crate::socket::{connection::registration::Anchor, websocket::tcp::Transport};

/// A write that makes no progress for this long ends the connection.
pub(in crate::socket) const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Reads per wake-up, so that one busy peer does not starve the thread's others.
pub(in crate::socket) const READS_PER_POLL: usize = 4;
/// Bytes gathered from the outbox per write.
const WRITE_BUDGET: usize = 64 * 1024;
/// With more than this unsent, nothing more is read: a peer that does not listen need not be heard.
const UNSENT_MAX: usize = 128 * 1024;

thread_local! {
    /// Messages between outbox and frame: one list for all connections of a thread, because a burst makes it large.
    static GATHERED: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

/// The task of one connection. Resolves when the stream is closed.
pub(in crate::socket) struct Pump<T, C> {
    pub(in crate::socket) io: T,
    /// The connection actor's context; dropped, and the actor with it, as soon as the end is certain.
    pub(in crate::socket) context: Option<C>,
    inbound: Inbound,
    pub(in crate::socket) outbox: OutboxReader,
    pub(in crate::socket) unsent: Unsent,
    flushed: bool,
    /// Bytes that came after our close frame.
    pub(in crate::socket) heard_late: usize,
    /// Reading was put off until the peer has taken what is unsent.
    deaf: bool,
    pub(in crate::socket) phase: Phase,
    pub(in crate::socket) deadline: Option<Pin<Box<Sleep>>>,
    /// The connection's place in its session, kept until the socket is severed: a revocation must find it until then.
    pub(in crate::socket) anchor: Anchor,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::socket) enum Phase {
    /// Frames go both ways.
    Open,
    /// The close frame is the last thing to be written. `cut`: only if the peer takes it at once.
    Closing {
        cut: bool,
    },
    /// Nothing is accepted or delivered any more; the stream waits for the peer's goodbye.
    Lingering {
        cut: bool,
    },
    Done,
}

impl<T, C> Pump<T, C>
where
    T: Transport,
    C: Stream<Item = Result<Bytes, Error>> + Unpin,
{
    /// `first` are bytes to be written before any frame: the handshake's answer.
    pub(in crate::socket) fn new(
        io: T,
        context: C,
        inbound: Inbound,
        outbox: OutboxReader,
        anchor: Anchor,
        first: &[u8],
    ) -> Self {
        Self {
            io,
            context: Some(context),
            inbound,
            outbox,
            unsent: Unsent::with_prelude(first),
            flushed: true,
            heard_late: 0,
            deaf: false,
            phase: Phase::Open,
            deadline: None,
            anchor,
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) {
        match self.outbox.end() {
            Some(end @ (End::Cut(_) | End::Shed(_))) => return self.begin_close(&end),
            // What is queued still leaves; nothing is heard any more.
            Some(_) => {}
            None => match self.read(cx) {
                Ok(true) => {}
                Ok(false) | Err(_) => return self.gone(),
            },
        }
        self.poll_actor(cx);
        loop {
            if self.unsent.is_empty() {
                let end = self.gather();
                if let Some(end) = end {
                    return self.begin_close(&end);
                }
                if self.unsent.is_empty() && self.flushed {
                    if std::mem::take(&mut self.deaf) {
                        cx.waker().wake_by_ref();
                    }
                    return;
                }
            }
            match self.write(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return self.gone(),
                Poll::Pending => {
                    // A cut may have come from another thread while this one was writing; the next poll sees it.
                    return self.guard_write(cx);
                }
            }
        }
    }

    /// Takes what is there, within bounds. `Ok(false)`: the peer closed its side.
    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        for _ in 0..READS_PER_POLL {
            if !self.inbound.is_drained() {
                self.poll_actor(cx);
                if !self.inbound.is_drained() {
                    // It has more to decode than it may in one go, and has woken this task for the rest.
                    return Ok(true);
                }
            }
            if self.unsent.len() > UNSENT_MAX {
                self.deaf = true;
                return Ok(true);
            }
            match poll_read(&mut self.io, cx) {
                Poll::Ready(Ok(chunk)) if chunk.is_empty() => return Ok(false),
                Poll::Ready(Ok(chunk)) => self.inbound.feed(chunk),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(true),
            }
            self.poll_actor(cx);
        }
        cx.waker().wake_by_ref();
        Ok(true)
    }

    /// Lets the actor handle what was read and its timers; what it says itself (pings, pongs) is queued.
    fn poll_actor(&mut self, cx: &mut Context<'_>) {
        while let Some(context) = &mut self.context {
            match Pin::new(context).poll_next(cx) {
                Poll::Ready(Some(Ok(frames))) => self.unsent.append_frames(&frames),
                Poll::Ready(Some(Err(_)) | None) => {
                    // An actor that goes without a word has failed: its connection cannot go on.
                    self.outbox.declare(End::Flush(CloseReason::InternalError.into()));
                    self.context = None;
                }
                Poll::Pending => return,
            }
        }
    }

    /// Moves what the outbox holds into frames. Answers how the connection ends, if it does.
    fn gather(&mut self) -> Option<End> {
        GATHERED.with_borrow_mut(|gathered| {
            let end = self.outbox.take(WRITE_BUDGET, gathered);
            self.unsent.append_messages(gathered, self.outbox.encoding());
            gathered.clear();
            end
        })
    }

    /// Writes until nothing is left and the transport has passed it on.
    pub(in crate::socket) fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            self.flushed = false;
            match Pin::new(&mut self.io).poll_write(cx, self.unsent.bytes()) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    self.unsent.advance(written);
                    if self.phase == Phase::Open {
                        self.deadline = None;
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        match Pin::new(&mut self.io).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.flushed = true;
                self.deadline = None;
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }

    /// Arms the write deadline, and ends the connection if it has passed.
    fn guard_write(&mut self, cx: &mut Context<'_>) {
        if self.poll_deadline(WRITE_DEADLINE, cx) {
            self.begin_close(&End::Cut(CloseReason::WriteError.into()));
        }
    }

    pub(in crate::socket) fn poll_deadline(&mut self, after: Duration, cx: &mut Context<'_>) -> bool {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(after)));
        deadline.as_mut().poll(cx).is_ready()
    }
}

impl<T, C> Future for Pump<T, C>
where
    T: Transport,
    C: Stream<Item = Result<Bytes, Error>> + Unpin,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.outbox.register(cx);
        loop {
            let before = this.phase;
            match before {
                Phase::Open => this.poll_open(cx),
                Phase::Closing { cut } => this.poll_closing(cut, cx),
                Phase::Lingering { cut } => {
                    if this.poll_lingering(cut, cx).is_ready() {
                        this.phase = Phase::Done;
                    }
                }
                Phase::Done => return Poll::Ready(()),
            }
            if this.phase == before {
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
