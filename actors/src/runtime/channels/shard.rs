//! The `ChannelShard` actor: the members and histories of its share of the channels, and the fan-out to the members.
//!
//! The shard owns its rooms. Connections and the server API send to it through `Realtime`, over one bounded lane. The
//! shard pushes its answers directly into the outbox of the requesting connection, so a subscribe reply always
//! precedes the channel's first push. When the shard dies, its subscribers are dropped, and each drop informs its
//! client that it must subscribe again. The new shard starts empty, and its histories have new epochs.
//!
//! It must not await, call the database, or allocate memory per recipient.

use std::{
    collections::{BTreeMap, BinaryHeap, HashMap, hash_map::Entry},
    hash::{BuildHasher as _, RandomState},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, Handler};
use logic::{history::PAGE_BYTES, namespace::Namespaces, spare_capacity::PeakSize, timetable::Timetable};
use protocol::{ClientInfo, ErrorCode, Payload, channel_name::ChannelName};

use super::{
    clock::now,
    fan_out::Subscriber,
    messages::{Ask, CountPresence, Leave, ListChannels, Presence, Show},
    room::{
        Room, Source,
        durable_history::{Answered, Caller},
    },
};
use crate::runtime::{byte_budget::Waiting, connection::delivery_gate::DeliveryGate, ports::Journal};

/// The interval at which expired publications and idempotency keys are removed.
const SWEEP: Duration = Duration::from_secs(5);
/// Payload bytes that may wait for one shard. A publication that exceeds them is rejected with a temporary error, so
/// that its client retries.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a member in an answer to `presence`, in addition to the name of the user and the payloads.
const MEMBER_BYTES: usize = 160;

/// The settings of every shard.
#[derive(Clone)]
pub(crate) struct ShardSettings {
    pub(crate) namespaces: Arc<Namespaces>,
    /// The store of the histories of durable channels.
    pub(crate) journal: Arc<dyn Journal>,
    /// The gate that is consulted before each delivery.
    pub(crate) gate: Arc<DeliveryGate>,
    /// How many channels without members keep their histories.
    pub(crate) resting: usize,
    /// Bytes of all histories.
    pub(crate) history_bytes: usize,
}

pub(crate) struct ChannelShard {
    settings: Arc<ShardSettings>,
    rooms: HashMap<ChannelName, Room>,
    peak: PeakSize,
    /// Rooms without members, the least recently used first.
    resting: BTreeMap<u64, ChannelName>,
    next_rest: u64,
    bytes: usize,
    /// The size above which histories are halved again. Each search sets it higher, so that searches are rare.
    halve_at: usize,
    /// When something of a room expires. Rooms of which nothing expires are not in it.
    timetable: Timetable<ChannelName>,
    /// Access to the journal; set when the actor starts.
    journal: Option<Rc<Caller>>,
}

impl ChannelShard {
    pub(crate) fn new(settings: Arc<ShardSettings>) -> Self {
        Self {
            settings,
            rooms: HashMap::new(),
            peak: PeakSize::default(),
            resting: BTreeMap::new(),
            next_rest: 0,
            bytes: 0,
            halve_at: 0,
            timetable: Timetable::new(now(), SWEEP),
            journal: None,
        }
    }

    /// Calls `act` with the room of the channel, which is created if it is missing. Then it updates the size of all
    /// histories and the list of resting rooms.
    fn with_room(&mut self, channel: &ChannelName, act: impl FnOnce(&mut Room)) -> Result<(), ErrorCode> {
        self.settings.gate.close_if_due(now());
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
        self.peak.note(&self.rooms);
        self.settle(channel);
        Ok(())
    }

    /// Puts a room without members on the list of resting rooms, or removes it if it is void. Notes when it is due.
    fn settle(&mut self, channel: &ChannelName) {
        let Some(room) = self.rooms.get_mut(channel) else { return };
        if let Some(place) = room.resting.take() {
            self.resting.remove(&place);
        }
        if room.is_void() {
            self.remove(channel);
        } else {
            if room.members.is_empty() && room.is_idle() {
                room.resting = Some(self.next_rest);
                self.resting.insert(self.next_rest, channel.clone());
                self.next_rest += 1;
            }
            self.schedule(channel);
        }
        self.bound();
    }

    /// Enters the room in the timetable if something of it will expire.
    fn schedule(&mut self, channel: &ChannelName) {
        let now = now();
        if let Some(room) = self.rooms.get_mut(channel)
            && let Some(at) = room.next_expiry(now)
        {
            room.due = Some(self.timetable.enter(room.due, at, || channel.clone()));
        }
    }

