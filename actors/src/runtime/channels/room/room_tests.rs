//! Tests of random orders of events in a room with clients that behave like SDKs. No publication is lost without notice or
//! delivered twice, and every client knows the members. Further tests check single cases.

#[path = "room_test_client.rs"]
mod client;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use client::Client;
use proptest::prelude::*;
use protocol::{ClientInfo, Payload, close::CloseReason};
use serde_json::Value;

use super::*;
use crate::runtime::{
    ConnectionRequest, LeaveReply,
    byte_budget::Waiting,
    channels::{
        messages::Publishment,
        reply::{Asker, Leaving, Reply},
    },
};

const TTL: Duration = Duration::from_secs(60);
const CLIENTS: usize = 4;

/// The room, and the expected state.
struct World {
    room: Room,
    now: Instant,
    clients: Vec<Client>,
    /// The publications, by epoch and offset.
    truth: BTreeMap<(String, u64), String>,
    published: usize,
}

fn options() -> Options {
    Options { history_size: 4, history_ttl: TTL, ..Options::default() }
}

fn room() -> Room {
    Room::new(ChannelName::parse("test:room").unwrap(), Arc::new(options()), None, WallClock::default())
}

#[derive(Clone, Debug)]
enum Step {
    Publish {
        skip_history: bool,
    },
    Join {
        client: usize,
        recover: bool,
    },
    Leave {
        client: usize,
    },
    Wait(u64),
    Remove,
    Halve,
    /// A new, empty room replaces the room, as after a failure of the shard or an eviction.
    Begin,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::bool::weighted(0.1).prop_map(|skip_history| Step::Publish { skip_history }),
        8 => (0..CLIENTS, prop::bool::weighted(0.8))
            .prop_map(|(client, recover)| Step::Join { client, recover }),
        6 => (0..CLIENTS).prop_map(|client| Step::Leave { client }),
        2 => (0_u64..40).prop_map(Step::Wait),
        1 => Just(Step::Remove),
        1 => Just(Step::Halve),
        1 => Just(Step::Begin),
    ]
}

impl World {
    fn new() -> Self {
        let clients = (0..CLIENTS).map(Client::new).collect();
        Self { room: room(), now: Instant::now(), clients, truth: BTreeMap::new(), published: 0 }
    }

    fn publish(&mut self, skip_history: bool) {
        self.published += 1;
        let text =
            format!("{{\"always\":\"the same words, over and over again\",\"number\":{}}}", self.published);
        let (sender, mut position) = tokio::sync::oneshot::channel();
        let publishment = Publishment {
            data: Payload::parse(&text).unwrap(),
            info: None,
            tags: Vec::new(),
            skip_history,
            key: None,
            version: None,
            asker: Asker::Server(sender),
            bytes: Waiting::new(1).take(1).unwrap(),
        };
        // Clients compare the publications only when they read, after the expected state is complete.
        self.room.ask(self.now, What::Publish(Box::new(publishment)));
        if let Some(position) = position.try_recv().unwrap().unwrap() {
            assert!(self.truth.insert((position.epoch, position.offset), text).is_none(), "an offset twice");
        }
    }

    fn join(&mut self, number: usize, recover: bool) {
        let client = &mut self.clients[number];
        if client.inside {
            return;
        }
        let since = client.position.clone().filter(|_| recover);
        let terms = Terms {
            recover: since.map(|(offset, epoch)| Position { offset, epoch }),
            positioned: true,
            recoverable: true,
            presence: true,
            announce: true,
            join_leave: true,
            delta: client.delta,
            must_recover: false,
        };
        let present = self.room.members.presence(|_| true);
        client.known_members = present.map(|info| Value::from(info.client.to_string()).to_string()).collect();
        let join = ChannelJoin {
            channel: self.room.name.clone(),
            number: 1,
            outbox: client.outbox.clone(),
            info: Arc::clone(&client.info),
            terms,
            lifetime: None,
            data: None,
            reply: JoinReply::Command(1),
        };
        self.room.ask(self.now, What::Join(Joining::new(join)));
    }

    fn leave(&mut self, number: usize) {
        let client = &self.clients[number];
        let leaving = Leaving::new(self.room.name.clone(), LeaveReply::Answer(client.outbox.clone(), 2));
        self.room.leave(client.info.client, Some(leaving));
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Publish { skip_history } => self.publish(skip_history),
            Step::Join { client, recover } => self.join(client, recover),
            Step::Leave { client } => self.leave(client),
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.room.expire(self.now);
            }
            Step::Remove => {
                let (sender, _answer) = tokio::sync::oneshot::channel();
                self.room.ask(self.now, What::Remove(sender));
            }
            Step::Halve => self.room.halve(),
            Step::Begin => self.room = room(),
        }
        for client in &mut self.clients {
            client.read(&self.truth);
        }
        self.check();
    }

    fn check(&self) {
        let name = |info: &Arc<ClientInfo>| Value::from(info.client.to_string()).to_string();
        let inside: BTreeSet<String> =
            self.clients.iter().filter(|client| client.inside).map(|client| name(&client.info)).collect();
        let present: BTreeSet<String> = self.room.members.presence(|_| true).map(name).collect();
        assert_eq!(present, inside, "presence lists exactly the subscribed clients");
        for client in self.clients.iter().filter(|client| client.inside) {
            assert_eq!(client.known_members, inside, "joins and leaves give the same members");
        }
    }

    /// Every subscribed client has received everything: its position is the channel's newest position.
    fn assert_positions_are_newest(&mut self) {
        let top = self.room.stream().unwrap().position();
        for client in self.clients.iter().filter(|client| client.inside) {
            assert_eq!(client.position, Some((top.offset, top.epoch.clone())));
        }
    }
}

