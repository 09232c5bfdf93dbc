//! The `Audit` actor: writes audit events to the database, and loses none while the database cannot be reached.
//!
//! Each node has one such actor. The actor has a thread of its own, so that its short file writes block no other actor. Its
//! queue is the spill file: a message appends an event, and a timer passes the next batch to the sink. An event is consumed
//! after the sink has written it, or, if the database refuses it, after it was set aside in a separate file. `Realtime::record`
//! sends `Record` and waits for the append, so its callers are slowed down when the disk is slow. `Realtime::note`, for
//! sockets, sends `Note` and does not wait. When the actor dies, the file stays. A new actor begins at the start of the file.
//! So it may write events again, which changes nothing in the database.
//!
//! When the append fails (for example because the disk is full), `Realtime::record` returns an error. So no action is carried
//! out without its audit event. Events of `Realtime::note` then wait in memory, in `unwritten_events`. Events of
//! `Realtime::note` that were on their way to a dying actor wait there, too. `audit_lane` bounds the bytes in memory, and drops
//! and counts further events of `Realtime::note`.

use std::{sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use protocol::audit::AuditEvent;
use tokio::sync::oneshot;

use super::{
    spill::Spill,
    unwritten_events::{NotedEvent, UnwrittenEvents},
};
use crate::runtime::{
    byte_budget::WaitingBytes,
    ports::{AuditSink, WriteError},
};

/// The longest delay before another attempt to write events.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// The event was not written to the spill file, or not in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail cannot be written")]
pub struct RecordError;

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Record {
    pub(crate) event: AuditEvent,
    /// The event's share of the bytes that may be in memory.
    pub(crate) _bytes: WaitingBytes,
    /// Receives `Ok` once the event is in the spill file.
    pub(crate) reply: oneshot::Sender<Result<(), RecordError>>,
}

/// An event for which no caller waits.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Note(pub(crate) NotedEvent);

/// Answered once every earlier event is in the database, or in the file of refused events.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Flush(pub(crate) oneshot::Sender<()>);

pub(crate) struct Audit {
    spill: Spill,
    sink: Arc<dyn AuditSink>,
    batch: usize,
    interval: Duration,
    retry: Duration,
    unwritten: UnwrittenEvents,
    /// Whether the sink is writing a batch.
    busy: bool,
    scheduled: bool,
    /// The number of next events that are written one by one, because their batch was refused.
    one_by_one: usize,
    /// The requesters of flushes that are not answered yet.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Audit {
    pub(crate) fn new(
        spill: Spill,
        unwritten: UnwrittenEvents,
        sink: Arc<dyn AuditSink>,
        batch: usize,
        interval: Duration,
    ) -> Self {
        Self {
            spill,
            sink,
            batch,
            interval,
            retry: interval,
            unwritten,
            busy: false,
            scheduled: false,
            one_by_one: 0,
            waiting: Vec::new(),
        }
    }

    fn schedule(&mut self, after: Duration, ctx: &mut Context<Self>) {
        if !self.scheduled && !self.busy {
            self.scheduled = true;
            ctx.run_later(after, |audit, ctx| {
                audit.scheduled = false;
                audit.write_next(ctx);
            });
        }
    }

    fn write_next(&mut self, ctx: &mut Context<Self>) {
        if self.busy {
            return;
        }
        let spill = &mut self.spill;
        self.unwritten.write(|event| spill.append(event).is_ok());
        let (events, consumed) = match self.spill.peek(if self.one_by_one > 0 { 1 } else { self.batch }) {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(%error, "the audit spill file cannot be read");
                return self.retry_later(ctx);
            }
        };
        if events.is_empty() {
            return self.answer_flushes(ctx);
        }
        self.busy = true;
        let count = events.len();
        self.one_by_one = self.one_by_one.saturating_sub(1);
        let written = self.sink.write(events).into_actor(self).map(move |result, audit, ctx| {
            audit.busy = false;
            match result {
                Ok(()) => audit.advance(consumed, count, ctx),
                Err(WriteError::Unavailable(error)) => {
                    tracing::warn!(%error, "audit events wait for the database");
                    audit.retry_later(ctx);
                }
                Err(WriteError::Refused(error)) => audit.refused(&error, consumed, count, ctx),
            }
        });
        ctx.spawn(written);
    }

    fn advance(&mut self, consumed: u64, count: usize, ctx: &mut Context<Self>) {
        metrics::counter!("audit_events_written_total").increment(count as u64);
        self.retry = self.interval;
        if let Err(error) = self.spill.consume(consumed) {
            // This is harmless: after a restart, the batch is written again, which changes nothing.
            tracing::error!(%error, "the audit spill file cannot be shortened");
        }
        self.write_next(ctx);
    }

    /// An event that the database refuses must not block the others. The events of the batch are written one by one, and each
    /// refused event is moved to a separate file.
    fn refused(&mut self, error: &str, consumed: u64, count: usize, ctx: &mut Context<Self>) {
        if count > 1 {
            self.one_by_one = count;
            return self.write_next(ctx);
        }
        match self.spill.set_aside(consumed) {
            Ok(()) => {
                tracing::error!(%error, "the database refuses an audit event: it is set aside");
                metrics::counter!("audit_events_set_aside_total").increment(1);
                self.advance(consumed, 0, ctx);
            }
            Err(error) => {
                tracing::error!(%error, "an audit event that the database refuses cannot be set aside");
                self.retry_later(ctx);
            }
        }
    }

    fn retry_later(&mut self, ctx: &mut Context<Self>) {
        self.retry = (self.retry * 2).min(RETRY_MAX);
        self.schedule(self.retry, ctx);
    }

    fn answer_flushes(&mut self, ctx: &mut Context<Self>) {
        if self.unwritten.is_empty() {
            for waiting in self.waiting.drain(..) {
                // The requester may have stopped waiting.
                let _ = waiting.send(());
            }
        } else {
            self.retry_later(ctx);
        }
    }
}

