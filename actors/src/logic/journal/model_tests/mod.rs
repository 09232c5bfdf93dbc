//! Tests of a durable channel with a model of the journal. The random steps include failures of the database, in any order.

mod checks;
mod database;
mod facts;
mod step;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, LazyLock},
    time::Duration,
};

use database::Db;
use proptest::prelude::*;
use protocol::{
    HistoryRequest, Position,
    id::{ConnectionId, Subject},
};
use step::{Fate, Step, step};

use super::*;
use crate::{history::PageBound, namespace::RecoveryMode};

const SIZE: u32 = 12;
const KEEP: Retention = Retention { size: SIZE, ttl: Duration::from_secs(3_600) };

/// A publisher with a large description: two of its publications fill a page, and five fill the recent window.
static BULKY: LazyLock<Arc<ClientInfo>> = LazyLock::new(|| {
    Arc::new(ClientInfo {
        user: Subject::new("corp:ada"),
        client: ConnectionId(uuid::Uuid::nil()),
        conn_info: Some(Payload::parse(&format!("\"{}\"", "x".repeat(200 * 1024))).unwrap()),
        chan_info: None,
    })
});

/// A requester, with the serial number of its message or request, or with the number of the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ChannelUser {
    Publisher(u64),
    Subscriber(usize),
    Historian(u64),
    Remover(u64),
}

#[derive(Default)]
struct Subscriber {
    member: bool,
    /// Whether a join of the subscriber is not answered yet.
    joining: bool,
    /// The position of the newest publication that the subscriber received.
    position: Option<Position>,
    /// Whether the last join recovered all missed publications; `None` if the subscriber joined without a position.
    recovered: Option<bool>,
}

struct World {
    channel: DurableChannel<ChannelUser>,
    db: Db,
    subscribers: Vec<Subscriber>,
    /// The journal calls without an answer: the number of each call, the call, and the newest offset in the journal at the
    /// beginning of the call.
    calls: VecDeque<(u64, Call, u64)>,
    /// The last number that the channel received for a journal call.
    numbers: u64,
    /// The requesters that are not answered yet.
    unanswered: BTreeSet<ChannelUser>,
    /// The messages that were passed to the channel, by serial number.
    published: BTreeMap<u64, NewMessage>,
    /// The history requests, by serial number.
    requests: BTreeMap<u64, HistoryRequest>,
    /// The newest offset in the journal at the time of each removal request.
    removals: BTreeMap<u64, u64>,
    /// The offsets of each answer to a history request.
    pages: Vec<Vec<u64>>,
    /// The serial number of the last message or request.
    serial: u64,
}

impl World {
    fn new() -> Self {
        Self {
            channel: DurableChannel::new(KEEP, RecoveryMode::Stream),
            db: Db::default(),
            subscribers: (0..4).map(|_| Subscriber::default()).collect(),
            calls: VecDeque::new(),
            numbers: 0,
            unanswered: BTreeSet::new(),
            published: BTreeMap::new(),
            requests: BTreeMap::new(),
            removals: BTreeMap::new(),
            pages: Vec::new(),
            serial: 0,
        }
    }

    fn message(&mut self, text: &str, key: Option<String>) -> NewMessage {
        self.serial += 1;
        NewMessage {
            data: Payload::parse(&format!("\"{text}{}\"", self.serial)).unwrap(),
            info: None,
            tags: Vec::new(),
            time_ms: 1_000,
            idempotency_key: key,
            version: None,
        }
    }

    fn publish(&mut self, text: &str, key: Option<String>) {
        let message = self.message(text, key);
        self.publish_message(message);
    }

    fn publish_message(&mut self, message: NewMessage) {
        self.published.insert(self.serial, message.clone());
        let requester = ChannelUser::Publisher(self.serial);
        self.unanswered.insert(requester);
        self.channel.publish(requester, message);
    }

    fn publish_bulky(&mut self) {
        let message = NewMessage { info: Some(Arc::clone(&BULKY)), ..self.message("bulky", None) };
        self.publish_message(message);
    }

    fn history(&mut self, limit: i32, since: Option<u64>, reverse: bool) {
        self.serial += 1;
        self.unanswered.insert(ChannelUser::Historian(self.serial));
        let since = since.map(|offset| Position { offset, epoch: String::new() });
        let request = HistoryRequest { limit, since, reverse, ..HistoryRequest::default() };
        self.requests.insert(self.serial, request.clone());
        self.channel.history(ChannelUser::Historian(self.serial), request, PageBound::CLIENT);
    }

    fn remove(&mut self) {
        self.serial += 1;
        self.unanswered.insert(ChannelUser::Remover(self.serial));
        self.removals.insert(self.serial, self.db.top());
        self.channel.remove(ChannelUser::Remover(self.serial));
    }

