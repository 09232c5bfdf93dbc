//! The history of one room in the journal: the state machine of `logic::journal`, and the calls to the journal.
//!
//! The shard never waits: a call to the journal runs as a separate task on the shard's thread, and the answer returns to the
//! shard as a message. During an outage thousands of calls may fail per second, so every failure is counted, but only one
//! failure in ten seconds is logged.

use std::{
    cell::Cell,
    collections::HashSet,
    fmt::Display,
    mem,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Message, WeakRecipient};
use logic::{
    erasure::Erasure,
    journal::{Appended, Call, DurableChannel, Failed, NewMessage, Opened, Removed, Retention},
    namespace::Options,
};
use parking_lot::Mutex;
use protocol::{
    ErrorCode, HistoryResult, Position, Publication, channel_name::ChannelName, id::ConnectionId,
};
use tokio::sync::oneshot;

use crate::runtime::{
    byte_budget::WaitingBytes,
    channels::reply::{Asker, FollowUp, FollowUps, Joining, Leaving, Published},
    ports::{AppendError, Journal},
};

/// A requester that waits for the journal.
pub(crate) enum Waiter {
    Join(Joining),
    Publish(Publisher),
    History(Asker<HistoryResult>),
    Remove(oneshot::Sender<Result<Position, ErrorCode>>),
}

/// Access to the journal for the rooms of one shard.
pub(crate) struct JournalAccess {
    journal: Arc<dyn Journal>,
    shard: WeakRecipient<Answered>,
    calls: Cell<u64>,
}

/// The history of a durable room.
pub(crate) struct Durable {
    pub(super) state: DurableChannel<Waiter>,
    pub(super) keep: Retention,
    pub(super) access: Rc<JournalAccess>,
    /// The connections with a waiting subscription; each has at most one. Later requests of such a connection become follow-ups
    /// of its subscription.
    joining: HashSet<ConnectionId>,
}

/// The journal's answer to a call of a room.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Answered {
    pub(crate) channel: ChannelName,
    pub(crate) number: u64,
    pub(crate) answer: Answer,
}

pub(crate) enum Answer {
    Appended(Result<Appended, Failed>),
    Opened(Result<Opened, ()>),
    Read(Result<Vec<Arc<Publication>>, ()>),
    Removed(Result<Removed, ()>),
}

impl JournalAccess {
    pub(crate) fn new(journal: Arc<dyn Journal>, shard: WeakRecipient<Answered>) -> Self {
        Self { journal, shard, calls: Cell::new(0) }
    }

    pub(super) fn number(&self) -> u64 {
        self.calls.set(self.calls.get() + 1);
        self.calls.get()
    }

    pub(super) fn call(&self, channel: ChannelName, keep: Retention, number: u64, call: Call) {
        let (journal, shard) = (Arc::clone(&self.journal), self.shard.clone());
        actix_rt::spawn(async move {
            let answer = ask(&*journal, channel.clone(), keep, call).await;
            if let Some(shard) = shard.upgrade() {
                // The message may exceed the bound of the mailbox, but each call gives only one answer, and each channel has
                // only a few calls at a time.
                shard.do_send(Answered { channel, number, answer });
            }
        });
    }
}

async fn ask(journal: &dyn Journal, channel: ChannelName, keep: Retention, call: Call) -> Answer {
    match call {
        Call::Append(batch) => {
            Answer::Appended(append(journal, channel, keep, batch).await.map_err(|error| {
                note_failure("append", &error);
                match error {
                    AppendError::Unavailable(_) => Failed::Unavailable,
                    AppendError::Refused(_) => Failed::Refused,
                    AppendError::Unknown(_) => Failed::Unknown,
                }
            }))
        }
        Call::Open { newest, settle } => Answer::Opened(
            journal.open(channel, newest, settle).await.map_err(|error| note_failure("open", &error)),
        ),
        Call::Read(range) => {
            Answer::Read(journal.read(channel, range).await.map_err(|error| note_failure("read", &error)))
        }
        Call::Remove { upto } => Answer::Removed(
            journal.remove(channel, upto).await.map_err(|error| note_failure("remove", &error)),
        ),
    }
}

async fn append(
    journal: &dyn Journal,
    channel: ChannelName,
    keep: Retention,
    batch: Vec<NewMessage>,
) -> Result<Appended, AppendError> {
    let (began, size) = (Instant::now(), u32::try_from(batch.len()).unwrap_or(u32::MAX));
    let appended = journal.append(channel, batch, keep).await?;
    metrics::counter!("journal_commits_total").increment(1);
    metrics::histogram!("journal_batch_size").record(f64::from(size));
    metrics::histogram!("journal_append_seconds").record(began.elapsed().as_secs_f64());
    Ok(appended)
}

impl Durable {
    pub(crate) fn new(options: &Options, access: Rc<JournalAccess>) -> Self {
        let keep = Retention::of(options);
        let state = DurableChannel::new(keep, options.recovery_mode);
        Self { state, keep, access, joining: HashSet::new() }
    }

    /// Replaces the content of some publications in memory. Their offsets stay. Returns their number.
    pub(super) fn erase(&mut self, erasure: &Erasure) -> usize {
        if !self.is_idle() {
            self.state.reread();
        }
        self.state.erase(erasure)
    }

    /// Notes that publications were changed in the journal, so that it is read again.
    pub(crate) fn reread(&mut self) {
        self.state.reread();
    }

