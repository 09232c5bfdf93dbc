//! Tests of the memory that a publication in a real room allocates, counted by the allocator: each receiver costs an entry in
//! its outbox and no further memory.

use std::{sync::Arc, time::Instant};

use logic::namespace::{Options, Terms};
use protocol::{
    ClientInfo, Encoding, Payload,
    channel_name::ChannelName,
    id::{ConnectionId, Subject},
};

use super::Room;
use crate::{
    counting::taken,
    runtime::{
        byte_budget::Waiting,
        channels::{
            join_request::{ChannelJoin, JoinReply},
            messages::{Publishment, What},
            reply::{Asker, Joining},
        },
        connection::outbox::{OutboxReader, outbox},
    },
};

const MEMBERS: usize = 1_000;

fn join(room: &mut Room, number: usize) -> OutboxReader {
    let (outbox, reader) = outbox(1 << 20, Encoding::ALL[number % Encoding::ALL.len()]);
    let client = ConnectionId::random();
    let info = ClientInfo { user: Subject::new("1"), client, conn_info: None, chan_info: None };
    let join = ChannelJoin {
        channel: room.name().clone(),
        number: 1,
        outbox,
        info: Arc::new(info),
        terms: Terms::default(),
        lifetime: None,
        data: None,
        reply: JoinReply::Command(1),
    };
    room.ask(Instant::now(), What::Join(Joining::new(join)));
    reader
}

fn publication() -> Box<Publishment> {
    Box::new(Publishment {
        data: Payload::parse("{\"text\":\"to every subscriber\"}").unwrap(),
        info: None,
        tags: Vec::new(),
        skip_history: false,
        key: None,
        version: None,
        asker: Asker::Server(tokio::sync::oneshot::channel().0),
        bytes: Waiting::new(1).take(1).unwrap(),
    })
}

/// Reads the frames of each reader, and returns the lowest and the highest number of frames.
fn read(readers: &[OutboxReader]) -> (usize, usize) {
    let counts = readers.iter().map(|reader| {
        while reader.next_request().is_some() {}
        let mut frames = Vec::new();
        reader.take(usize::MAX, &mut frames);
        frames.len()
    });
    let counts: Vec<usize> = counts.collect();
    (counts.iter().copied().min().unwrap_or(0), counts.iter().copied().max().unwrap_or(0))
}

#[test]
fn a_delivery_allocates_nothing_per_receiver() {
    let mut room = Room::new(
        ChannelName::parse("test:room").unwrap(),
        Arc::new(Options::default()),
        None,
        crate::runtime::WallClock::default(),
    );
    let readers: Vec<OutboxReader> = (0..MEMBERS).map(|number| join(&mut room, number)).collect();
    assert_eq!(read(&readers), (1, 1), "the subscribe reply");
    for round in 0..3 {
        let publication = publication();
        let before = taken();
        room.ask(Instant::now(), What::Publish(publication));
        let cost = taken() - before;
        assert_eq!(read(&readers), (1, 1));
        // In the first round the queues may allocate their first entries.
        assert!(round == 0 || cost.times <= 32, "{cost:?} for {MEMBERS} receivers");
    }
}
