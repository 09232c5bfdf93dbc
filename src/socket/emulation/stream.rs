//! [`EmulatedStream`]: the task of one emulated stream. It does what the pump does for a WebSocket, except that the HTTP layer
//! writes the bytes.
//!
//! Each stream has one task, on the worker that accepted its connection. The task owns the driver and the reading end of the
//! outbox. It passes the commands of requests to the driver, and the messages of the outbox to the response body, one batch at
//! a time. A slow peer cannot block the task: a batch that the peer does not take in time ends the stream, and a cut does not
//! wait for the peer.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_rt::time::{Sleep, sleep};
use actors::runtime::{ConnectionEnd, OutboxReader};
use bytes::Bytes;
use protocol::{Push, close::CloseReason};

use super::{command_queue::CommandQueue, peer::Peer, registry::RegisteredStream, response::ResponseQueue};
use crate::socket::connection::{
    deadlines::{CUT_DEADLINE, FlushDeadline, LINGER, WRITE_DEADLINE},
    driver::Driver,
    parts::ConnectionParts,
    registration::Registration,
};

/// Maximum size of a batch in bytes. A cut cannot take back what the HTTP layer has, so batches are small.
const BATCH: usize = 16 * 1024;

thread_local! {
    /// Messages on their way from the outbox into a batch. All streams of a thread share the list.
    static MESSAGES: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

/// The task of one stream.
pub(crate) struct EmulatedStream {
    /// Dropped as soon as the end is certain; the connection then leaves all channels.
    driver: Option<Driver>,
    outbox: OutboxReader,
    commands: CommandQueue,
    responses: ResponseQueue,
    peer: Peer,
    /// Kept until the stream is severed: until then a revocation must find the connection.
    registration: Registration,
    /// The entry in the registry. Commands are accepted for as long as this entry exists.
    registered: Option<RegisteredStream>,
    phase: Phase,
    deadline: Option<Pin<Box<Sleep>>>,
    flush_deadline: FlushDeadline,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Messages are sent and received.
    Open,
    /// The disconnect push is the last message. `deadline` is the peer's time to take this message.
    Ending {
        deadline: Duration,
    },
    /// The HTTP layer has all messages. The stream waits for the peer to close.
    Lingering,
    Done,
}

impl EmulatedStream {
    pub(crate) fn new(
        parts: ConnectionParts,
        outbox: OutboxReader,
        commands: CommandQueue,
        responses: ResponseQueue,
        peer: Peer,
        registered: RegisteredStream,
    ) -> Self {
        let registration = parts.registration.clone();
        Self {
            driver: Some(Driver::new(parts)),
            outbox,
            commands,
            responses,
            peer,
            registration,
            registered: Some(registered),
            phase: Phase::Open,
            deadline: None,
            flush_deadline: FlushDeadline::default(),
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) {
        if let Some(end @ (ConnectionEnd::Cut(_) | ConnectionEnd::Shed(_))) = self.outbox.end() {
            return self.begin_end(&end);
        }
        if let Some(cut) = self.flush_deadline.poll_over(&self.outbox, cx) {
            return self.begin_end(&cut);
        }
        if let Some(driver) = &mut self.driver {
            while let Poll::Ready(frame) = self.commands.poll_next(cx) {
                // Commands after the end are ignored.
                if driver.outbox().is_open() {
                    driver.on_frame(&frame);
                }
            }
            driver.poll(cx);
            // This transport has no ping frames, so pings before `connect` are dropped.
            let _ = driver.take_ping();
        }
        self.pass_batch(cx);
    }

    /// Passes a batch to the response body as soon as the body has taken the previous one.
    fn pass_batch(&mut self, cx: &mut Context<'_>) {
        if !self.responses.poll_empty(cx) {
            if self.poll_deadline(WRITE_DEADLINE, cx) {
                self.begin_end(&ConnectionEnd::Cut(CloseReason::WriteError.into()));
            }
            return;
        }
        self.deadline = None;
        let end = MESSAGES.with_borrow_mut(|messages| {
            let end = self.outbox.take(BATCH, messages);
            if !messages.is_empty() {
                self.responses.put(messages);
                messages.clear();
            }
            end
        });
        if let Some(end) = end {
            self.begin_end(&end);
        } else if !self.responses.poll_empty(cx) {
            // Start the deadline now: with a peer that does not read, nothing wakes this task again.
            let _ = self.poll_deadline(WRITE_DEADLINE, cx);
        }
    }

    fn begin_end(&mut self, end: &ConnectionEnd) {
        // The end is declared first, so that the driver knows the reason when it is dropped.
        self.outbox.declare(end.clone());
        self.driver = None;
        self.registered = None;
        self.deadline = None;
        let encoding = self.outbox.encoding();
        let spoken = end.close_message().filter(|close_message| !close_message.is_silent());
        let last = spoken.map(|close_message| encoding.push(&Push::Disconnect(close_message)));
        let at_once = !matches!(end, ConnectionEnd::Flush(_));
        self.responses.end(last.as_deref(), at_once);
        let deadline = if matches!(end, ConnectionEnd::Cut(_)) { CUT_DEADLINE } else { WRITE_DEADLINE };
        self.phase = Phase::Ending { deadline };
    }

    fn poll_ending(&mut self, deadline: Duration, cx: &mut Context<'_>) {
        if self.responses.is_body_dropped() {
            self.sever();
            self.deadline = None;
            self.phase = Phase::Lingering;
            return;
        }
        let over = self.flush_deadline.poll_over(&self.outbox, cx);
        match over.or_else(|| self.outbox.end()) {
            // A cut came, or the time of an orderly end is over: drop the messages that the HTTP layer has not taken yet.
            Some(end @ ConnectionEnd::Cut(_)) if deadline > CUT_DEADLINE => self.begin_end(&end),
            _ if self.poll_deadline(deadline, cx) => self.on_stream_ended(),
            _ => {}
        }
    }

    /// The stream has ended or failed.
    fn on_stream_ended(&mut self) {
        self.sever();
        // The HTTP layer may still wait for a peer that does not read, so the connection is reset.
        self.responses.end(None, true);
        self.peer.reset();
        self.phase = Phase::Done;
    }

    /// From now on nothing is accepted or delivered. Tasks that wait for the close are notified.
    fn sever(&mut self) {
        self.outbox.declare(ConnectionEnd::Peer);
        self.driver = None;
        self.registered = None;
        self.outbox.sever();
        self.registration.release();
    }

    fn poll_deadline(&mut self, after: Duration, cx: &mut Context<'_>) -> bool {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(after)));
        deadline.as_mut().poll(cx).is_ready()
    }
}

impl Future for EmulatedStream {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.outbox.register(cx);
        // Registers this task for the moment when the body takes a batch or is dropped.
        let _ = this.responses.poll_empty(cx);
        let body_dropped = this.phase == Phase::Open && this.responses.is_body_dropped();
        if body_dropped || this.peer.poll_closed(cx).is_ready() {
            this.on_stream_ended();
        }
        loop {
            let before = this.phase;
            match before {
                Phase::Open => this.poll_open(cx),
                Phase::Ending { deadline } => this.poll_ending(deadline, cx),
                Phase::Lingering => {
                    if this.poll_deadline(LINGER, cx) {
                        this.on_stream_ended();
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
