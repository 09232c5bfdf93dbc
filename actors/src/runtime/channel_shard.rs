//! The `ChannelShard` actor: subscribers of a slice of the channels, and the fan-out.
//!
//! Owns the subscriber tables. Who sends: connections through `Realtime::{join, leave, publish}`, over one bounded lane
//! for all of them. Answers go straight into the asking connection's outbox, so a subscribe reply always precedes the
//! channel's first push. When it dies, its subscribers' guards are dropped with it, and each dropped guard tells its
//! client to come back (unsubscribe push 2500, "insufficient state"); the successor starts empty.
//!
//! Must not: await, touch the database, or allocate per recipient.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::outbox::Outbox;
use crate::{
    id::{ConnectionId, Subject},
    logic::channel::{ChannelName, Channels},
    protocol::{
        Answer, ClientInfo, DataForm, Encoding, Payload, Publication, Push, SubscribeResult, UnsubscribeCode,
    },
};
use actix::{Actor, Context, Handler, Message};

/// Subscribe `connection` and answer command `id`.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Join {
    pub(crate) channel: ChannelName,
    pub(crate) connection: ConnectionId,
    pub(crate) outbox: Outbox,
    pub(crate) id: u32,
}

/// Unsubscribe; answer command `id`, if a command asked.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Leave {
    pub(crate) channel: ChannelName,
    pub(crate) connection: ConnectionId,
    pub(crate) answer: Option<(Outbox, u32)>,
}

/// Deliver `data` to every subscriber, then answer command `id`.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Publish {
    pub(crate) channel: ChannelName,
    pub(crate) data: Payload,
    pub(crate) user: Subject,
    pub(crate) connection: ConnectionId,
    pub(crate) outbox: Outbox,
    pub(crate) id: u32,
    /// The payload's share of what may wait for this shard.
    pub(crate) _bytes: WaitingBytes,
}

/// Payload bytes that may wait for one shard; a publication beyond is refused and its client told to try again.
const WAITING_MAX: usize = 32 * 1024 * 1024;

/// Bytes of publications on their way to one shard.
#[derive(Default)]
pub(crate) struct Waiting(Arc<AtomicUsize>);

/// One publication's share; gives itself back when the publication is done with, or lost.
pub(crate) struct WaitingBytes {
    waiting: Arc<AtomicUsize>,
    bytes: usize,
}

impl Waiting {
    /// Takes a share, unless too much is waiting already.
    pub(crate) fn take(&self, bytes: usize) -> Option<WaitingBytes> {
        let before = self.0.fetch_add(bytes, Ordering::AcqRel);
        let share = WaitingBytes { waiting: Arc::clone(&self.0), bytes };
        (before + bytes <= WAITING_MAX).then_some(share)
    }
}

impl Drop for WaitingBytes {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// One subscription. Dropped while still armed (the shard died), it tells its client to subscribe again.
struct Subscriber {
    outbox: Outbox,
    channel: ChannelName,
    armed: bool,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        if self.armed {
            // The connection may have ended meanwhile.
            let _ = self.outbox.push(self.outbox.encoding().push(&Push::Unsubscribe {
                channel: self.channel.as_str(),
                code: UnsubscribeCode::InsufficientState,
            }));
        }
    }
}

#[derive(Default)]
pub(crate) struct ChannelShard {
    channels: Channels<Subscriber>,
}

impl Actor for ChannelShard {
    type Context = Context<Self>;
}

impl Handler<Join> for ChannelShard {
    type Result = ();

    fn handle(&mut self, message: Join, _: &mut Self::Context) {
        // Revoked between the command and now: what was cut gets nothing, not even a table entry.
        if !message.outbox.is_open() {
            return;
        }
        let _ = message.outbox.push(
            message
                .outbox
                .encoding()
                .reply(message.id, &Answer::Subscribe(Box::<SubscribeResult>::default())),
        );
        let subscriber = Subscriber { outbox: message.outbox, channel: message.channel.clone(), armed: true };
        if let Some(mut replaced) = self.channels.join(message.channel, message.connection, subscriber) {
            replaced.armed = false;
        }
    }
}

impl Handler<Leave> for ChannelShard {
    type Result = ();

    fn handle(&mut self, message: Leave, _: &mut Self::Context) {
        if let Some(mut subscriber) = self.channels.leave(&message.channel, message.connection) {
            subscriber.armed = false;
        }
        if let Some((outbox, id)) = message.answer {
            let _ = outbox.push(outbox.encoding().reply(id, &Answer::Unsubscribe));
        }
    }
}

impl Handler<Publish> for ChannelShard {
    type Result = ();

    fn handle(&mut self, message: Publish, _: &mut Self::Context) {
        // Nothing of a revoked connection is delivered, even if it was queued here before the cut.
        if !message.outbox.is_open() {
            return;
        }
        let publication = Publication {
            data: message.data,
            info: Some(Arc::new(ClientInfo {
                user: message.user,
                client: message.connection,
                conn_info: None,
                chan_info: None,
            })),
            offset: 0,
            tags: Vec::new(),
            time_ms: 0,
        };
        let push = Push::Publication {
            channel: message.channel.as_str(),
            publication: &publication,
            form: DataForm::Plain,
        };
        let frames = Encoding::ALL.map(|encoding| encoding.push(&push));
        let mut delivered = 0_u64;
        for subscriber in self.channels.subscribers(&message.channel) {
            // An ended connection is about to leave by itself.
            delivered += u64::from(
                subscriber.outbox.push(frames[subscriber.outbox.encoding() as usize].clone()).is_ok(),
            );
        }
        metrics::counter!("deliveries_total").increment(delivered);
        let _ = message.outbox.push(message.outbox.encoding().reply(message.id, &Answer::Publish));
    }
}

/// Kills the shard it is sent to, to prove what happens then.
#[cfg(test)]
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

#[cfg(test)]
impl Handler<Panic> for ChannelShard {
    type Result = ();

    #[expect(clippy::panic, reason = "dying is what it is for")]
    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("asked to die");
    }
}

/// Which shard owns a channel: stable within one process.
pub(crate) fn shard_of(channel: &ChannelName, shards: usize) -> usize {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    channel.as_str().hash(&mut hasher);
    usize::try_from(hasher.finish() % shards as u64).unwrap_or(0)
}

/// One shard: how it is reached, and what is on its way to it.
pub(crate) struct Shard {
    pub(crate) lane: Arc<super::supervise::Lane<ChannelShard>>,
    pub(crate) waiting: Waiting,
}
