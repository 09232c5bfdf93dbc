//! One channel in its shard: the members, the history, and the operations on both. The history is in memory or in the journal;
//! the code after a lookup in the history is the same for both.

pub(crate) mod durable;
pub(crate) mod durable_history;
pub(crate) mod idempotency;
pub(crate) mod publish;
pub(crate) mod recovery;

use std::{rc::Rc, sync::Arc, time::Instant};

use logic::{
    channel_members::Channel,
    erasure::Erasure,
    history::{PageBound, Recovery, Stream, epoch},
    namespace::{Options, RecoveryMode, Terms},
    timetable::Entry,
};
use protocol::{
    ClientInfo, ErrorCode, HistoryRequest, HistoryResult, Position, Push, SubscribeResult,
    channel_name::ChannelName, id::ConnectionId,
};

use self::{
    durable_history::{Durable, JournalAccess},
    idempotency::Keys,
    recovery::Found,
};
use crate::runtime::{
    channels::{
        events::{ChannelEvent, ChannelEventKind, ChannelEvents},
        fan_out::{Frames, Subscriber},
        join_request::{ChannelJoin, JoinReply},
        messages::What,
        reply::{Joining, Leaving, accept},
    },
    traffic::Traffic,
    wall_clock::WallClock,
};

/// A channel in memory: its members and its history.
pub(crate) struct Room {
    pub(crate) name: ChannelName,
    pub(crate) options: Arc<Options>,
    pub(crate) members: Channel<Subscriber>,
    pub(crate) source: Source,
    /// The time of publications.
    pub(crate) clock: WallClock,
    /// Where the room reports to other systems.
    pub(crate) events: ChannelEvents,
    /// Where the room counts its deliveries.
    pub(crate) traffic: Traffic,
    /// Idempotency keys of publications that are done or in progress.
    pub(crate) keys: Keys,
    /// The room's place in the order of eviction. It is set only while the room rests: the room has no members, and no request
    /// waits.
    pub(crate) resting: Option<u64>,
    /// The room's entry in the timetable, which says when [`Self::expire`] is called.
    pub(crate) due: Option<Entry>,
}

/// Where the history of a channel is kept.
pub(crate) enum Source {
    /// In memory, or not at all. Lookups succeed at once.
    Memory {
        /// The history, if there is one.
        stream: Option<Stream>,
    },
    /// In the journal. Lookups may have to wait for the journal.
    Durable(Box<Durable>),
}

impl Room {
    /// A room without members. `journal` gives access to the histories of durable channels; without it, every history is in
    /// memory.
    pub(crate) fn new(
        name: ChannelName,
        options: Arc<Options>,
        journal: Option<&Rc<JournalAccess>>,
        clock: WallClock,
    ) -> Self {
        let source = match journal {
            Some(access) if options.durable => {
                Source::Durable(Box::new(Durable::new(&options, Rc::clone(access))))
            }
            _ => Source::Memory { stream: None },
        };
        Self {
            name,
            options,
            members: Channel::default(),
            source,
            clock,
            events: ChannelEvents::default(),
            traffic: Traffic::default(),
            keys: Keys::default(),
            resting: None,
            due: None,
        }
    }

    /// Takes over changed options. Returns false if that is impossible: the history must move to another place, or has another
    /// kind of recovery. Then the shard drops the room, and the clients of its members subscribe again.
    pub(crate) fn adopt(&mut self, now: Instant, options: &Arc<Options>) -> bool {
        let kind = |of: &Options| (of.durable, of.keeps_history(), of.recovery_mode);
        if kind(&self.options) != kind(options) {
            return false;
        }
        self.options = Arc::clone(options);
        match &mut self.source {
            Source::Memory { stream: Some(stream) } => {
                stream.resize(now, options.history_size, options.history_ttl);
            }
            Source::Memory { stream: None } => {}
            Source::Durable(durable) => durable.adopt(options),
        }
        true
    }

    pub(crate) fn name(&self) -> &ChannelName {
        &self.name
    }

