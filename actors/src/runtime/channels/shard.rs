//! The `ChannelShard` actor: the members and histories of its share of the channels, and the fan-out to the members.
//!
//! The shard owns its rooms. Connections and the server API send it messages through `Realtime`, over one bounded lane. The
//! shard pushes its answers directly into the outbox of the requesting connection, so a subscribe reply always precedes the
//! channel's first push. When the shard fails, its subscribers are dropped, and each drop informs its client that it must
//! subscribe again. The new shard starts empty, and its histories in memory have new epochs.
//!
//! The shard must not await, and must not allocate memory per recipient. Calls to the journal run as tasks of their own.

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
    events::{ChannelEventKind, ChannelEvents},
    fan_out::Subscriber,
    messages::{Ask, CountPresence, Erase, Leave, ListChannels, ListMembers, Presence, Reread, Show},
    room::{
        Room, Source,
        durable_history::{Answered, JournalAccess},
    },
};
use crate::runtime::{
    byte_budget::Waiting, connection::delivery_gate::DeliveryGate, live::Live, ports::Journal,
    traffic::Traffic, wall_clock::WallClock,
};

/// The interval between two removals of expired publications and idempotency keys.
const SWEEP: Duration = Duration::from_secs(5);
/// The largest number of payload bytes that wait for one shard. A publication that would exceed this number is rejected with a
/// temporary error, so that its client tries again.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The bytes of one member in an answer to `presence`, without the name of the user and the payloads.
const MEMBER_BYTES: usize = 160;

/// The settings of every shard.
#[derive(Clone)]
pub(crate) struct ShardSettings {
    pub(crate) live: Live,
    /// The store of the histories of durable channels.
    pub(crate) journal: Arc<dyn Journal>,
    /// The time of publications.
    pub(crate) clock: WallClock,
    /// Where rooms report to other systems.
    pub(crate) events: ChannelEvents,
    /// Where deliveries are counted.
    pub(crate) traffic: Traffic,
    /// The gate that is consulted before each delivery.
    pub(crate) gate: Arc<DeliveryGate>,
    /// The largest number of resting rooms of a shard: rooms without members that are kept in memory.
    pub(crate) resting: usize,
    /// The largest size of all histories of a shard, in bytes.
    pub(crate) history_bytes: usize,
}

pub(crate) struct ChannelShard {
    settings: Arc<ShardSettings>,
    /// The namespaces that give the rooms their options.
    namespaces: Arc<Namespaces>,
    rooms: HashMap<ChannelName, Room>,
    /// The largest size of `rooms`. When most rooms are removed, the memory of the map is freed.
    peak: PeakSize,
    /// The resting rooms (without members), the least recently used first.
    resting: BTreeMap<u64, ChannelName>,
    next_rest: u64,
    /// The size of all histories in memory, including idempotency keys.
    bytes: usize,
    /// Histories are halved if the size of all of them exceeds this, and also exceeds the bound (`history_bytes`). Each halving
    /// sets this value above the remaining size, so that halvings are rare even if they free too little. Each sweep sets it to
    /// 0.
    halve_at: usize,
    /// When something in a room expires. The timetable has only rooms in which something expires.
    timetable: Timetable<ChannelName>,
    /// Access to the journal; set when the actor starts.
    journal: Option<Rc<JournalAccess>>,
}

impl ChannelShard {
    pub(crate) fn new(settings: Arc<ShardSettings>) -> Self {
        Self {
            namespaces: Arc::clone(settings.live.load().namespaces()),
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

    /// Calls `act` with the room of the channel. If the room is missing, it is created. Then updates the size of all histories,
    /// the list of resting rooms and the timetable.
    fn with_room(&mut self, channel: &ChannelName, act: impl FnOnce(&mut Room)) -> Result<(), ErrorCode> {
        self.settings.gate.close_if_due(now());
        self.take_namespaces();
        let room = match self.rooms.entry(channel.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let options = Arc::clone(self.namespaces.options(channel)?);
                let clock = self.settings.clock.clone();
                let room = entry.insert(Room::new(channel.clone(), options, self.journal.as_ref(), clock));
                room.events = self.settings.events.clone();
                room.traffic = self.settings.traffic.clone();
                room
            }
        };
        let before = room.bytes();
        act(room);
        self.bytes = (self.bytes + room.bytes()).saturating_sub(before);
        self.peak.note(&self.rooms);
        self.update_lists(channel);
        Ok(())
    }

    /// Gives each room the options that apply since the last reload. A room that cannot take them over is removed, and the
    /// clients of its members subscribe again. Rooms of a namespace that is gone keep their options, until their members leave.
    fn take_namespaces(&mut self) {
        let live = self.settings.live.load();
        if Arc::ptr_eq(&self.namespaces, live.namespaces()) {
            return;
        }
        self.namespaces = Arc::clone(live.namespaces());
        let changed = |(name, room): (&ChannelName, &Room)| {
            let options = self.namespaces.options(name).ok()?;
            (**options != *room.options).then(|| (name.clone(), Arc::clone(options)))
        };
        let changed: Vec<_> = self.rooms.iter().filter_map(changed).collect();
        for (channel, options) in changed {
            let Some(room) = self.rooms.get_mut(&channel) else { continue };
            let before = room.bytes();
            if room.adopt(now(), &options) {
                self.bytes = (self.bytes + room.bytes()).saturating_sub(before);
                self.update_lists(&channel);
            } else {
                self.remove(&channel);
            }
        }
    }

    /// Brings the lists up to date after a change of the room. Removes a void room. Enters another room in the timetable, and
    /// in the list of resting rooms if it has no members and no waiting requests. Then enforces the bounds.
    fn update_lists(&mut self, channel: &ChannelName) {
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

    /// Enters the room in the timetable if something in it will expire.
    fn schedule(&mut self, channel: &ChannelName) {
        let now = now();
        if let Some(room) = self.rooms.get_mut(channel)
            && let Some(at) = room.next_expiry(now)
        {
            room.due = Some(self.timetable.enter(room.due, at, || channel.clone()));
        }
    }

    /// Removes a room, also from the lists.
    fn remove(&mut self, channel: &ChannelName) {
        let Some(room) = self.rooms.remove(channel) else { return };
        if !room.members.is_empty() {
            room.report(ChannelEventKind::Vacated, None);
        }
        self.bytes = self.bytes.saturating_sub(room.bytes());
        if let Some(place) = room.resting {
            self.resting.remove(&place);
        }
        if let Some(entry) = room.due {
            self.timetable.remove(entry);
        }
        self.peak.release_spare(&mut self.rooms);
    }

    /// Evicts the least recently used resting rooms until the bounds are kept. If the histories are still too large, halves the
    /// largest ones.
    fn bound(&mut self) {
        while self.resting.len() > self.settings.resting || self.bytes > self.settings.history_bytes {
            let Some((_, evicted)) = self.resting.pop_first() else { break };
            self.remove(&evicted);
        }
        if self.bytes > self.settings.history_bytes.max(self.halve_at) {
            self.halve_largest();
        }
    }

    /// Halves the largest histories until an eighth of the bound is free, so that the search for the largest histories is rare.
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
            // A room is not tried again if nothing was freed in it.
            if freed > 0 {
                largest.push((room.bytes(), name));
            }
        }
        self.halve_at = self.bytes + self.settings.history_bytes / 8;
    }

