//! The task of one emulated stream: the pump of a connection whose bytes the HTTP layer writes.
//!
//! One per stream, on the worker that took its request. Owns the driver and the reading end of the outbox; feeds the
//! driver with what requests bring, and the response's body with what the outbox holds, a batch at a time. A peer that
//! reads nothing cannot stop it: a batch that is not taken ends the stream, and a cut needs nobody's consent.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_rt::time::{Sleep, sleep};
use actors::runtime::{End, OutboxReader};
use bytes::Bytes;
use protocol::{Push, close::CloseReason};

use super::peer::Peer;
use crate::socket::emulation::{command_queue::Inbox, registry::Entry, response::Exit};
use crate::socket::{
    connection::{driver::Driver, parts::Start, registration::Anchor},
    websocket::{
        close::{CUT_DEADLINE, LINGER},
        pump::WRITE_DEADLINE,
    },
};

/// Bytes per batch. What the HTTP layer has taken cannot be called back, so it is not much.
const BATCH: usize = 16 * 1024;

thread_local! {
    /// Messages between outbox and batch: one list for all streams of a thread.
    static GATHERED: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

/// See the module.
pub(in crate::socket) struct Stream {
    /// Dropped, and every channel left with it, as soon as the end is certain.
    driver: Option<Driver>,
    outbox: OutboxReader,
    inbox: Inbox,
    exit: Exit,
    peer: Peer,
    /// The place in the session, kept until the stream is severed: a revocation must find it until then.
    anchor: Anchor,
    /// The place among the streams: commands are taken for as long as it is held.
    entry: Option<Entry>,
    phase: Phase,
    deadline: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Messages go both ways.
    Open,
    /// The goodbye is the last thing to be sent. `patience`: how long the peer may take.
    Ending {
        patience: Duration,
    },
    /// All was handed to the HTTP layer; the peer may take it and close.
    Lingering,
    Done,
}

impl Stream {
    pub(in crate::socket) fn new(
        start: Start,
        outbox: OutboxReader,
        inbox: Inbox,
        exit: Exit,
        peer: Peer,
        entry: Entry,
    ) -> Self {
        let anchor = start.anchor.clone();
        Self {
            driver: Some(Driver::new(start)),
            outbox,
            inbox,
            exit,
            peer,
            anchor,
            entry: Some(entry),
            phase: Phase::Open,
            deadline: None,
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) {
        if let Some(end @ (End::Cut(_) | End::Shed(_))) = self.outbox.end() {
            return self.begin_end(&end);
        }
        if let Some(driver) = &mut self.driver {
            while let Poll::Ready(frame) = self.inbox.poll_next(cx) {
                // What came behind the end is not heard.
                if driver.outbox.is_open() {
                    driver.hear(&frame);
                }
            }
            driver.poll(cx);
            // There are no ping frames here; a connection that does not get as far as `connect` is pinged in vain.
            let _ = driver.take_ping();
        }
        self.gather(cx);
    }

    /// Hands a batch over as soon as the last one has been taken.
    fn gather(&mut self, cx: &mut Context<'_>) {
        if !self.exit.poll_free(cx) {
            if self.poll_deadline(WRITE_DEADLINE, cx) {
                self.begin_end(&End::Cut(CloseReason::WriteError.into()));
            }
            return;
        }
        self.deadline = None;
        let end = GATHERED.with_borrow_mut(|gathered| {
            let end = self.outbox.take(BATCH, gathered);
            if !gathered.is_empty() {
                self.exit.put(gathered);
                gathered.clear();
            }
            end
        });
        if let Some(end) = end {
            self.begin_end(&end);
        } else if !self.exit.poll_free(cx) {
            // From now on, not from when somebody looks again: a peer that reads nothing gives no occasion to.
            let _ = self.poll_deadline(WRITE_DEADLINE, cx);
        }
    }

    fn begin_end(&mut self, end: &End) {
        // Declared first, so that the driver knows why it ends.
        self.outbox.declare(end.clone());
        self.driver = None;
        self.entry = None;
        self.deadline = None;
        let encoding = self.outbox.encoding();
        let last = end.goodbye().map(|goodbye| encoding.push(&Push::Disconnect(goodbye)));
        let at_once = !matches!(end, End::Flush(_));
        self.exit.end(last.as_deref(), at_once);
        let patience = if matches!(end, End::Cut(_)) { CUT_DEADLINE } else { WRITE_DEADLINE };
        self.phase = Phase::Ending { patience };
    }

    fn poll_ending(&mut self, patience: Duration, cx: &mut Context<'_>) {
        if self.exit.is_gone() {
            self.sever();
            self.deadline = None;
            self.phase = Phase::Lingering;
            return;
        }
        match self.outbox.end() {
            // Overtaken: what is not on its way stays here.
            Some(end @ End::Cut(_)) if patience > CUT_DEADLINE => self.begin_end(&end),
            _ if self.poll_deadline(patience, cx) => self.gone(),
            _ => {}
        }
    }

    /// The stream is of no use any more.
    fn gone(&mut self) {
        self.sever();
        // The HTTP layer may still be waiting for a peer that reads nothing more.
        self.exit.end(None, true);
        self.peer.reset();
        self.phase = Phase::Done;
    }

    /// From here on nothing is accepted or delivered; whoever waits for it is told.
    fn sever(&mut self) {
        self.outbox.declare(End::Peer);
        self.driver = None;
        self.entry = None;
        self.outbox.sever();
        self.anchor.release();
    }

    fn poll_deadline(&mut self, after: Duration, cx: &mut Context<'_>) -> bool {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(after)));
        deadline.as_mut().poll(cx).is_ready()
    }
}

impl Future for Stream {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.outbox.register(cx);
        // Asks to be woken when the body takes something or goes.
        let _ = this.exit.poll_free(cx);
        let left = this.phase == Phase::Open && this.exit.is_gone();
        if left || this.peer.poll_gone(cx).is_ready() {
            this.gone();
        }
        loop {
            let before = this.phase;
            match before {
                Phase::Open => this.poll_open(cx),
                Phase::Ending { patience } => this.poll_ending(patience, cx),
                Phase::Lingering => {
                    if this.poll_deadline(LINGER, cx) {
                        this.gone();
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
