//! The `Audit` actor: writes audit events to the database, and loses none while the database is away.
//!
//! There is one per node. It has a thread of its own, so that its short file writes block no other actor. It owns the
//! spill file, which is its queue: `Record` appends an event, a timer passes the next batch to the sink, and events
//! are consumed only after the sink has written them. Two operations send `Record`: `Realtime::record` waits for the append,
//! which is the back-pressure; `Realtime::note`, for sockets, does not wait. When the actor dies, the file stays. A fresh actor
//! continues from the start of the file, because writing an event twice changes nothing.
//!
//! When the append fails (a full disk), `Realtime::record` returns an error, so that an action that must be audited
//! is not carried out. Events of `Realtime::note` wait in memory, in `unwritten_events`, also those that were on their way
//! to an actor that died. `audit_lane` bounds the bytes in memory, and drops and counts further events of `Realtime::note`.

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

const RETRY_MAX: Duration = Duration::from_secs(5);

/// The event could not be written to the spill file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail cannot be written")]
pub struct RecordError;

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Record {
    pub(crate) event: AuditEvent,
    /// Its share of what may be in memory.
    pub(crate) _bytes: WaitingBytes,
    /// Answered once the event is in the spill file.
    pub(crate) reply: oneshot::Sender<Result<(), RecordError>>,
}

/// An event for which no caller waits.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Note(pub(crate) NotedEvent);

/// Answered when everything recorded before it is in the database.
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
    /// The sink is writing a batch.
    busy: bool,
    scheduled: bool,
    /// How many of the next events are written one by one, because a batch that contained them was refused.
    one_by_one: usize,
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
            return self.settled(ctx);
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
            // Harmless: the batch is written again after a restart, which changes nothing.
            tracing::error!(%error, "the audit spill file cannot be shortened");
        }
        self.write_next(ctx);
    }

    /// An event that the database refuses must not block the others. The events of the batch are written one by one until the
    /// refused event is found; that event is moved to a separate file.
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

    fn settled(&mut self, ctx: &mut Context<Self>) {
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
        // The file may contain events of an earlier process, and memory those of an earlier incarnation of this actor.
        self.schedule(Duration::ZERO, ctx);
    }
}

impl Handler<Record> for Audit {
    type Result = ();

    fn handle(&mut self, message: Record, ctx: &mut Self::Context) {
        let appended = append(&mut self.spill, &message.event);
        // The caller may have given up.
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

/// Blocks the actor until the sender of the channel is dropped, so that a test controls which messages wait for the actor.
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

/// Kills the actor, to test what happens then.
#[cfg(test)]
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

#[cfg(test)]
impl Handler<Panic> for Audit {
    type Result = ();

    #[expect(clippy::panic, reason = "the message exists to kill the actor")]
    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("asked to die");
    }
}
