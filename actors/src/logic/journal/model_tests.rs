//! A durable channel against a model of the journal, with everything that can go wrong with a database, in any order.

mod database;
mod step;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use proptest::prelude::*;

use database::Db;
use step::{Fate, Step, step};

use super::*;
use crate::{
    logic::{
        namespace::RecoveryMode,
        stream::{PageBound, Recovery},
    },
    protocol::{ErrorCode, HistoryRequest, Position},
};

const SIZE: u32 = 12;
const KEEP: Retention = Retention { size: SIZE, ttl: Duration::from_secs(3_600) };

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Publisher(u64),
    Subscriber(usize),
    Historian(u64),
    Remover(u64),
}

#[derive(Default)]
struct Subscriber {
    member: bool,
    asked: bool,
    /// The newest that it has.
    position: Option<Position>,
}

struct World {
    channel: DurableChannel<Who>,
    db: Db,
    subscribers: Vec<Subscriber>,
    calls: VecDeque<(u64, Call)>,
    numbers: u64,
    asked: BTreeSet<Who>,
    published: BTreeMap<u64, NewMessage>,
    /// What of it was refused, so that it may be in the journal or not.
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
            asked: BTreeSet::new(),
            published: BTreeMap::new(),
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
        }
    }

    fn publish(&mut self, text: &str, key: Option<String>) {
        let message = self.message(text, key);
        self.published.insert(self.serial, message.clone());
        let who = Who::Publisher(self.serial);
        self.asked.insert(who);
        self.channel.publish(who, message);
    }

    fn join(&mut self, number: usize) {
        let subscriber = &mut self.subscribers[number];
        if !subscriber.member && !subscriber.asked {
            subscriber.asked = true;
            self.asked.insert(Who::Subscriber(number));
            self.channel.join(Who::Subscriber(number), subscriber.position.clone());
        }
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Publish => self.publish("", None),
            Step::PublishKeyed(key) => self.publish("", Some(key.to_string())),
            Step::PublishPoison => self.publish("poison", None),
            Step::Foreign(count) => {
                self.db.settle();
                let batch: Vec<_> = (0..count).map(|_| self.message("foreign", None)).collect();
                self.db.append(&batch);
            }
            Step::Join(number) => self.join(number),
            Step::Leave(number) => {
                self.subscribers[number].member = false;
                for who in self.channel.forget(|who| *who == Who::Subscriber(number)) {
                    self.asked.remove(&who);
                    self.subscribers[number].asked = false;
                }
            }
            Step::History(limit, reverse) => {
                self.serial += 1;
                let who = Who::Historian(self.serial);
                self.asked.insert(who);
                let request = HistoryRequest { limit: limit.into(), reverse, ..HistoryRequest::default() };
                self.channel.history(who, request, PageBound::CLIENT);
            }
            Step::Remove => {
                self.serial += 1;
                self.asked.insert(Who::Remover(self.serial));
                self.channel.remove(Who::Remover(self.serial));
            }
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
                Action::Call(number, call) => self.calls.push_back((number, call)),
                Action::Deliver(publication) => self.deliver(&publication),
                Action::Tell(who, outcome) => self.tell(who, outcome),
                Action::Lose => self.subscribers.iter_mut().for_each(|each| each.member = false),
            }
        }
    }

    fn answer(&mut self, fate: Fate) {
        let Some((number, call)) = self.calls.pop_front() else { return };
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
                let mut found = self.db.read(newest);
                found.reverse();
                let opened = Opened { epoch: Db::epoch(), top: self.db.top(), newest: found };
                self.channel.opened(number, if matches!(fate, Fate::Done) { Ok(opened) } else { Err(()) });
            }
            Call::Read(range) => {
                let found = self.db.read(range);
                self.channel.read(number, if matches!(fate, Fate::Done) { Ok(found) } else { Err(()) });
            }
            Call::Remove => {
                let done = matches!(fate, Fate::Done | Fate::LostWritten);
                if done {
                    self.db.settle();
                    self.db.gone = self.db.top();
                }
                let removed = Removed { top: self.db.top(), epoch: Db::epoch() };
                self.channel.removed(number, if matches!(fate, Fate::Done) { Ok(removed) } else { Err(()) });
            }
        }
    }

    /// What is delivered is in the journal, and follows what the subscriber has.
    fn deliver(&mut self, publication: &Arc<Publication>) {
        assert_eq!(*self.db.at(publication.offset), **publication, "invented");
        for subscriber in self.subscribers.iter_mut().filter(|each| each.member) {
            let position = subscriber.position.as_mut().expect("a member has a position");
            assert_eq!(publication.offset, position.offset + 1, "a hole, or again");
            position.offset = publication.offset;
        }
    }

    fn tell(&mut self, who: Who, outcome: Outcome) {
        assert!(self.asked.remove(&who), "{who:?} is told twice");
        match (who, outcome) {
            (Who::Publisher(serial), Outcome::Published(position)) => {
                let (row, message) = (self.db.at(position.offset), &self.published[&serial]);
                let own = row.data == message.data;
                let earlier = message.idempotency_key.is_some()
                    && self.db.rows[usize::try_from(position.offset).unwrap() - 1].idempotency_key
                        == message.idempotency_key;
                assert!(own || earlier, "acknowledged, but not there");
            }
            (Who::Publisher(serial), Outcome::Refused(code)) => {
                let poison = self.published[&serial].data.as_bytes().starts_with(b"\"poison");
                assert!(code == ErrorCode::Internal || poison);
            }
            (Who::Subscriber(number), Outcome::Joined(top, recovery)) => {
                let subscriber = &mut self.subscribers[number];
                (subscriber.member, subscriber.asked) = (true, false);
                if let Some(Recovery { recovered: true, publications, offset }) = &recovery {
                    assert_eq!(Some(*offset), subscriber.position.as_ref().map(|position| position.offset));
                    for (index, publication) in publications.iter().enumerate() {
                        assert_eq!(publication.offset, offset + index as u64 + 1);
                        assert_eq!(**publication, *self.db.at(publication.offset));
                    }
                    assert_eq!(offset + publications.len() as u64, top.offset);
                }
                subscriber.position = Some(top);
            }
            (Who::Subscriber(number), Outcome::Refused(_)) => self.subscribers[number].asked = false,
            (Who::Historian(_), Outcome::History(result)) => {
                assert!(result.position.offset <= self.db.top());
                for publication in &result.publications {
                    assert!(publication.offset <= result.position.offset);
                    assert_eq!(**publication, *self.db.at(publication.offset));
                }
                let follows = |pair: &[Arc<Publication>]| pair[0].offset.abs_diff(pair[1].offset) == 1;
                assert!(result.publications.windows(2).all(follows), "a hole in the history");
            }
            (Who::Remover(_), Outcome::Removed(_))
            | (Who::Historian(_) | Who::Remover(_), Outcome::Refused(_)) => {}
            (who, outcome) => panic!("{who:?} is told {outcome:?}"),
        }
    }

    /// The database is well again, and everything comes to rest.
    fn rest(&mut self) {
        self.act(Step::Tick);
        while !self.calls.is_empty() {
            self.act(Step::Answer(Fate::Done));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_is_invented_lost_doubled_or_left_unanswered(
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut world = World::new();
        for step in steps {
            world.act(step);
        }
        world.rest();
        prop_assert!(world.asked.is_empty(), "left unanswered: {:?}", world.asked);
        prop_assert!(world.channel.is_idle());
        // One more publication brings everything to everybody who is still there.
        world.publish("last", None);
        world.step();
        world.rest();
        let top = world.db.top();
        for subscriber in world.subscribers.iter().filter(|each| each.member) {
            prop_assert_eq!(subscriber.position.as_ref().map(|position| position.offset), Some(top));
        }
        // And whoever comes back is where everybody is.
        for number in 0..4 {
            world.join(number);
        }
        world.step();
        world.rest();
        let at_the_top = |each: &Subscriber| each.position.as_ref().is_some_and(|position| position.offset == top);
        prop_assert!(world.subscribers.iter().all(|each| each.member && at_the_top(each)));
        for _ in 0..20 {
            world.channel.tick(2_000, false);
        }
        prop_assert!(world.channel.is_quiet());
    }
}
