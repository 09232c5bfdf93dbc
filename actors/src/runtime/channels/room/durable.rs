//! Rooms whose history is in the journal: the shard's side of `logic::journal`.
//!
//! The actor never waits: a question to the journal runs beside it on its thread, and the answer comes back as a message.

use std::{
    cell::Cell,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use actix::{Addr, Message, WeakAddr};
use tokio::sync::oneshot;

use crate::runtime::channels::{
    messages::{Publishment, What},
    reply::{Asker, Joining},
    room::{Room, Source, journal_failures::complain, publish::Publisher, recovery::Found},
    shard::ChannelShard,
};
use crate::runtime::ports::{AppendError, Journal};
use logic::{
    history::PageBound,
    journal::{
        Action, Appended, Call, DurableChannel, Failed, NewMessage, Opened, Outcome, Removed, Retention,
    },
    namespace::Options,
};
use protocol::{
    ClientInfo, ErrorCode, HistoryResult, Position, Publication, channel_name::ChannelName, id::ConnectionId,
};

/// Who waits for the journal.
pub(crate) enum Waiter {
    Join(Joining),
    Publish(Publisher),
    History(Asker<HistoryResult>),
    Remove(oneshot::Sender<Result<Position, ErrorCode>>),
}

/// The journal, as the rooms of one shard reach it.
pub(crate) struct Caller {
    journal: Arc<dyn Journal>,
    shard: WeakAddr<ChannelShard>,
    calls: Cell<u64>,
}

/// The history of a room, in the journal.
pub(crate) struct Durable {
    state: DurableChannel<Waiter>,
    keep: Retention,
    caller: std::rc::Rc<Caller>,
}

/// What the journal answers to a question of a room.
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

impl Caller {
    pub(crate) fn new(journal: Arc<dyn Journal>, shard: &Addr<ChannelShard>) -> Self {
        Self { journal, shard: shard.downgrade(), calls: Cell::new(0) }
    }

    fn number(&self) -> u64 {
        self.calls.set(self.calls.get() + 1);
        self.calls.get()
    }

    fn call(&self, channel: ChannelName, keep: Retention, number: u64, call: Call) {
        let (journal, shard) = (Arc::clone(&self.journal), self.shard.clone());
        actix_rt::spawn(async move {
            let answer = ask(&*journal, channel.clone(), keep, call).await;
            if let Some(shard) = shard.upgrade() {
                // Past the bound of the mailbox: one answer for each call, and of those a few for each channel.
                shard.do_send(Answered { channel, number, answer });
            }
        });
    }
}

async fn ask(journal: &dyn Journal, channel: ChannelName, keep: Retention, call: Call) -> Answer {
    match call {
        Call::Append(batch) => {
            Answer::Appended(append(journal, channel, keep, batch).await.map_err(|error| {
                complain("append", &error);
                match error {
                    AppendError::Unavailable(_) => Failed::Unavailable,
                    AppendError::Refused(_) => Failed::Refused,
                    AppendError::Unknown(_) => Failed::Unknown,
                }
            }))
        }
        Call::Open { newest, settle } => Answer::Opened(
            journal.open(channel, newest, settle).await.map_err(|error| complain("open", &error)),
        ),
        Call::Read(range) => {
            Answer::Read(journal.read(channel, range).await.map_err(|error| complain("read", &error)))
        }
        Call::Remove { upto } => {
            Answer::Removed(journal.remove(channel, upto).await.map_err(|error| complain("remove", &error)))
        }
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
    pub(crate) fn new(options: &Options, caller: std::rc::Rc<Caller>) -> Self {
        let keep = Retention::of(options);
        Self { state: DurableChannel::new(keep, options.recovery_mode), keep, caller }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.state.is_idle()
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

impl Room {
    /// Does what was asked, once the journal has answered.
    pub(crate) fn ask_journal(&mut self, what: What) {
        let Source::Durable(durable) = &mut self.source else { return };
        match what {
            What::Join(joining) => {
                let terms = joining.join().map(|join| &join.terms);
                let since = terms.filter(|terms| terms.positioned || terms.recoverable);
                let since = since.and_then(|terms| terms.recover.clone());
                durable.state.join(Waiter::Join(joining), since);
            }
            What::Publish(publishment) => {
                let Publishment { data, info, tags, key, version, asker, bytes, .. } = *publishment;
                let (idempotency_key, time_ms) = (key.clone(), wall_clock_ms());
                let message = NewMessage { data, info, tags, time_ms, idempotency_key, version };
                durable.state.publish(Waiter::Publish(Publisher { asker, key, bytes }), message);
            }
            What::History(request, asker) => {
                let bound = if asker.is_command() { PageBound::CLIENT } else { PageBound::SERVER };
                durable.state.history(Waiter::History(asker), request, bound);
            }
            What::Remove(sender) => durable.state.remove(Waiter::Remove(sender)),
        }
        self.proceed();
    }

    /// Does what can be done now.
    pub(crate) fn proceed(&mut self) {
        let occupied = !self.members.is_empty();
        let Source::Durable(durable) = &mut self.source else { return };
        let (caller, keep) = (std::rc::Rc::clone(&durable.caller), durable.keep);
        // What waited for its batch is not written any more if its connection was cut meanwhile.
        let cut = |who: &Waiter| match who {
            Waiter::Publish(by) => by.asker.is_command() && !by.asker.is_wanted(),
            _ => false,
        };
        for who in durable.state.retract(cut) {
            if let Waiter::Publish(by) = who {
                by.asker.forget();
            }
        }
        for action in durable.state.step(wall_clock_ms(), occupied, || caller.number()) {
            match action {
                Action::Call(number, call) => caller.call(self.name().clone(), keep, number, call),
                Action::Deliver(publication) => self.deliver(&publication),
                Action::Tell(who, outcome) => self.tell(who, outcome),
                // Each tells its client to come back.
                Action::Lose => drop(self.members.clear()),
            }
        }
    }

    fn tell(&mut self, who: Waiter, outcome: Outcome) {
        match (who, outcome) {
            (Waiter::Join(joining), Outcome::Joined(top, recovery)) => {
                let counted =
                    joining.join().is_some_and(|join| join.terms.positioned || join.terms.recoverable);
                if joining.join().is_some_and(|join| join.outbox.is_open()) {
                    self.join(joining, Found { top: counted.then_some(top), recovery });
                } else {
                    joining.forget();
                }
            }
            (Waiter::Publish(by), Outcome::Published(position)) => self.published(by, Ok(Some(position))),
            (Waiter::History(asker), Outcome::History(result)) => asker.give(Ok(result)),
            (Waiter::Remove(sender), Outcome::Removed(position)) => drop(sender.send(Ok(position))),
            (Waiter::Join(joining), Outcome::Refused(code)) => joining.fail(code),
            (Waiter::Publish(by), Outcome::Refused(code)) => self.published(by, Err(code)),
            (Waiter::History(asker), Outcome::Refused(code)) => asker.give(Err(code)),
            (Waiter::Remove(sender), Outcome::Refused(code)) => drop(sender.send(Err(code))),
            // An answer to another question: who is dropped unanswered is told so.
            _ => {}
        }
    }

    /// A subscription that waits is not wanted any more.
    pub(crate) fn forget_joining(&mut self, connection: ConnectionId) {
        let Source::Durable(durable) = &mut self.source else { return };
        let is_its = |who: &Waiter| match who {
            Waiter::Join(joining) => joining.join().is_some_and(|join| join.info.client == connection),
            _ => false,
        };
        for who in durable.state.forget(is_its) {
            if let Waiter::Join(joining) = who {
                joining.cancel();
            }
        }
    }

    /// A subscription that waits will be seen like this.
    pub(crate) fn show_joining(&mut self, info: &Arc<ClientInfo>) {
        let Source::Durable(durable) = &mut self.source else { return };
        for who in durable.state.waiting_mut() {
            if let Waiter::Join(joining) = who {
                joining.show(info);
            }
        }
    }

    pub(crate) fn tick_journal(&mut self) {
        let occupied = !self.members.is_empty();
        let Source::Durable(durable) = &mut self.source else { return };
        durable.state.tick(wall_clock_ms(), occupied);
        self.proceed();
    }
}

/// The time of publications, in milliseconds since the epoch.
pub(crate) fn wall_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
