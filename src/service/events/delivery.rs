//! The delivery of events: a job that starts a task for each receiver with events that are due.
//!
//! Every node runs the job. The rows decide which events come next and which node makes an attempt. So a killed node loses
//! nothing: its attempts end with their leases, and another attempt begins. An event may arrive twice, and then has the same
//! id. A receiver that is slow or away delays only its own events.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use actors::Realtime;
use domain::events::retry::{Verdict, pause};
use futures_util::future::join_all;
use parking_lot::Mutex;
use protocol::audit::AuditEvent;
use store::{
    Claimed, DeliveryAttempt, DeliveryBounds, EventReceiver, MOST_RECEIVERS, ReceiverFilter, ReceiverKind,
    Settlement, Store,
};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{
    channel_feed::ChannelFeed,
    sender::{Outcome, Sender},
    settings::EventSettings,
};
use crate::core::{
    audit::AuditTrail,
    clock::{Clock, after, before},
    failure::Failure,
    random::random_bytes,
};

/// How often the job looks for events.
pub(crate) const EVERY: Duration = Duration::from_millis(250);
/// Without a receiver, the job looks only every eighth time.
const IDLE_PASSES: u32 = 7;
/// How often the bounds of the outbox are applied and its figures are read.
const BOUND_EVERY: Duration = Duration::from_secs(5);
/// The most dead letters that one statement makes.
const BOUND_BATCH: u32 = 5_000;
/// How many subjects one statement looks at.
const SUBJECTS: u32 = 256;
/// The number of simultaneous attempts of a node to one receiver.
const AT_ONCE: usize = 16;
/// The longest pause before the next attempt to deliver to a failing receiver.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Delivers events.
pub(crate) struct Delivery {
    parts: Parts,
    channels: ChannelFeed,
    workers: Mutex<HashMap<Uuid, Worker>>,
    bounded_at: Mutex<Option<Instant>>,
    /// How many passes are skipped, because there was no receiver.
    skips: AtomicU32,
}

#[derive(Clone)]
struct Parts {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    sender: Sender,
    settings: EventSettings,
}

/// What this process remembers of a receiver.
#[derive(Default)]
struct Worker {
    /// The task that delivers to it, if one runs. It returns whether the receiver took anything, or `None` if there was nothing
    /// to deliver.
    task: Option<JoinHandle<Option<bool>>>,
    /// How many tasks in a row delivered no event.
    failures: u32,
    /// The node starts no task for the receiver before this time.
    rests_until: Option<Instant>,
}

impl Delivery {
    pub(crate) fn new(
        store: Store,
        realtime: Realtime,
        clock: Clock,
        audit: AuditTrail,
        sender: Sender,
        settings: EventSettings,
    ) -> Self {
        Self {
            channels: ChannelFeed::new(store.clone(), realtime),
            parts: Parts { store, clock, audit, sender, settings },
            workers: Mutex::default(),
            bounded_at: Mutex::default(),
            skips: AtomicU32::new(0),
        }
    }