    /// Carries out a request: at once if the history is in memory, otherwise when the journal has answered.
    pub(crate) fn ask(&mut self, now: Instant, what: What) {
        let what = match what {
            What::Publish(publishment) => return self.publish(now, publishment),
            what => what,
        };
        if matches!(self.source, Source::Durable(_)) {
            return self.ask_journal(what);
        }
        match what {
            What::Join(joining) => {
                let terms = joining.join().map(|join| join.terms.clone()).unwrap_or_default();
                let found = self.find(now, &terms);
                self.join(joining, found);
            }
            What::Publish(_) => {}
            What::History(request, asker) => {
                let bound = if asker.is_command() { PageBound::CLIENT } else { PageBound::SERVER };
                asker.give(self.history(now, &request, bound));
            }
            What::Remove(sender) => {
                let position = self.stream().map(|stream| {
                    stream.remove();
                    stream.position()
                });
                drop(sender.send(position.ok_or(ErrorCode::NotAvailable)));
            }
        }
    }

    /// Replaces the publications in memory that the erasure covers. Their offsets stay. Returns their number.
    pub(crate) fn erase(&mut self, erasure: &Erasure) -> usize {
        match &mut self.source {
            Source::Memory { stream } => stream.as_mut().map_or(0, |stream| stream.erase(erasure)),
            Source::Durable(_) if erasure.leaves_durable_channels() => 0,
            Source::Durable(durable) => durable.erase(erasure),
        }
    }

