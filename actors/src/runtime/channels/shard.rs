//! The `ChannelShard` actor: the members and histories of its share of the channels, and the fan-out to them.
//!
//! The shard owns its rooms. Connections and the server API send to it through `Realtime`, over one bounded lane. The
//! shard pushes its answers directly into the outbox of the requesting connection, so a subscribe reply always
//! precedes the channel's first push. When the shard dies, its subscribers are dropped, and each drop informs its
//! client that it must subscribe again. The new shard starts empty, and its histories have new epochs.
//!
//! It must not await, call the database, or allocate memory per recipient.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, Handler};
use logic::{history::PAGE_BYTES, namespace::Namespaces};
use protocol::{ClientInfo, ErrorCode, channel_name::ChannelName};

use super::{
    byte_budget::Waiting,
    clock::now,
    fan_out::Subscriber,
    messages::{Ask, CountPresence, Leave, ListChannels, Presence, Show},
    room::{
        Room, Source,
        durable_history::{Answered, Caller},
    },
};
use crate::runtime::ports::Journal;

/// The interval between two searches for expired publications and ended members.
const SWEEP: Duration = Duration::from_secs(5);

/// The settings of every shard.
#[derive(Clone)]
pub(crate) struct ShardSettings {
    pub(crate) namespaces: Arc<Namespaces>,
    /// The store of the histories of durable channels.
    pub(crate) journal: Arc<dyn Journal>,
    /// How many channels without members keep their histories.
    pub(crate) resting: usize,
    /// Bytes of all histories.
    pub(crate) history_bytes: usize,
}

pub(crate) struct ChannelShard {
    settings: Arc<ShardSettings>,
    rooms: HashMap<ChannelName, Room>,
    /// Rooms without members, the least recently used first.
    resting: BTreeMap<u64, ChannelName>,
    next_rest: u64,
    bytes: usize,
    /// Access to the journal; set when the actor starts.
    journal: Option<Rc<Caller>>,
}

impl ChannelShard {
    pub(crate) fn new(settings: Arc<ShardSettings>) -> Self {
        Self {
            settings,
            rooms: HashMap::new(),
            resting: BTreeMap::new(),
            next_rest: 0,
            bytes: 0,
            journal: None,
        }
    }

    /// Calls `act` with the room of the channel, which is created if it is missing. Then it updates the size of all
    /// histories and the list of resting rooms.
    fn with_room(&mut self, channel: &ChannelName, act: impl FnOnce(&mut Room)) -> Result<(), ErrorCode> {
        let room = match self.rooms.entry(channel.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let options = Arc::clone(self.settings.namespaces.options(channel)?);
                entry.insert(Room::new(channel.clone(), options, self.journal.as_ref()))
            }
        };
        let before = room.bytes();
        act(room);
        self.bytes = (self.bytes + room.bytes()).saturating_sub(before);
        self.settle(channel);
        Ok(())
    }

    /// Puts a room without members on the list of resting rooms, or removes it if it is void.
    fn settle(&mut self, channel: &ChannelName) {
        let Some(room) = self.rooms.get_mut(channel) else { return };
        if let Some(place) = room.resting.take() {
            self.resting.remove(&place);
        }
        if room.is_void() {
            self.rooms.remove(channel);
        } else if room.members.is_empty() && room.is_idle() {
            room.resting = Some(self.next_rest);
            self.resting.insert(self.next_rest, channel.clone());
            self.next_rest += 1;
        }
        self.bound(channel);
    }

    /// Evicts the least recently used rooms until the bounds hold. If the histories are still too large, halves this
    /// one.
    fn bound(&mut self, channel: &ChannelName) {
        while self.resting.len() > self.settings.resting || self.bytes > self.settings.history_bytes {
            let Some((_, forgotten)) = self.resting.pop_first() else { break };
            if let Some(room) = self.rooms.remove(&forgotten) {
                self.bytes = self.bytes.saturating_sub(room.bytes());
            }
        }
        if self.bytes > self.settings.history_bytes
            && let Some(room) = self.rooms.get_mut(channel)
        {
            let before = room.bytes();
            room.halve();
            self.bytes = self.bytes.saturating_sub(before - room.bytes());
        }
    }

    fn sweep(&mut self, now: Instant) {
        let mut emptied = Vec::new();
        self.rooms.retain(|name, room| {
            let occupied = !room.members.is_empty();
            room.expire(now);
            let kept = !room.is_void();
            if kept && occupied && room.members.is_empty() {
                emptied.push(name.clone());
            }
            if let Some(place) = room.resting.filter(|_| !kept) {
                self.resting.remove(&place);
            }
            kept
        });
        self.bytes = self.rooms.values().map(Room::bytes).sum();
        emptied.iter().for_each(|channel| self.settle(channel));
    }
}