proptest! {
    #[test]
    fn no_publication_is_lost_without_notice_or_delivered_twice(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            world.assert_positions_are_newest();
        }
    }
}

#[test]
fn a_subscriber_above_the_limit_is_refused_and_its_connection_is_informed() {
    let options = Options { max_subscribers: 1, ..options() };
    let mut world = World::new();
    world.room =
        Room::new(ChannelName::parse("test:room").unwrap(), Arc::new(options), None, WallClock::default());
    world.join(0, false);
    world.join(1, false);
    let mut frames = Vec::new();
    world.clients[1].reader.take(usize::MAX, &mut frames);
    let reply: Value = serde_json::from_slice(&frames[0]).unwrap();
    assert_eq!((frames.len(), &reply["error"]["code"]), (1, &Value::from(106)));
    let request = world.clients[1].reader.next_request();
    assert!(matches!(request, Some(ConnectionRequest::SubscriptionLost { number: 1, .. })), "{request:?}");
    assert_eq!(world.room.members.len(), 1);
}

#[test]
fn publications_that_do_not_fit_into_the_queue_are_not_recovered_and_the_connection_stays_open() {
    let mut world = World::new();
    world.join(0, false);
    world.publish(false);
    world.clients[0].read(&world.truth);
    world.leave(0);
    world.publish(false);
    world.clients[0].read(&world.truth);
    let full = bytes::Bytes::from(vec![b'x'; 1024 * 1024 - 65_536 - 100]);
    world.clients[0].outbox.push(full).unwrap();
    world.join(0, true);
    let mut frames = Vec::new();
    assert!(world.clients[0].reader.take(usize::MAX, &mut frames).is_none());
    let reply: Value = serde_json::from_slice(&frames[1]).unwrap();
    let result = &reply["subscribe"];
    assert_eq!(result["was_recovering"], true, "{reply}");
    assert_eq!((result.get("recovered"), result.get("publications")), (None, None));
    assert_eq!(result["offset"], 2);
}

#[test]
fn the_next_publication_removes_a_connection_that_has_ended_and_its_leave_is_announced() {
    let mut world = World::new();
    world.join(0, false);
    world.join(1, false);
    world.clients.iter_mut().for_each(|client| client.read(&world.truth));
    world.clients[1].outbox.cut(CloseReason::SessionRevoked, None);
    world.publish(false);
    world.clients[0].read(&world.truth);
    assert_eq!((world.room.members.len(), world.clients[0].known_members.len()), (1, 1));
}

#[test]
fn publications_with_one_key_are_delivered_once() {
    let mut world = World::new();
    world.join(0, false);
    world.clients[0].read(&world.truth);
    let mut publish = |key: &str| {
        let asker = Asker::Command(Reply::new(world.clients[1].outbox.clone(), 1));
        let publishment = Publishment {
            data: Payload::parse("1").unwrap(),
            info: None,
            tags: Vec::new(),
            skip_history: false,
            key: Some(key.to_owned()),
            version: None,
            asker,
            bytes: Waiting::new(1).take(1).unwrap(),
        };
        world.room.ask(world.now, What::Publish(Box::new(publishment)));
    };
    ["a", "a", "b"].into_iter().for_each(&mut publish);
    let mut frames = Vec::new();
    world.clients[0].reader.take(usize::MAX, &mut frames);
    assert_eq!(frames.len(), 2, "two of the three publications are new");
    world.clients[1].reader.take(usize::MAX, &mut frames);
    assert_eq!(frames.len(), 5);
}

#[test]
fn all_receivers_of_a_form_share_one_frame() {
    let mut world = World::new();
    (0..CLIENTS).for_each(|number| world.join(number, false));
    let mut frames: Vec<bytes::Bytes> = Vec::new();
    world.clients.iter().for_each(|client| drop(client.reader.take(usize::MAX, &mut frames)));
    world.publish(false);
    let received = world.clients.iter().map(|client| {
        let mut frames: Vec<bytes::Bytes> = Vec::new();
        client.reader.take(usize::MAX, &mut frames);
        frames[0].as_ptr() as usize
    });
    assert_eq!(
        received.collect::<BTreeSet<_>>().len(),
        2,
        "one frame has the data as a JSON value, the other as a string for deltas"
    );
}