    /// The history in memory, which is created on first use. `None` if the channel keeps no history in memory.
    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        let Source::Memory { stream } = &mut self.source else { return None };
        if stream.is_none() && self.options.keeps_history() {
            *stream = Some(Stream::new(new_epoch(), self.options.history_size, self.options.history_ttl));
        }
        stream.as_mut()
    }

    fn find(&mut self, now: Instant, terms: &Terms) -> Found {
        let mode = self.options.recovery_mode;
        let Some(stream) = self.stream().filter(|_| terms.positioned || terms.recoverable) else {
            return Found::default();
        };
        let recovery = terms.recover.as_ref().map(|since| stream.recover(now, since, mode));
        Found { top: Some(stream.position()), recovery }
    }

    fn history(
        &mut self,
        now: Instant,
        request: &HistoryRequest,
        bound: PageBound,
    ) -> Result<HistoryResult, ErrorCode> {
        let stream = self.stream().ok_or(ErrorCode::NotAvailable)?;
        let publications = stream.history(now, request, bound)?;
        Ok(HistoryResult { publications, position: stream.position() })
    }

    /// Makes a subscription. `found` is what the history has for the subscription. The new subscriber is answered first; then
    /// the join is announced to the members.
    pub(crate) fn join(&mut self, joining: Joining, mut found: Found) {
        let limit = self.options.max_subscribers;
        let Some(join) = joining.join() else { return };
        if limit > 0 && self.members.len() >= limit && !self.members.has(join.info.client) {
            return joining.fail(ErrorCode::LimitExceeded);
        }
        let _space = found.reserve(join);
        let lost = found.recovery.as_ref().is_some_and(|recovery| !recovery.recovered);
        if lost && join.terms.must_recover {
            return joining.fail(ErrorCode::UnrecoverablePosition);
        }
        let Some(ChannelJoin { channel, number, outbox, info, terms, lifetime, data, reply }) =
            joining.take()
        else {
            return;
        };
        let result = SubscribeResult { lifetime, data, ..self.result(&terms, found) };
        let base = result.publications.last().cloned();
        let server_side = !matches!(reply, JoinReply::Command(_));
        accept(&channel, number, &outbox, reply, result);
        let subscriber = Subscriber::new(outbox, channel, number, server_side);
        let was_vacant = self.members.is_empty();
        let replaced = self.members.join(Arc::clone(&info), &terms, base, subscriber);
        match replaced {
            Some(member) => member.via.disarm(),
            None if terms.announce => {
                self.announce(&Push::Join { channel: self.name.as_str(), info: &info });
            }
            None => {}
        }
        if was_vacant {
            self.report(ChannelEventKind::Occupied, None);
        }
    }

    /// Reports to other systems that want them.
    pub(crate) fn report(&self, kind: ChannelEventKind, position: Option<Position>) {
        if self.events.wants(kind) {
            let (channel, at_ms) = (self.name.clone(), self.clock.now_ms());
            self.events.push(ChannelEvent { kind, channel, position, at_ms });
        }
    }

    fn result(&self, terms: &Terms, found: Found) -> SubscribeResult {
        let (recovery, was_recovering) = match found.recovery {
            Some(recovery) => (recovery, true),
            None => (Recovery { recovered: false, publications: Vec::new(), offset: 0 }, false),
        };
        // In stream mode, the answer to a recovery has the client's own position, or the newest position if the recovery
        // failed. In cache mode, the answer has the newest position, because only the newest publication is sent.
        let before = was_recovering && self.options.recovery_mode == RecoveryMode::Stream;
        let position =
            found.top.map(|top| if before { Position { offset: recovery.offset, ..top } } else { top });
        SubscribeResult {
            position,
            recoverable: terms.recoverable,
            positioned: terms.positioned,
            was_recovering,
            recovered: recovery.recovered,
            publications: recovery.publications,
            delta: terms.delta,
            ..SubscribeResult::default()
        }
    }

    /// Sends a join or leave to the members that receive them.
    pub(crate) fn announce(&self, push: &Push<'_>) {
        let mut frames = Frames::new();
        for subscriber in self.members.receivers_of_joins() {
            let encoding = subscriber.encoding();
            subscriber.push(frames.get(encoding, || encoding.push(push)));
        }
    }

    /// Removes a member, and drops `leaving`, which informs the client. Then the leave is announced.
    pub(crate) fn leave(&mut self, connection: ConnectionId, leaving: Option<Leaving>) {
        let Some(member) = self.members.leave(connection) else { return };
        drop(leaving);
        if let Some(info) = member.announced() {
            self.announce(&Push::Leave { channel: self.name.as_str(), info });
        }
        member.via.disarm();
        if self.members.is_empty() {
            self.report(ChannelEventKind::Vacated, None);
        }
    }

    /// Replaces the visible info of a subscriber, even of one that is still joining.
    pub(crate) fn show(&mut self, info: &Arc<ClientInfo>) {
        if !self.members.show(info) {
            self.show_joining(info);
        }
    }

    /// When [`Self::expire`] will have something to do; `None` if nothing will expire.
    pub(crate) fn next_expiry(&self, now: Instant) -> Option<Instant> {
        let history = match &self.source {
            Source::Memory { stream } => stream.as_ref().and_then(Stream::next_expiry),
            Source::Durable(durable) => {
                let left = durable.next_tick(self.clock.now_ms(), !self.members.is_empty());
                left.and_then(|left| now.checked_add(left))
            }
        };
        [history, self.keys.next_expiry()].into_iter().flatten().min()
    }

    /// Removes expired publications and keys. Members are not looked at, because each connection ends its own membership.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.keys.expire(now);
        match &mut self.source {
            Source::Memory { stream } => {
                if let Some(stream) = stream {
                    stream.expire(now);
                }
            }
            Source::Durable(_) => self.tick_journal(),
        }
    }

    /// Whether the room can be removed. It must have no members and no idempotency keys. It must also have no history in memory
    /// or, as a durable channel, must have been unused for a while.
    pub(crate) fn is_void(&self) -> bool {
        let nothing = match &self.source {
            Source::Memory { stream } => stream.is_none(),
            Source::Durable(durable) => durable.is_quiet(),
        };
        nothing && self.members.is_empty() && self.keys.is_empty()
    }

    /// Whether the history of this room is idle: no request waits for it, and no call to the journal is under way.
    pub(crate) fn is_idle(&self) -> bool {
        match &self.source {
            Source::Memory { .. } => true,
            Source::Durable(durable) => durable.is_idle(),
        }
    }

    /// The size of the history in memory and of the idempotency keys, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let history = match &self.source {
            Source::Memory { stream } => stream.as_ref().map_or(0, Stream::bytes),
            Source::Durable(durable) => durable.bytes(),
        };
        history + self.keys.bytes()
    }

    /// Drops the older half of the history in memory and of the keys, because the histories exceed their bound.
    pub(crate) fn halve(&mut self) {
        self.keys.halve();
        match &mut self.source {
            Source::Memory { stream: Some(stream) } => stream.halve(),
            Source::Memory { stream: None } => {}
            Source::Durable(durable) => durable.halve(),
        }
    }
}

fn new_epoch() -> Arc<str> {
    let random = uuid::Uuid::new_v4();
    let (front, back) = (random.as_bytes(), random.as_bytes());
    // Bytes 6 and 8 are not used: they contain the UUID's version and variant.
    epoch([front[0], front[1], front[2], front[3], back[12], back[13], back[14], back[15]])
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "fan_out_tests.rs"]
mod fan_out_tests;