impl Actor for ChannelShard {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.journal = Some(Rc::new(Caller::new(
            Arc::clone(&self.settings.journal),
            ctx.address().recipient().downgrade(),
        )));
        ctx.run_interval(SWEEP, |shard, _| shard.sweep(now()));
    }
}

impl Handler<Ask> for ChannelShard {
    type Result = ();

    fn handle(&mut self, Ask { channel, what }: Ask, _: &mut Self::Context) {
        if !what.is_wanted() {
            return what.forget();
        }
        // If the namespace is unknown, the request is dropped, and its drop answers it.
        let _ = self.with_room(&channel, |room| room.ask(now(), what));
    }
}

impl Handler<Leave> for ChannelShard {
    type Result = ();

    fn handle(&mut self, Leave { channel, connection, leaving }: Leave, _: &mut Self::Context) {
        let Some(room) = self.rooms.get_mut(&channel) else { return };
        room.forget_joining(connection);
        room.leave(connection, Some(leaving));
        self.settle(&channel);
    }
}

impl Handler<Show> for ChannelShard {
    type Result = ();

    fn handle(&mut self, Show { channel, info }: Show, _: &mut Self::Context) {
        if let Some(room) = self.rooms.get_mut(&channel) {
            room.show(&info);
        }
    }
}

impl Handler<Presence> for ChannelShard {
    type Result = ();

    fn handle(&mut self, Presence { channel, asker }: Presence, _: &mut Self::Context) {
        let room = self.rooms.get(&channel);
        let members: Vec<Arc<ClientInfo>> = room
            .map(|room| room.members.presence(Subscriber::is_open).cloned().collect())
            .unwrap_or_default();
        // A larger answer would not fit into the connection's queue.
        let weight = |info: &Arc<ClientInfo>| {
            let payloads = [&info.conn_info, &info.chan_info].into_iter().flatten();
            160 + info.user.as_str().len() + payloads.map(|payload| payload.as_bytes().len()).sum::<usize>()
        };
        let too_much = asker.is_command() && members.iter().map(weight).sum::<usize>() > PAGE_BYTES;
        asker.give(if too_much { Err(ErrorCode::LimitExceeded) } else { Ok(members) });
    }
}

impl Handler<CountPresence> for ChannelShard {
    type Result = ();

    fn handle(&mut self, CountPresence { channel, asker }: CountPresence, _: &mut Self::Context) {
        let room = self.rooms.get(&channel);
        let stats = room.map(|room| room.members.presence_stats(Subscriber::is_open));
        asker.give(Ok(stats.unwrap_or_default()));
    }
}

impl Handler<ListChannels> for ChannelShard {
    type Result = ();

    fn handle(&mut self, ListChannels(sender): ListChannels, _: &mut Self::Context) {
        let occupied = self.rooms.iter().filter(|(_, room)| !room.members.is_empty());
        drop(sender.send(occupied.map(|(name, room)| (name.clone(), room.members.len())).collect()));
    }
}

impl Handler<Answered> for ChannelShard {
    type Result = ();

    fn handle(&mut self, Answered { channel, number, answer }: Answered, _: &mut Self::Context) {
        // A room that was evicted meanwhile is not created again for this answer.
        if !self.rooms.contains_key(&channel) {
            return;
        }
        let _ = self.with_room(&channel, |room| {
            if let Source::Durable(durable) = &mut room.source {
                durable.answered(number, answer);
            }
            room.proceed();
        });
    }
}

/// Kills the shard, to test what happens then.
#[cfg(test)]
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

#[cfg(test)]
impl Handler<Panic> for ChannelShard {
    type Result = ();

    #[expect(clippy::panic, reason = "the message exists to kill the shard")]
    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("asked to die");
    }
}

/// Blocks the shard until the sender of the channel is dropped, so that a test controls which messages wait in the
/// mailbox.
#[cfg(test)]
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Hold(pub(crate) std::sync::mpsc::Receiver<()>);

#[cfg(test)]
impl Handler<Hold> for ChannelShard {
    type Result = ();

    fn handle(&mut self, Hold(released): Hold, _: &mut Self::Context) {
        let _ = released.recv();
    }
}

/// The number of the shard that owns a channel. It is stable within one process.
pub(crate) fn shard_of(channel: &ChannelName, shards: usize) -> usize {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    channel.as_str().hash(&mut hasher);
    usize::try_from(hasher.finish() % shards as u64).unwrap_or(0)
}

/// One shard: its lane, and the bytes that wait in it.
pub(crate) struct Shard {
    pub(crate) lane: Arc<crate::runtime::supervision::Lane<ChannelShard>>,
    pub(crate) waiting: Waiting,
}
