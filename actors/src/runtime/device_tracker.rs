//! The `DeviceTracker` actor: last-seen values of devices and sessions, written in batches.
//!
//! One shard per slice of users. `Seen` comes once per request or socket tick and is only merged in memory; a timer
//! writes what gathered. Who sends: `Realtime::seen`. When it dies, up to one interval of last-seen values is lost, which
//! makes a session look idle by that much at most; its successor starts empty.
//!
//! Bound: [`PENDING_MAX`] sessions between two writes; beyond it a value of a further session is dropped and counted.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::sync::oneshot;

use super::port::{DeviceStore, Seen};
use crate::id::SessionId;

const PENDING_MAX: usize = 100_000;
/// Sessions written at once: their rows are locked together, and a revocation may be waiting for one of them.
const BATCH: usize = 512;

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Note(pub(crate) Seen);

/// Answered when everything seen before it is written, or could not be.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct FlushSeen(pub(crate) oneshot::Sender<()>);

pub(crate) struct DeviceTracker {
    store: Arc<dyn DeviceStore>,
    interval: Duration,
    pending: HashMap<SessionId, Seen>,
}

impl DeviceTracker {
    pub(crate) fn new(store: Arc<dyn DeviceStore>, interval: Duration) -> Self {
        Self { store, interval, pending: HashMap::new() }
    }

    /// Later values win; nothing ever goes back.
    fn merge(&mut self, seen: Seen) {
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

    fn write(&mut self, done: Option<oneshot::Sender<()>>, ctx: &mut Context<Self>) {
        let seen = self.pending.drain().map(|(_, seen)| seen).collect();
        self.write_on(seen, done, ctx);
    }

    /// Writes one batch after the other; what could not be written waits for the next interval.
    fn write_on(&mut self, mut rest: Vec<Seen>, done: Option<oneshot::Sender<()>>, ctx: &mut Context<Self>) {
        let batch = rest.split_off(rest.len().saturating_sub(BATCH));
        if batch.is_empty() {
            answer(done);
            return;
        }
        let write = self.store.touch(batch.clone());
        ctx.spawn(write.into_actor(self).map(move |result, tracker, ctx| match result {
            Ok(()) => tracker.write_on(rest, done, ctx),
            Err(error) => {
                rest.extend(batch);
                tracing::warn!(%error, sessions = rest.len(), "last-seen values wait for the database");
                for seen in rest {
                    tracker.merge(seen);
                }
                answer(done);
            }
        }));
    }
}

impl Actor for DeviceTracker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(self.interval, |tracker, ctx| tracker.write(None, ctx));
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
        self.write(Some(message.0), ctx);
    }
}

/// Whoever asked may have given up.
fn answer(done: Option<oneshot::Sender<()>>) {
    if let Some(done) = done {
        let _ = done.send(());
    }
}
