//! What a delivery costs: nothing but a place in the receiver's queue, counted by the allocator itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

#[path = "../../protocol/tests/counting/mod.rs"]
mod counting;

use std::sync::Arc;

use actors::runtime::{Outbox, outbox};
use logic::{channel_members::Channel, namespace::Terms};
use protocol::{
    ClientInfo, DataForm, Encoding, Payload, Publication, Push,
    id::{ConnectionId, Subject},
};

use counting::taken;

const MEMBERS: usize = 1_000;

fn publication() -> Arc<Publication> {
    let data = Payload::parse("{\"text\":\"to everybody\"}").unwrap();
    Arc::new(Publication { data, info: None, offset: 1, tags: Vec::new(), time_ms: 0 })
}

#[test]
fn a_delivery_allocates_nothing_per_receiver() {
    let mut channel = Channel::<Outbox>::default();
    let mut readers = Vec::new();
    for number in 0..MEMBERS {
        let (outbox, reader) = outbox(1 << 20, Encoding::ALL[number % 2]);
        let client = ConnectionId::random();
        let info = ClientInfo { user: Subject::new("1"), client, conn_info: None, chan_info: None };
        channel.join(Arc::new(info), &Terms::default(), None, outbox);
        readers.push(reader);
    }
    let mut round = || {
        let publication = publication();
        let push = Push::Publication { channel: "chat:a", publication: &publication, form: DataForm::Plain };
        let before = taken();
        let frames = Encoding::ALL.map(|encoding| encoding.push(&push));
        channel.deliver(&publication, |outbox, _| {
            outbox.push(frames[outbox.encoding() as usize].clone()).unwrap();
        });
        let cost = taken() - before;
        let mut gathered = Vec::new();
        for reader in &readers {
            reader.take(usize::MAX, &mut gathered);
            assert_eq!(gathered.drain(..).len(), 1);
        }
        cost
    };
    // The queues get their first places in the first round.
    assert!(round().times <= MEMBERS + 100);
    let cost = round();
    assert!(cost.times <= 32, "{cost:?} for {MEMBERS} receivers");
}
