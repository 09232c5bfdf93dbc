//! [`Pump`]: owns the stream of a WebSocket, moves bytes in both directions, and closes the connection.
//!
//! Each connection has one pump: a single task on the worker that accepted the connection. On each wake-up it reads the
//! available bytes through a scratch buffer that all connections of the thread share, and polls the context of the connection
//! actor. Then it combines the messages of the outbox into as few frames as possible, and writes the frames with one system
//! call. An idle connection holds no buffer in the pump.
//!
//! A slow peer cannot block the pump. The actor is polled whether or not the socket is writable, every write has a deadline,
//! and a cut does not wait for the peer. The pump does not know the protocol inside the frames.
//!
//! An orderly end sends the queued messages first, within one deadline for all of them. A cut sends at most the rest of a
//! partly sent frame and the close frame, and takes at most a second. The end after an overflow of the outbox sends the same as
//! a cut, but gives the peer the normal write deadline.

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
use actors::runtime::{ConnectionEnd, OutboxReader};
use bytes::Bytes;
use futures_util::Stream;
use protocol::close::CloseReason;

use super::{
    frame::SendBuffer,
    inbound::{Inbound, poll_read},
    socket_stream::SocketStream,
};
use crate::socket::connection::{
    deadlines::{CUT_DEADLINE, FlushDeadline, LINGER, WRITE_DEADLINE},
    registration::Registration,
};

/// Maximum number of reads per wake-up, so that one busy peer does not delay the other connections of its thread.
const READS_PER_POLL: usize = 4;
/// Maximum number of bytes taken from the outbox per write.
const WRITE_BUDGET: usize = 64 * 1024;
/// After the server's close frame, at most this number of bytes is read and discarded, so that a peer that is still sending
/// receives the close frame.
const LATE_MAX: usize = 2 * 1024 * 1024;