    /// Removes a room, with its places in the lists.
    fn remove(&mut self, channel: &ChannelName) {
        let Some(room) = self.rooms.remove(channel) else { return };
        self.bytes = self.bytes.saturating_sub(room.bytes());
        if let Some(place) = room.resting {
            self.resting.remove(&place);
        }
        if let Some(entry) = room.due {
            self.timetable.remove(entry);
        }
        self.peak.release_spare(&mut self.rooms);
    }

    /// Evicts the least recently used rooms until the bounds hold. If the histories are still too large, halves the largest
    /// ones.
    fn bound(&mut self) {
        while self.resting.len() > self.settings.resting || self.bytes > self.settings.history_bytes {
            let Some((_, forgotten)) = self.resting.pop_first() else { break };
            self.remove(&forgotten);
        }
        if self.bytes > self.settings.history_bytes.max(self.halve_at) {
            self.halve_largest();
        }
    }

    /// Halves the largest histories until an eighth of the bound is free, so that the search for them is rare.
    fn halve_largest(&mut self) {
        let enough = self.settings.history_bytes / 8 * 7;
        let sizes = self.rooms.iter().map(|(name, room)| (room.bytes(), name.clone()));
        let mut largest: BinaryHeap<_> = sizes.filter(|(bytes, _)| *bytes > 0).collect();
        while self.bytes > enough
            && let Some((before, name)) = largest.pop()
            && let Some(room) = self.rooms.get_mut(&name)
        {
            room.halve();
            let freed = before.saturating_sub(room.bytes());
            self.bytes = self.bytes.saturating_sub(freed);
            // A history that cannot be halved keeps its last publication.
            if freed > 0 {
                largest.push((room.bytes(), name));
            }
        }
        self.halve_at = self.bytes + self.settings.history_bytes / 8;
    }

    /// Removes what has expired. Costs as much as there is to do: rooms of which nothing expires are not looked at.
    fn sweep(&mut self, now: Instant) {
        for channel in self.timetable.take_due(now) {
            let Some(room) = self.rooms.get_mut(&channel) else { continue };
            let (before, occupied) = (room.bytes(), !room.members.is_empty());
            room.due = None;
            room.expire(now);
            self.bytes = (self.bytes + room.bytes()).saturating_sub(before);
            if room.is_void() {
                self.remove(&channel);
            } else if occupied && room.members.is_empty() {
                self.settle(&channel);
            } else {
                // A room that rests keeps its place in the order of eviction.
                self.schedule(&channel);
            }
        }
        self.halve_at = 0;
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
        room.leave_in_turn(connection, leaving);
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
        // A larger answer would not fit into the connection's queue. If the number of members is too large, none is visited.
        let bound = if asker.is_command() { PAGE_BYTES } else { usize::MAX };
        let members = match self.rooms.get(&channel) {
            Some(room) if room.members.presence_stats().clients as usize > bound / MEMBER_BYTES => None,
            Some(room) => within(room.members.presence(Subscriber::is_open), bound),
            None => Some(Vec::new()),
        };
        asker.give(members.ok_or(ErrorCode::LimitExceeded));
    }
}

/// The members, if their descriptions have at most `bound` bytes.
fn within<'m>(
    members: impl Iterator<Item = &'m Arc<ClientInfo>>,
    bound: usize,
) -> Option<Vec<Arc<ClientInfo>>> {
    let weight = |info: &ClientInfo| {
        let payloads = [&info.conn_info, &info.chan_info].into_iter().flatten();
        let payloads: usize = payloads.map(Payload::sent_bytes).sum();
        MEMBER_BYTES + info.user.as_str().len() + payloads
    };
    let mut left = bound;
    let counted = members.map(|info| {
        left = left.checked_sub(weight(info))?;
        Some(Arc::clone(info))
    });
    counted.collect()
}

impl Handler<CountPresence> for ChannelShard {
    type Result = ();

    fn handle(&mut self, CountPresence { channel, asker }: CountPresence, _: &mut Self::Context) {
        let room = self.rooms.get(&channel);
        let stats = room.map(|room| room.members.presence_stats());
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

/// The number of the shard that owns a channel. It is stable within one process and differs between processes, so names cannot
/// be chosen to fall onto one shard.
pub(crate) fn shard_of(channel: &ChannelName, shards: usize, hashes: &RandomState) -> usize {
    usize::try_from(hashes.hash_one(channel.as_str()) % shards as u64).unwrap_or(0)
}

/// One shard: its lane, and the bytes that wait in it.
pub(crate) struct Shard {
    pub(crate) lane: Arc<crate::runtime::supervision::Lane<ChannelShard>>,
    pub(crate) waiting: Waiting,
}

#[cfg(test)]
#[path = "shard_tests.rs"]
mod tests;
