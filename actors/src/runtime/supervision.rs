//! Supervision of the channel shards, limiters, device trackers and the audit actor. When an actor dies (it panics, or stops by
//! itself), a new actor replaces it behind the same lane.
//!
//! `actix::Supervisor` restarts only an actor that stopped by itself, and keeps its possibly broken state; a panic destroys the
//! actor and its mailbox. So each supervised actor runs as a future on its arbiter (a thread), and `catch_unwind` catches its
//! panics. The state of a dead actor is dropped. This state contains guards, and their `Drop` informs the subscribers and
//! requesters of the actor.
//!
//! More than three deaths in five seconds are not a temporary fault. Then `escalate` is called: it stops the process cleanly,
//! and the supervisor of the process (for example systemd) can restart the process.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use actix::{Actor, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message, dev::ToEnvelope};
use arc_swap::ArcSwapOption;
use futures_util::FutureExt;
use parking_lot::Mutex;

const BUDGET_DEATHS: usize = 3;
const BUDGET_WINDOW: Duration = Duration::from_secs(5);

/// Why a message was not enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// The mailbox is full, or the messages in it have too many bytes. The sender may try again soon.
    #[error("the actor's mailbox is full")]
    Full,
    /// The actor died; a new one is being started.
    #[error("the actor is restarting")]
    Restarting,
}

/// The one sender to a supervised actor.
///
/// The address in the lane is shared and never cloned: every clone of an actix address may push one message past the mailbox's
/// bound. With one address for all senders, the bound is exactly `capacity` + 1.
pub(crate) struct Lane<A: Actor> {
    address: ArcSwapOption<Addr<A>>,
    generation: AtomicU64,
}

impl<A: Actor<Context = Context<A>>> Lane<A> {
    /// Pushes without waiting.
    pub(crate) fn try_send<M>(&self, message: M) -> Result<(), LaneError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        self.offer(message).map_err(|(error, _)| error)
    }

    /// Pushes without waiting; a message that is not enqueued is returned.
    pub(crate) fn offer<M>(&self, message: M) -> Result<(), (LaneError, M)>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let address = self.address.load();
        let Some(address) = address.as_deref() else {
            return Err((LaneError::Restarting, message));
        };
        address.try_send(message).map_err(|error| match error {
            actix::prelude::SendError::Full(message) => (LaneError::Full, message),
            actix::prelude::SendError::Closed(message) => (LaneError::Restarting, message),
        })
    }

    /// Pushes past the bound of the mailbox. Only for kinds of messages with a number that is bounded in another way; a comment
    /// at each call states this bound. While the actor is being restarted, the message is dropped, like the messages in the
    /// mailbox of an actor that dies. If a message contains something that must not be lost, the `Drop` of the message must
    /// save it.
    pub(crate) fn control<M>(&self, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        if let Some(address) = self.address.load().as_deref() {
            address.do_send(message);
        }
    }

    /// Changes whenever the actor is replaced. The new actor has no state of the earlier actor.
    #[cfg(test)]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

/// How often supervised actors may die before the process is stopped.
pub(crate) struct Budget {
    deaths: Mutex<VecDeque<Instant>>,
    escalate: Box<dyn Fn() + Send + Sync>,
}

impl Budget {
    pub(crate) fn new(escalate: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { deaths: Mutex::default(), escalate: Box::new(escalate) })
    }

    /// Counts one death; `false` means that the budget is exceeded.
    fn note(&self, now: Instant) -> bool {
        let mut deaths = self.deaths.lock();
        deaths.retain(|at| now.duration_since(*at) < BUDGET_WINDOW);
        deaths.push_back(now);
        deaths.len() <= BUDGET_DEATHS
    }
}

/// Calls `make()` on the arbiter and starts the actor that it returns. Does the same again when the actor dies, until the
/// budget is exceeded. Blocks until the first actor has an address.
pub(crate) fn supervise<A, F>(
    arbiter: &ArbiterHandle,
    name: &'static str,
    capacity: usize,
    budget: Arc<Budget>,
    make: F,
) -> Arc<Lane<A>>
where
    A: Actor<Context = Context<A>>,
    F: Fn() -> A + Send + 'static,
{
    let lane = Arc::new(Lane { address: ArcSwapOption::empty(), generation: AtomicU64::new(0) });
    let (started, ready) = mpsc::channel();
    arbiter.spawn_fn({
        let lane = Arc::clone(&lane);
        move || {
            actix_rt::spawn(async move { keep_alive(&lane, name, capacity, &budget, make, started).await });
        }
    });
    // `recv` fails only if the arbiter has stopped. The lane then returns `Restarting` for every message.
    let _ = ready.recv();
    lane
}

async fn keep_alive<A, F>(
    lane: &Lane<A>,
    name: &'static str,
    capacity: usize,
    budget: &Budget,
    make: F,
    started: mpsc::Sender<()>,
) where
    A: Actor<Context = Context<A>>,
    F: Fn() -> A,
{
    let mut started = Some(started);
    loop {
        let mut context = Context::new();
        context.set_mailbox_capacity(capacity);
        let address = context.address();
        let run = AssertUnwindSafe(async { context.into_future(make()).await }).catch_unwind();
        lane.generation.fetch_add(1, Ordering::AcqRel);
        lane.address.store(Some(Arc::new(address)));
        if let Some(started) = started.take() {
            // `supervise` waits for this.
            let _ = started.send(());
        }

        let ended = run.await;
        lane.address.store(None);
        metrics::counter!("actor_deaths_total", "actor" => name).increment(1);
        tracing::error!(actor = name, panicked = ended.is_err(), "actor died; restarting it");
        if !budget.note(Instant::now()) {
            tracing::error!(actor = name, "too many actors died in a short time: stopping the process");
            (budget.escalate)();
            return;
        }
    }
}