    fn join(&mut self, number: usize) {
        let subscriber = &mut self.subscribers[number];
        if !subscriber.member && !subscriber.joining {
            subscriber.joining = true;
            self.unanswered.insert(ChannelUser::Subscriber(number));
            self.channel.join(ChannelUser::Subscriber(number), subscriber.position.clone());
        }
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Publish => self.publish("", None),
            Step::PublishBulky => self.publish_bulky(),
            Step::PublishKeyed(key) => self.publish("", Some(key.to_string())),
            Step::PublishVersioned(number) => {
                let version = Some(Version { number: number.into(), epoch: String::new() });
                let message = NewMessage { version, ..self.message("versioned", None) };
                self.publish_message(message);
            }
            Step::PublishPoison => self.publish("poison", None),
            Step::Foreign(count) => {
                self.db.settle();
                let batch: Vec<_> = (0..count).map(|_| self.message("foreign", None)).collect();
                self.db.append(&batch);
            }
            Step::Join(number) => self.join(number),
            Step::Leave(number) => {
                self.subscribers[number].member = false;
                for requester in
                    self.channel.forget(|requester| *requester == ChannelUser::Subscriber(number))
                {
                    self.unanswered.remove(&requester);
                    self.subscribers[number].joining = false;
                }
            }
            Step::History(limit, since, reverse) => {
                self.history(
                    limit.into(),
                    since.map(|behind| self.db.top().saturating_sub(behind.into())),
                    reverse,
                );
            }
            Step::Remove => self.remove(),
            Step::LateRemoval(which) => self.db.remove_late(which),
            Step::Forget => self.db.forget(),
            Step::Answer(fate) => self.answer(fate),
            Step::Tick => self.channel.tick(2_000, self.subscribers.iter().any(|each| each.member)),
        }
        self.step();
    }

    fn step(&mut self) {
        let occupied = self.subscribers.iter().any(|each| each.member);
        let numbers = &mut self.numbers;
        let actions = self.channel.step(2_000, occupied, || {
            *numbers += 1;
            *numbers
        });
        for action in actions {
            match action {
                Action::Call(number, call) => self.calls.push_back((number, call, self.db.top())),
                Action::Deliver(publication) => self.deliver(&publication),
                Action::Tell(requester, outcome) => self.tell(requester, outcome),
                Action::Lose => self.subscribers.iter_mut().for_each(|each| each.member = false),
            }
        }
    }

    fn answer(&mut self, fate: Fate) {
        let Some((number, call, top_at_call)) = self.calls.pop_front() else { return };
        match call {
            Call::Append(batch) => {
                let poisoned = batch.iter().any(|message| message.data.as_bytes().starts_with(b"\"poison"));
                let result = match fate {
                    Fate::Unavailable => Err(Failed::Unavailable),
                    _ if poisoned => Err(Failed::Refused),
                    Fate::Done | Fate::LostWritten => {
                        self.db.settle();
                        let appended = self.db.append(&batch);
                        if matches!(fate, Fate::Done) { Ok(appended) } else { Err(Failed::Unknown) }
                    }
                    Fate::LostNothing => Err(Failed::Unknown),
                    Fate::LostLate => {
                        self.db.late.push(batch);
                        Err(Failed::Unknown)
                    }
                };
                self.channel.appended(number, result);
            }
            Call::Open { newest, settle } => {
                if settle {
                    self.db.settle();
                }
                let opened = self.db.open(newest);
                self.channel.opened(number, if matches!(fate, Fate::Done) { Ok(opened) } else { Err(()) });
            }
            Call::Read(range) => {
                let found = self.db.read(range);
                self.channel.read(number, if matches!(fate, Fate::Done) { Ok(found) } else { Err(()) });
            }
            Call::Remove { upto } => {
                let removed = match fate {
                    Fate::Done | Fate::LostWritten => {
                        self.db.settle();
                        self.db.remove(upto)
                    }
                    Fate::LostLate => {
                        self.db.late_removals.push((upto, top_at_call));
                        Removed { upto, epoch: Db::epoch() }
                    }
                    Fate::Unavailable | Fate::LostNothing => Removed { upto, epoch: Db::epoch() },
                };
                self.channel.removed(number, if matches!(fate, Fate::Done) { Ok(removed) } else { Err(()) });
            }
        }
    }

    /// Lets every further journal call succeed, until no call is left.
    fn finish(&mut self) {
        self.act(Step::Tick);
        while !self.calls.is_empty() {
            self.act(Step::Answer(Fate::Done));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_publication_is_invented_missed_or_repeated_and_every_request_is_answered(
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut world = World::new();
        for step in steps {
            world.act(step);
        }
        world.finish();
        prop_assert!(world.unanswered.is_empty(), "not answered: {:?}", world.unanswered);
        prop_assert!(world.channel.is_idle());
        // One more publication brings every remaining subscriber up to date.
        world.publish("last", None);
        world.step();
        world.finish();
        let top = world.db.top();
        for subscriber in world.subscribers.iter().filter(|each| each.member) {
            prop_assert_eq!(subscriber.position.as_ref().map(|position| position.offset), Some(top));
        }
        // Subscribers that subscribe again get the same position as all others.
        for number in 0..4 {
            world.join(number);
        }
        world.step();
        world.finish();
        let at_the_top = |each: &Subscriber| each.position.as_ref().is_some_and(|position| position.offset == top);
        prop_assert!(world.subscribers.iter().all(|each| each.member && at_the_top(each)));
        for _ in 0..20 {
            world.channel.tick(2_000, false);
        }
        prop_assert!(world.channel.is_quiet());
    }
}