    /// Takes over how much history is kept.
    pub(super) fn adopt(&mut self, options: &Options) {
        self.keep = Retention::of(options);
        self.state.set_retention(self.keep);
    }

    /// Lets a subscription wait for the journal. If an earlier subscription of the same connection still waits, the new
    /// subscription becomes a follow-up of the earlier one.
    pub(super) fn join(&mut self, joining: Joining) {
        let Some(join) = joining.join() else { return };
        let connection = join.info.client;
        match self.waiting_join(connection) {
            Some(earlier) => earlier.then(FollowUp::Join(Box::new(joining))),
            None => self.join_followed_by(connection, joining, FollowUps::new()),
        }
    }

    /// Makes an unsubscribe request wait until the waiting subscription of its connection has been made. `Err` if no
    /// subscription of the connection waits for the journal.
    pub(super) fn leave(&mut self, connection: ConnectionId, leaving: Leaving) -> Result<(), Leaving> {
        match self.waiting_join(connection) {
            Some(joining) => joining.then(FollowUp::Leave(leaving)),
            None => return Err(leaving),
        }
        Ok(())
    }

    /// Takes the follow-ups of a subscription of this connection. The subscription no longer waits.
    pub(super) fn take_follow_ups(&mut self, connection: ConnectionId, joining: &mut Joining) -> FollowUps {
        self.joining.remove(&connection);
        joining.take_follow_ups()
    }

    /// Lets a subscription wait, with these follow-ups.
    pub(super) fn join_followed_by(&mut self, connection: ConnectionId, joining: Joining, next: FollowUps) {
        self.joining.insert(connection);
        let joining = joining.followed_by(next);
        let terms = joining.join().map(|join| &join.terms);
        let since = terms.filter(|terms| terms.positioned || terms.recoverable);
        let since = since.and_then(|terms| terms.recover.clone());
        self.state.join(Waiter::Join(joining), since);
    }

    /// Takes the waiting subscription of a connection, with its follow-ups; empty if there is none.
    pub(super) fn take_joins(&mut self, connection: ConnectionId) -> Vec<Joining> {
        if !self.joining.remove(&connection) {
            return Vec::new();
        }
        let is_its = |waiter: &Waiter| matches!(waiter, Waiter::Join(joining) if joining.is_of(connection));
        let taken = self.state.forget(is_its).into_iter();
        taken
            .filter_map(|waiter| if let Waiter::Join(joining) = waiter { Some(joining) } else { None })
            .collect()
    }

    /// The waiting subscription of the connection. The waiting requests are searched only if the connection has one.
    pub(super) fn waiting_join(&mut self, connection: ConnectionId) -> Option<&mut Joining> {
        if !self.joining.contains(&connection) {
            return None;
        }
        self.state.waiting_mut().find_map(|waiter| match waiter {
            Waiter::Join(joining) if joining.is_of(connection) => Some(joining),
            _ => None,
        })
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.state.is_idle()
    }

    pub(crate) fn next_tick(&self, now_ms: i64, occupied: bool) -> Option<Duration> {
        self.state.next_tick(now_ms, occupied)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.state.is_quiet()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.state.bytes()
    }

    pub(crate) fn halve(&mut self) {
        self.state.halve();
    }

    pub(crate) fn answered(&mut self, number: u64, answer: Answer) {
        match answer {
            Answer::Appended(result) => self.state.appended(number, result),
            Answer::Opened(result) => self.state.opened(number, result),
            Answer::Read(result) => self.state.read(number, result),
            Answer::Removed(result) => self.state.removed(number, result),
        }
    }
}

/// The requester of a durable publication, and its idempotency key.
pub(crate) struct Publisher {
    pub(crate) asker: Asker<Published>,
    pub(crate) key: Option<String>,
    #[expect(dead_code, reason = "releases its reserved bytes when it is dropped")]
    pub(crate) bytes: WaitingBytes,
}

/// The shortest time between two log lines about failed calls to the journal, for all shards together.
const EVERY: Duration = Duration::from_secs(10);

static FAILURE_LOG: Mutex<FailureLog> = Mutex::new(FailureLog { logged_at: None, unlogged: 0 });

/// Counts a failed call, and logs it if no other failure was logged within [`EVERY`].
pub(crate) fn note_failure(call: &'static str, error: &dyn Display) {
    metrics::counter!("journal_failures_total", "call" => call).increment(1);
    if let Some(unlogged) = FAILURE_LOG.lock().due(Instant::now()) {
        tracing::warn!(call, %error, unlogged, "a call to the journal failed");
    }
}

struct FailureLog {
    logged_at: Option<Instant>,
    unlogged: u64,
}

impl FailureLog {
    /// `Some` if the failure must be logged now, with the number of failures that were not logged since the last line.
    fn due(&mut self, now: Instant) -> Option<u64> {
        if self.logged_at.is_some_and(|at| now.duration_since(at) < EVERY) {
            self.unlogged += 1;
            return None;
        }
        self.logged_at = Some(now);
        Some(mem::take(&mut self.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_per_period_is_logged_with_the_number_of_unlogged_failures() {
        let (mut log, began) = (FailureLog { logged_at: None, unlogged: 0 }, Instant::now());
        assert_eq!(log.due(began), Some(0));
        for millisecond in 0..3 {
            assert_eq!(log.due(began + Duration::from_millis(millisecond)), None);
        }
        assert_eq!(log.due(began + EVERY), Some(3));
        assert_eq!(log.due(began + EVERY), None);
    }
}
