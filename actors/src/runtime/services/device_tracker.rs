//! The `DeviceTracker` actor: writes the last-seen values of devices and sessions in batches, and scores sign-ins.
//!
//! The users are divided among the shards. `Realtime::seen` sends a `Note` for a use of a session. The actor only merges the
//! note in memory; a timer writes the merged values. When the actor dies, the last-seen values that are not written yet are
//! lost: usually the values of one interval; during an outage, all values since its beginning. So a session may seem to be idle
//! for that much longer. The new actor starts empty.
//!
//! `Score`, from `Realtime::score`, compares a sign-in with the history of its user. The history is read from the
//! store and cached for a few seconds; if it cannot be read, there is no score. `Realtime::attempted` adds the
//! attempts of this node to the cached history.
//!
//! Bounds: at most [`PENDING_MAX`] sessions have values that wait; the value of a further session is dropped and counted.
//! `Histories` bounds the cached histories.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use domain::risk::{
    Assessment, Signals, assess,
    sign_in_history::{Attempted, Histories},
};
use protocol::id::{SessionId, UserId};
use tokio::sync::oneshot;

use crate::runtime::ports::{DeviceStore, ReadError, SessionActivity};

const PENDING_MAX: usize = 100_000;
/// The largest number of sessions in one write. A write locks the rows of all its sessions, and a revocation may have to wait
/// for these locks.
const BATCH: usize = 512;

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Note(pub(crate) SessionActivity);

/// Answered once all values so far have been written, or their write has failed. A write in progress ends first; then the
/// pending values are written.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct FlushSeen(pub(crate) oneshot::Sender<()>);

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Score {
    pub(crate) user: UserId,
    pub(crate) address: IpAddr,
    pub(crate) signals: Signals,
    pub(crate) reply: oneshot::Sender<Result<Assessment, ReadError>>,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct NoteAttempt(pub(crate) Attempted);

pub(crate) struct DeviceTracker {
    store: Arc<dyn DeviceStore>,
    interval: Duration,
    pending: HashMap<SessionId, SessionActivity>,
    /// Whether a write is in progress. There is only one at a time.
    is_writing: bool,
    /// The flushes that wait for the next write.
    flushes: Vec<oneshot::Sender<()>>,
    histories: Histories,
}

impl DeviceTracker {
    pub(crate) fn new(store: Arc<dyn DeviceStore>, interval: Duration) -> Self {
        let (pending, histories) = (HashMap::new(), Histories::default());
        Self { store, interval, pending, is_writing: false, flushes: Vec::new(), histories }
    }

    /// Merges a value into the pending value of the same session. Keeps the latest time and address, and the highest refresh
    /// counter (`generation`).
    fn merge(&mut self, seen: SessionActivity) {
        let full = self.pending.len() >= PENDING_MAX;
        match self.pending.entry(seen.session) {
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.generation = known.generation.max(seen.generation);
                if seen.at_ms >= known.at_ms {
                    known.at_ms = seen.at_ms;
                    known.address = seen.address.or(known.address);
                }
            }
            Entry::Vacant(_) if full => metrics::counter!("last_seen_dropped_total").increment(1),
            Entry::Vacant(entry) => {
                entry.insert(seen);
            }
        }
    }

    /// Writes the pending values. During another write, they wait. A flush waits for the end of that write, and other values
    /// wait for the next interval.
    fn write(&mut self, ctx: &mut Context<Self>) {
        if self.is_writing {
            return;
        }
        self.is_writing = true;
        let seen = self.pending.drain().map(|(_, seen)| seen).collect();
        let flushed = std::mem::take(&mut self.flushes);
        self.write_on(seen, flushed, ctx);
    }

    /// Writes one batch after another. Values that could not be written wait for the next interval.
    fn write_on(
        &mut self,
        mut rest: Vec<SessionActivity>,
        flushed: Vec<oneshot::Sender<()>>,
        ctx: &mut Context<Self>,
    ) {
        let batch = rest.split_off(rest.len().saturating_sub(BATCH));
        if batch.is_empty() {
            return self.end_write(flushed, ctx);
        }
        let write = self.store.touch(batch.clone());
        ctx.spawn(write.into_actor(self).map(move |result, tracker, ctx| match result {
            Ok(()) => tracker.write_on(rest, flushed, ctx),
            Err(error) => {
                rest.extend(batch);
                tracing::warn!(%error, sessions = rest.len(), "cannot write last-seen values; they are kept for the next interval");
                for seen in rest {
                    tracker.merge(seen);
                }
                tracker.end_write(flushed, ctx);
            }
        }));
    }

    /// Answers the flushes of this write. If further flushes came meanwhile, starts the next write.
    fn end_write(&mut self, flushed: Vec<oneshot::Sender<()>>, ctx: &mut Context<Self>) {
        self.is_writing = false;
        for flush in flushed {
            // The requester may have stopped waiting.
            let _ = flush.send(());
        }
        if !self.flushes.is_empty() {
            self.write(ctx);
        }
    }
}

impl Actor for DeviceTracker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(self.interval, |tracker, ctx| tracker.write(ctx));
    }
}

impl Handler<Note> for DeviceTracker {
    type Result = ();

    fn handle(&mut self, message: Note, _: &mut Self::Context) {
        self.merge(message.0);
    }
}

impl Handler<FlushSeen> for DeviceTracker {
    type Result = ();

    fn handle(&mut self, message: FlushSeen, ctx: &mut Self::Context) {
        self.flushes.push(message.0);
        self.write(ctx);
    }
}

impl Handler<Score> for DeviceTracker {
    type Result = ();

    fn handle(&mut self, message: Score, ctx: &mut Self::Context) {
        let Score { user, address, signals, reply } = message;
        if let Some(history) = self.histories.get(user, address, Instant::now()) {
            // The requester may have stopped waiting, here and below.
            let _ = reply.send(Ok(assess(&signals, history)));
            return;
        }
        let mark = self.histories.mark();
        let read = self.store.history(user, address, signals.at_ms);
        ctx.spawn(read.into_actor(self).map(move |read, tracker, _| {
            let assessed = read.map(|history| {
                let assessed = assess(&signals, &history);
                tracker.histories.put(user, address, history, mark, Instant::now());
                assessed
            });
            let _ = reply.send(assessed);
        }));
    }
}

impl Handler<NoteAttempt> for DeviceTracker {
    type Result = ();

    fn handle(&mut self, message: NoteAttempt, _: &mut Self::Context) {
        self.histories.note(message.0);
    }
}