    /// One pass: writes the events of channels, and starts a task for each receiver that has none.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        if self.skips.load(Ordering::Relaxed) > 0 {
            self.skips.fetch_sub(1, Ordering::Relaxed);
            return Ok(());
        }
        let limit = u32::try_from(MOST_RECEIVERS).unwrap_or(u32::MAX);
        let receivers =
            self.parts.store.receivers(ReceiverFilter { limit, ..ReceiverFilter::default() }).await?;
        self.channels.run(&receivers).await?;
        if receivers.is_empty() {
            self.skips.store(IDLE_PASSES, Ordering::Relaxed);
        }
        self.start(&receivers);
        self.apply_bounds(&receivers).await
    }

    /// Ends all tasks. Attempts that are being made are repeated after the end of their leases.
    pub(crate) fn stop(&self) {
        for (_, worker) in self.workers.lock().drain() {
            if let Some(task) = worker.task {
                task.abort();
            }
        }
    }

    fn start(&self, receivers: &[EventReceiver]) {
        let now = self.parts.clock.moment();
        let mut workers = self.workers.lock();
        workers.retain(|id, _| receivers.iter().any(|receiver| receiver.id == *id));
        let time = self.parts.clock.now();
        for receiver in receivers.iter().filter(|receiver| is_served(receiver, time)) {
            let worker = workers.entry(receiver.id).or_default();
            worker.take_result(now);
            let rests = worker.rests_until.is_some_and(|until| until > now);
            if worker.task.is_none() && !rests {
                let (parts, id) = (self.parts.clone(), receiver.id);
                worker.task =
                    Some(self.parts.store.runtime().spawn(async move { parts.deliver_all(id).await }));
            }
        }
    }

    async fn apply_bounds(&self, receivers: &[EventReceiver]) -> Result<(), Failure> {
        let now = self.parts.clock.moment();
        let due = self.bounded_at.lock().is_none_or(|at| now.saturating_duration_since(at) >= BOUND_EVERY);
        if !due {
            return Ok(());
        }
        let now = self.parts.clock.now();
        let settings = self.parts.settings;
        let bounds = DeliveryBounds { now, oldest: before(now, settings.max_age), waiting: settings.backlog };
        let (mut oldest, mut dead) = (now, 0);
        for receiver in receivers {
            let died = self.parts.store.bound_deliveries(receiver.id, bounds, BOUND_BATCH).await?;
            metrics::counter!("event_deliveries_total", "outcome" => "dead").increment(died);
            let figures = self.parts.store.queue_figures(receiver.id).await?;
            oldest = figures.oldest.map_or(oldest, |at| at.min(oldest));
            dead += figures.dead;
        }
        metrics::gauge!("event_oldest_pending_seconds").set((now - oldest).as_seconds_f64());
        metrics::gauge!("event_dead_letters").set(dead as f64);
        *self.bounded_at.lock() = Some(self.parts.clock.moment());
        Ok(())
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether events are sent to this receiver.
fn is_served(receiver: &EventReceiver, now: OffsetDateTime) -> bool {
    receiver.kind != ReceiverKind::Poll && receiver.is_served(now)
}

impl Worker {
    /// Takes the result of a task that has ended. The tasks of one receiver follow each other.
    fn take_result(&mut self, now: Instant) {
        let Some(task) = self.task.take_if(|task| task.is_finished()) else { return };
        // The task has ended, so its result is there without waiting.
        let took = match futures_util::FutureExt::now_or_never(task) {
            Some(Ok(took)) => took,
            _ => {
                tracing::error!("the delivery to a receiver of events panicked; it continues");
                Some(false)
            }
        };
        match took {
            Some(true) => (self.failures, self.rests_until) = (0, None),
            Some(false) => {
                self.failures = self.failures.saturating_add(1);
                self.rests_until = now.checked_add(pause(self.failures, 0).min(LONGEST_REST));
            }
            None => {}
        }
    }
}

impl Parts {
    /// Delivers what is due for a receiver, until nothing is due. Returns whether the receiver took anything; `None` if nothing
    /// was due.
    async fn deliver_all(&self, id: Uuid) -> Option<bool> {
        let (mut took, mut after) = (None, String::new());
        // A failure of the database ends the task. The next pass of the job starts another one.
        while let Ok(Some(receiver)) = self.store.receiver(id).await
            && is_served(&receiver, self.clock.now())
        {
            let Ok(heads) = self.store.delivery_heads(id, after, SUBJECTS, self.clock.now()).await else {
                break;
            };
            let mut taken = 0;
            for seqs in heads.due.chunks(AT_ONCE) {
                let (taken_now, attempts) = self.attempt_some(&receiver, seqs.to_vec()).await;
                taken += taken_now;
                took = (attempts > 0).then_some(took.unwrap_or(false) || taken_now > 0).or(took);
                if attempts > 0 && taken_now == 0 {
                    return took;
                }
            }
            match heads.last_subject {
                Some(last) => after = last,
                // The next events of the subjects that were served may be due.
                None if taken > 0 => after = String::new(),
                None => break,
            }
        }
        took
    }

    /// Claims these events and makes an attempt for each of them. Returns how many were delivered, and how many attempts were
    /// made.
    async fn attempt_some(&self, receiver: &EventReceiver, seqs: Vec<i64>) -> (usize, usize) {
        let now = self.clock.now();
        let attempt =
            DeliveryAttempt { id: Uuid::new_v4(), now, until: after(now, self.settings.timeout * 2) };
        let Ok(claimed) = self.store.claim_deliveries(seqs, attempt).await else { return (0, 0) };
        let attempts = claimed.iter().map(|event| self.attempt(receiver, event, attempt.id));
        let delivered = join_all(attempts).await;
        (delivered.iter().filter(|delivered| **delivered).count(), delivered.len())
    }

    async fn attempt(&self, receiver: &EventReceiver, event: &Claimed, attempt: Uuid) -> bool {
        let outcome = self.sender.send(receiver, event, self.clock.now()).await;
        let now = self.clock.now();
        let (settlement, word) = self.settlement(&outcome, event, now);
        let delivered = outcome.verdict == Verdict::Delivered;
        let failure = (!delivered).then(|| (outcome.failure.clone(), outcome.status));
        let settled = self.store.settle_delivery(event.seq, attempt, now, settlement, failure).await;
        if settled.unwrap_or(false) {
            metrics::counter!("event_deliveries_total", "outcome" => word).increment(1);
        }
        if outcome.verdict == Verdict::Gone {
            self.disable(receiver, now).await;
        }
        delivered
    }

    fn settlement(
        &self,
        outcome: &Outcome,
        event: &Claimed,
        now: OffsetDateTime,
    ) -> (Settlement, &'static str) {
        match outcome.verdict {
            Verdict::Delivered => (Settlement::Delivered, "delivered"),
            Verdict::Failed if event.attempts >= self.settings.max_attempts => (Settlement::Dead, "dead"),
            Verdict::Failed | Verdict::Gone => {
                // Without random bytes, the pause has its full length.
                let random = random_bytes().map_or(0, u32::from_ne_bytes);
                let own = pause(event.attempts, random);
                let wait = outcome.asked_pause.map_or(own, |asked| asked.max(own));
                (Settlement::Again(after(now, wait)), "failed")
            }
        }
    }

    async fn disable(&self, receiver: &EventReceiver, now: OffsetDateTime) {
        let event = self.audit.local_event("event_receiver.changed");
        let event: AuditEvent =
            event.with("receiver", receiver.id.to_string()).with("status", "disabled").with("by", "receiver");
        let reason = "the receiver answered with 410 (gone)".to_owned();
        match self.store.disable_receiver(receiver.id, reason, now, event).await {
            Ok(true) => {
                tracing::warn!(receiver = %receiver.id, "a receiver of events is gone and was disabled");
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, receiver = %receiver.id, "a receiver could not be disabled"),
        }
    }
}
