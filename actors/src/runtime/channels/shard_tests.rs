//! Tests of the timetable of a shard: it has only rooms in which something expires, so a sweep looks at no other rooms.

use std::future::pending;

use logic::{
    journal::{Appended, NewMessage, Opened, Range, Removed, Retention},
    namespace::Options,
};
use protocol::{
    Publication,
    id::{ConnectionId, Subject},
};

use super::*;
use crate::runtime::{
    ChannelJoin, JoinReply, OutboxReader,
    channels::{
        messages::{Publishment, What},
        reply::{Asker, Joining},
    },
    connection::outbox::outbox,
    live::LiveSettings,
    ports::{AppendError, PortFuture, ReadError, WriteError},
    settings::RealtimeSettings,
};

const TTL: Duration = Duration::from_secs(60);

/// A journal that never answers.
struct Silent;

impl Journal for Silent {
    fn append(
        &self,
        _: ChannelName,
        _: Vec<NewMessage>,
        _: Retention,
    ) -> PortFuture<Result<Appended, AppendError>> {
        Box::pin(pending())
    }

    fn open(&self, _: ChannelName, _: Range, _: bool) -> PortFuture<Result<Opened, ReadError>> {
        Box::pin(pending())
    }

    fn read(&self, _: ChannelName, _: Range) -> PortFuture<Result<Vec<Arc<Publication>>, ReadError>> {
        Box::pin(pending())
    }

    fn remove(&self, _: ChannelName, _: u64) -> PortFuture<Result<Removed, WriteError>> {
        Box::pin(pending())
    }
}

/// A shard that keeps the histories of at most two channels without members.
fn shard() -> ChannelShard {
    let kept = |history_ttl| Options { history_size: 10, history_ttl, ..Options::default() };
    let namespaces = Namespaces::default().with("memory", kept(TTL)).with("lasting", kept(10 * TTL));
    let namespaces = Arc::new(namespaces.with("passing", Options::default()));
    let live = LiveSettings::from(&RealtimeSettings { namespaces, ..RealtimeSettings::default() });
    ChannelShard::new(Arc::new(ShardSettings {
        live: Live::new(live),
        journal: Arc::new(Silent),
        clock: WallClock::default(),
        events: crate::runtime::ChannelEvents::default(),
        traffic: crate::runtime::Traffic::default(),
        gate: Arc::new(DeliveryGate::new(now())),
        resting: 2,
        history_bytes: 1 << 20,
    }))
}

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).unwrap()
}

fn publish(shard: &mut ChannelShard, channel: &str) {
    let publishment = Publishment {
        data: Payload::parse("1").unwrap(),
        info: None,
        tags: Vec::new(),
        skip_history: false,
        key: None,
        version: None,
        asker: Asker::Server(tokio::sync::oneshot::channel().0),
        bytes: Waiting::new(1).take(1).unwrap(),
    };
    let what = What::Publish(Box::new(publishment));
    shard.with_room(&name(channel), |room| room.ask(now(), what)).unwrap();
}

fn join(shard: &mut ChannelShard, channel: &str) -> OutboxReader {
    let (outbox, reader) = outbox(1 << 20, protocol::Encoding::Json);
    let (user, client) = (Subject::new("1"), ConnectionId::random());
    let join = ChannelJoin {
        channel: name(channel),
        number: 1,
        outbox,
        info: Arc::new(ClientInfo { user, client, conn_info: None, chan_info: None }),
        terms: logic::namespace::Terms::default(),
        lifetime: None,
        data: None,
        reply: JoinReply::Command(1),
    };
    let what = What::Join(Joining::new(join));
    shard.with_room(&name(channel), |room| room.ask(now(), what)).unwrap();
    reader
}

#[test]
fn a_room_with_members_but_without_a_history_is_not_in_the_timetable() {
    let mut shard = shard();
    let _members: Vec<OutboxReader> = (0..3).map(|_| join(&mut shard, "passing:room")).collect();
    publish(&mut shard, "passing:room");
    assert!(shard.timetable.is_empty() && shard.rooms.len() == 1);
}

#[test]
fn a_sweep_looks_at_a_room_when_its_oldest_publication_expires() {
    let mut shard = shard();
    for _ in 0..3 {
        publish(&mut shard, "memory:room");
    }
    assert_eq!(shard.timetable.len(), 1);
    let began = now();
    shard.sweep(began + TTL / 2);
    assert!(shard.bytes > 0 && shard.timetable.len() == 1);
    shard.sweep(began + TTL + SWEEP);
    assert_eq!((shard.bytes, shard.timetable.len()), (0, 0));
    publish(&mut shard, "memory:room");
    assert_eq!(shard.timetable.len(), 1, "the room is entered again");
}

#[test]
fn an_evicted_room_is_removed_from_the_timetable() {
    let mut shard = shard();
    for channel in ["memory:a", "memory:b", "memory:c"] {
        publish(&mut shard, channel);
    }
    assert_eq!((shard.rooms.len(), shard.timetable.len()), (2, 2));
    assert_eq!(shard.bytes, shard.rooms.values().map(Room::bytes).sum::<usize>());
}

#[test]
fn a_resting_room_keeps_its_place_in_the_order_of_eviction_during_a_sweep() {
    let mut shard = shard();
    publish(&mut shard, "memory:old");
    publish(&mut shard, "lasting:new");
    // Only the old room is due.
    shard.sweep(now() + TTL + SWEEP);
    assert_eq!(shard.timetable.len(), 1);
    publish(&mut shard, "lasting:newest");
    assert!(!shard.rooms.contains_key("memory:old") && shard.rooms.contains_key("lasting:new"));
}

#[test]
fn a_reload_shortens_histories_and_drops_rooms_whose_history_moves() {
    let mut shard = shard();
    for _ in 0..5 {
        publish(&mut shard, "memory:a");
        publish(&mut shard, "lasting:a");
    }
    let kept = |history_size| Options { history_size, history_ttl: TTL, ..Options::default() };
    let namespaces = Arc::new(
        Namespaces::default()
            .with("memory", kept(2))
            .with("lasting", kept(0))
            .with("passing", Options::default()),
    );
    let settings = RealtimeSettings { namespaces, ..RealtimeSettings::default() };
    let before = shard.bytes;
    shard.settings.live.replace(LiveSettings::from(&settings));
    publish(&mut shard, "passing:a");
    assert!(shard.rooms.contains_key(&name("memory:a")) && !shard.rooms.contains_key(&name("lasting:a")));
    let kept: usize = shard.rooms.values().map(Room::bytes).sum();
    assert_eq!(shard.bytes, kept);
    assert!(shard.bytes < before / 2, "{} of {before}", shard.bytes);
}