    /// Removes expired publications and idempotency keys. Looks only at rooms in which something expires.
    fn sweep(&mut self, now: Instant) {
        self.take_namespaces();
        for channel in self.timetable.take_due(now) {
            let Some(room) = self.rooms.get_mut(&channel) else { continue };
            let (before, occupied) = (room.bytes(), !room.members.is_empty());
            room.due = None;
            room.expire(now);
            self.bytes = (self.bytes + room.bytes()).saturating_sub(before);
            if room.is_void() {
                self.remove(&channel);
            } else if occupied && room.members.is_empty() {
                self.update_lists(&channel);
            } else {
                // A resting room keeps its place in the order of eviction.
                self.schedule(&channel);
            }
        }
        self.halve_at = 0;
    }
}

impl Actor for ChannelShard {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.journal = Some(Rc::new(JournalAccess::new(
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
        // If the namespace is unknown, the request is dropped. The drop answers the requester.
        let _ = self.with_room(&channel, |room| room.ask(now(), what));
    }
}

impl Handler<Leave> for ChannelShard {
    type Result = ();

    fn handle(&mut self, Leave { channel, connection, leaving }: Leave, _: &mut Self::Context) {
        let Some(room) = self.rooms.get_mut(&channel) else { return };
        room.leave_in_turn(connection, leaving);
        self.update_lists(&channel);
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
        // An answer above this bound would not fit into the connection's outbox. If there are too many members, no member is
        // looked at.
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

impl Handler<ListMembers> for ChannelShard {
    type Result = ();

    fn handle(&mut self, ListMembers { channel, answer }: ListMembers, _: &mut Self::Context) {
        let members = self.rooms.get(&channel).map(|room| room.members.all().cloned().collect());
        let _ = answer.send(Ok(members.unwrap_or_default()));
    }
}

impl Handler<Erase> for ChannelShard {
    type Result = ();

    /// Looks at each publication once. Erasures are rare, and each node gathers the erased persons of half a minute.
    fn handle(&mut self, Erase { channel, erasure, answer }: Erase, _: &mut Self::Context) {
        let mut erased = 0;
        let only = channel.as_ref();
        for (_, room) in self.rooms.iter_mut().filter(|(name, _)| only.is_none_or(|only| *name == only)) {
            let before = room.bytes();
            erased += room.erase(&erasure) as u64;
            self.bytes = (self.bytes + room.bytes()).saturating_sub(before);
        }
        let _ = answer.send(erased);
    }
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

impl Handler<Reread> for ChannelShard {
    type Result = ();

    fn handle(&mut self, Reread(channels): Reread, _: &mut Self::Context) {
        let is_meant =
            |name: &&ChannelName| channels.as_ref().is_none_or(|channels| channels.contains(*name));
        let meant: Vec<_> = self.rooms.keys().filter(is_meant).cloned().collect();
        for channel in meant {
            let _ = self.with_room(&channel, |room| {
                if let Source::Durable(durable) = &mut room.source {
                    durable.reread();
                    room.proceed();
                }
            });
        }
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

/// Makes the shard panic, for tests.
#[cfg(test)]
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

#[cfg(test)]
impl Handler<Panic> for ChannelShard {
    type Result = ();

    #[expect(clippy::panic, reason = "the message exists to kill the shard")]
    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("a test stops this shard");
    }
}

/// Blocks the shard until the sender of this receiver is dropped, so that a test controls which messages wait in the mailbox.
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

/// The number of the shard that owns a channel. It does not change within one process, but differs between processes, so
/// clients cannot choose names that all belong to one shard.
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