impl Actor for Audit {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // The file may contain events of an earlier process, and `unwritten` may contain events of an earlier actor.
        self.schedule(Duration::ZERO, ctx);
    }
}

impl Handler<Record> for Audit {
    type Result = ();

    fn handle(&mut self, message: Record, ctx: &mut Self::Context) {
        let appended = append(&mut self.spill, &message.event);
        // The caller may have stopped waiting.
        let _ = message.reply.send(appended.then_some(()).ok_or(RecordError));
        self.schedule(self.interval, ctx);
    }
}

impl Handler<Note> for Audit {
    type Result = ();

    fn handle(&mut self, Note(event): Note, ctx: &mut Self::Context) {
        event.write(|event| append(&mut self.spill, event));
        self.schedule(self.interval, ctx);
    }
}

/// Whether the event is in the spill file. A failure is logged and counted.
fn append(spill: &mut Spill, event: &AuditEvent) -> bool {
    let appended = spill.append(event);
    if let Err(error) = &appended {
        tracing::error!(%error, "an audit event cannot be written to the spill file");
        metrics::counter!("audit_append_failures_total").increment(1);
    }
    appended.is_ok()
}

impl Handler<Flush> for Audit {
    type Result = ();

    fn handle(&mut self, message: Flush, ctx: &mut Self::Context) {
        self.waiting.push(message.0);
        self.write_next(ctx);
    }
}

/// Blocks the actor until the sender of this receiver is dropped, so that a test controls which messages wait for the actor.
#[cfg(test)]
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Pause(pub(crate) std::sync::mpsc::Receiver<()>);

#[cfg(test)]
impl Handler<Pause> for Audit {
    type Result = ();

    fn handle(&mut self, Pause(released): Pause, _: &mut Self::Context) {
        let _ = released.recv();
    }
}

/// Makes the actor panic, for tests.
#[cfg(test)]
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

#[cfg(test)]
impl Handler<Panic> for Audit {
    type Result = ();

    #[expect(clippy::panic, reason = "the message exists to kill the actor")]
    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("a test stops this actor");
    }
}