thread_local! {
    /// Messages on their way from the outbox into frames. All connections of a thread share the list, because a burst makes it
    /// large.
    static MESSAGES: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

/// The task of one connection. It resolves when the stream is closed.
pub(crate) struct Pump<T, C> {
    io: T,
    /// The context of the connection actor. It is dropped, together with the actor, as soon as the end is certain.
    context: Option<C>,
    inbound: Inbound,
    outbox: OutboxReader,
    unsent: SendBuffer,
    /// Whether the stream has sent all bytes that were written.
    flushed: bool,
    /// Number of unsent bytes, counted from the first, that may belong to deliveries. The bytes after them do not.
    deliveries: usize,
    /// Whether the unsent bytes wait for the gate of the node, not for the peer.
    held_back: bool,
    /// Number of bytes received after the server's close frame.
    late_bytes: usize,
    /// Whether reading is paused until the peer has received the unsent bytes.
    read_paused: bool,
    phase: Phase,
    deadline: Option<Pin<Box<Sleep>>>,
    flush_deadline: FlushDeadline,
    /// Kept until the socket is severed: until then a revocation must find the connection.
    registration: Registration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Frames are sent and received.
    Open,
    /// The close frame is the last thing to be written. `cut` selects the short deadline.
    Closing {
        cut: bool,
    },
    /// Nothing is accepted or delivered. The stream waits for the peer's close frame.
    Lingering {
        cut: bool,
    },
    Done,
}

impl<T, C> Pump<T, C>
where
    T: SocketStream,
    C: Stream<Item = Result<Bytes, Error>> + Unpin,
{
    /// `first` contains the bytes that are written before any frame, such as the handshake response.
    pub(crate) fn new(
        io: T,
        context: C,
        inbound: Inbound,
        outbox: OutboxReader,
        registration: Registration,
        first: &[u8],
    ) -> Self {
        Self {
            io,
            context: Some(context),
            inbound,
            outbox,
            unsent: SendBuffer::with_prelude(first),
            flushed: true,
            deliveries: 0,
            held_back: false,
            late_bytes: 0,
            read_paused: false,
            phase: Phase::Open,
            deadline: None,
            flush_deadline: FlushDeadline::default(),
            registration,
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) {
        if let Some(cut) = self.flush_deadline.poll_over(&self.outbox, cx) {
            return self.begin_close(&cut);
        }
        match self.outbox.end() {
            Some(end @ (ConnectionEnd::Cut(_) | ConnectionEnd::Shed(_))) => return self.begin_close(&end),
            // The queued messages are still sent; nothing more is read.
            Some(_) => {}
            None => match self.read(cx) {
                Ok(true) => {}
                Ok(false) | Err(_) => return self.on_stream_ended(),
            },
        }
        self.poll_actor(cx);
        loop {
            if self.unsent.is_empty() {
                let end = self.take_messages();
                if let Some(end) = end {
                    return self.begin_close(&end);
                }
                if self.unsent.is_empty() && self.flushed {
                    if std::mem::take(&mut self.read_paused) {
                        cx.waker().wake_by_ref();
                    }
                    return;
                }
            }
            match self.write(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return self.on_stream_ended(),
                Poll::Pending => {
                    // Another thread may have declared a cut during the write; the next poll sees it.
                    return self.guard_write(cx);
                }
            }
        }
    }

    /// Reads the available bytes, within limits. `Ok(false)`: the peer closed its side.
    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        for _ in 0..READS_PER_POLL {
            if !self.inbound.is_drained() {
                self.poll_actor(cx);
                if !self.inbound.is_drained() {
                    // The actor takes a limited number of messages per poll, and has woken this task for the rest.
                    return Ok(true);
                }
            }
            if self.unsent.len() > self.inbound.unsent_max() {
                self.read_paused = true;
                return Ok(true);
            }
            let room = self.inbound.room();
            if room == 0 {
                // The actor takes no messages at present. The actor wakes this task when it takes messages again.
                return Ok(true);
            }
            match poll_read(&mut self.io, cx, room, |bytes| self.inbound.feed(bytes)) {
                Poll::Ready(Ok(0)) => return Ok(false),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(true),
            }
            self.poll_actor(cx);
        }
        cx.waker().wake_by_ref();
        Ok(true)
    }

    /// Lets the actor handle the received bytes and its timers. Frames of the actor itself (pings, pongs) are appended to the
    /// unsent bytes.
    fn poll_actor(&mut self, cx: &mut Context<'_>) {
        while let Some(context) = &mut self.context {
            match Pin::new(context).poll_next(cx) {
                Poll::Ready(Some(Ok(frames))) => self.unsent.append_frames(&frames),
                Poll::Ready(Some(Err(_)) | None) => {
                    // The actor ended without declaring a reason, so it has failed. The connection cannot continue.
                    self.outbox.declare(ConnectionEnd::Flush(CloseReason::InternalError.into()));
                    self.context = None;
                }
                Poll::Pending => return,
            }
        }
    }

    /// Moves messages of the outbox into frames. Returns the end of the connection, if it is declared.
    fn take_messages(&mut self) -> Option<ConnectionEnd> {
        let delivers = !self.outbox.is_gate_closed();
        let end = MESSAGES.with_borrow_mut(|messages| {
            let end = self.outbox.take(WRITE_BUDGET, messages);
            self.unsent.append_messages(messages, self.outbox.encoding());
            messages.clear();
            end
        });
        self.deliveries = if delivers { self.unsent.len() } else { 0 };
        end
    }

    /// Writes until everything is sent and flushed. While the gate of the node is closed, deliveries that have already left the
    /// outbox wait, like those in the outbox. Only a frame that is partly sent is sent to its end.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            self.flushed = false;
            self.held_back =
                self.deliveries > 0 && self.phase == Phase::Open && self.outbox.holds_back_taken();
            let bytes = if self.held_back { self.unsent.started() } else { self.unsent.bytes() };
            if bytes.is_empty() {
                return Poll::Pending;
            }
            self.held_back = false;
            match Pin::new(&mut self.io).poll_write(cx, bytes) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    self.unsent.advance(written);
                    self.deliveries = self.deliveries.saturating_sub(written);
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

    /// Starts the write deadline if it does not run yet, and cuts the connection if it has passed. A write that waits for the
    /// gate has no write deadline, because its wait has another limit.
    fn guard_write(&mut self, cx: &mut Context<'_>) {
        if self.held_back {
            self.deadline = None;
        } else if self.poll_deadline(WRITE_DEADLINE, cx) {
            self.begin_close(&ConnectionEnd::Cut(CloseReason::WriteError.into()));
        }
    }

    fn poll_deadline(&mut self, after: Duration, cx: &mut Context<'_>) -> bool {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(after)));
        deadline.as_mut().poll(cx).is_ready()
    }

    /// Starts to close the connection.
    fn begin_close(&mut self, end: &ConnectionEnd) {
        // The end is declared first, so that the actor knows the reason when it is dropped here. No frame is accepted after
        // this.
        self.outbox.declare(end.clone());
        self.context = None;
        self.deadline = None;
        let cut = matches!(end, ConnectionEnd::Cut(_));
        if matches!(end, ConnectionEnd::Cut(_) | ConnectionEnd::Shed(_)) {
            self.unsent.keep_started_frame();
        }
        match end.close_message() {
            Some(close_message) if close_message.is_silent() => {}
            Some(close_message) => self.unsent.append_close(close_message.code(), close_message.text()),
            None => self.unsent.append_close(1000, ""),
        }
        self.phase = Phase::Closing { cut };
    }

    fn poll_closing(&mut self, cut: bool, cx: &mut Context<'_>) {
        if let (false, Some(end @ ConnectionEnd::Cut(_))) = (cut, self.outbox.end()) {
            // A cut came while the peer was slow: drop the frames that have not begun to leave.
            return self.begin_close(&end);
        }
        if let (false, Some(cut)) = (cut, self.flush_deadline.poll_over(&self.outbox, cx)) {
            return self.begin_close(&cut);
        }
        match self.write(cx) {
            Poll::Ready(Ok(())) => {
                self.sever();
                self.deadline = None;
                self.phase = Phase::Lingering { cut };
            }
            Poll::Ready(Err(_)) => self.on_stream_ended(),
            Poll::Pending => {
                if self.poll_deadline(if cut { CUT_DEADLINE } else { WRITE_DEADLINE }, cx) {
                    self.io.reset_on_close();
                    self.on_stream_ended();
                }
            }
        }
    }

    /// After the server's close frame: closes the writing side, and reads the peer's close frame. Otherwise the kernel would
    /// answer the peer's frame with a reset, which could overtake the server's frame.
    fn poll_lingering(&mut self, cut: bool, cx: &mut Context<'_>) -> Poll<()> {
        let _ = Pin::new(&mut self.io).poll_shutdown(cx);
        for _ in 0..READS_PER_POLL {
            match poll_read(&mut self.io, cx, LATE_MAX, |_| {}) {
                Poll::Ready(Ok(bytes)) if bytes > 0 && self.late_bytes + bytes <= LATE_MAX => {
                    self.late_bytes += bytes;
                }
                // The peer keeps sending after the server's close frame: reset the connection.
                Poll::Ready(Ok(bytes)) if bytes > 0 => {
                    self.io.reset_on_close();
                    return Poll::Ready(());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.linger(cut, cx),
            }
        }
        cx.waker().wake_by_ref();
        self.linger(cut, cx)
    }

    /// Waits until the peer closes its side, for at most `LINGER`. After this time, a cut connection is reset, so that the
    /// kernel discards the unsent data.
    fn linger(&mut self, cut: bool, cx: &mut Context<'_>) -> Poll<()> {
        if !self.poll_deadline(LINGER, cx) {
            return Poll::Pending;
        }
        if cut {
            self.io.reset_on_close();
        }
        Poll::Ready(())
    }

    /// From now on nothing is accepted or delivered. Tasks that wait for the close are notified.
    fn sever(&mut self) {
        self.outbox.sever();
        self.registration.release();
    }

    /// The stream has ended or failed.
    fn on_stream_ended(&mut self) {
        self.outbox.declare(ConnectionEnd::Peer);
        self.context = None;
        self.sever();
        self.phase = Phase::Done;
    }
}

impl<T, C> Future for Pump<T, C>
where
    T: SocketStream,
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
