//! The reports of channels to other systems: a channel becomes occupied or vacant, and publications.
//!
//! The shards report, and the server takes the reports with [`Realtime::channel_events`](crate::Realtime::channel_events). While
//! no one wants a kind of report, a shard only reads one flag. The queue is bounded: when it is full, new reports are dropped and
//! counted, because a shard never waits.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use parking_lot::Mutex;
use protocol::{Position, channel_name::ChannelName};

/// The most reports that wait.
const WAITING_MAX: usize = 10_000;

/// What a channel reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelEventKind {
    /// The channel has its first subscriber on this node.
    Occupied,
    /// The channel has no subscriber on this node any more.
    Vacated,
    /// A publication was accepted.
    Published,
}

impl ChannelEventKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Occupied, Self::Vacated, Self::Published];

    /// The type of the event that other systems get.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Occupied => "channel.occupied",
            Self::Vacated => "channel.vacated",
            Self::Published => "channel.published",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelEvent {
    /// What happened.
    pub kind: ChannelEventKind,
    /// The channel.
    pub channel: ChannelName,
    /// The position of the publication, if the channel has positions.
    pub position: Option<Position>,
    /// When it happened, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// The queue of reports. Clones share the queue.
#[derive(Clone, Debug, Default)]
pub struct ChannelEvents(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    wanted: AtomicU8,
    waiting: Mutex<VecDeque<ChannelEvent>>,
}

impl ChannelEvents {
    /// From now on, the kinds that `wanted` accepts are reported.
    pub fn report(&self, wanted: impl Fn(ChannelEventKind) -> bool) {
        let kinds = ChannelEventKind::ALL.into_iter().filter(|kind| wanted(*kind));
        self.0.wanted.store(kinds.fold(0, |bits, kind| bits | kind.bit()), Ordering::Relaxed);
    }

    /// Takes at most `limit` reports, the oldest first.
    #[must_use]
    pub fn take(&self, limit: usize) -> Vec<ChannelEvent> {
        let mut waiting = self.0.waiting.lock();
        let taken = limit.min(waiting.len());
        waiting.drain(..taken).collect()
    }

    /// Whether this kind is reported.
    pub(crate) fn wants(&self, kind: ChannelEventKind) -> bool {
        self.0.wanted.load(Ordering::Relaxed) & kind.bit() != 0
    }

    pub(crate) fn push(&self, event: ChannelEvent) {
        let mut waiting = self.0.waiting.lock();
        if waiting.len() < WAITING_MAX {
            waiting.push_back(event);
        } else {
            drop(waiting);
            metrics::counter!("channel_events_lost_total").increment(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(offset: u64) -> ChannelEvent {
        ChannelEvent {
            kind: ChannelEventKind::Published,
            channel: ChannelName::parse("test:a").unwrap(),
            position: Some(Position { offset, epoch: String::new() }),
            at_ms: 0,
        }
    }

    #[test]
    fn nothing_is_wanted_at_first_and_each_kind_is_wanted_for_itself() {
        let events = ChannelEvents::default();
        assert!(!ChannelEventKind::ALL.into_iter().any(|kind| events.wants(kind)));
        events.report(|kind| kind == ChannelEventKind::Vacated);
        assert!(events.wants(ChannelEventKind::Vacated) && !events.wants(ChannelEventKind::Published));
    }

    #[test]
    fn a_full_queue_drops_the_newest_reports_and_keeps_the_order() {
        let events = ChannelEvents::default();
        for offset in 0..=WAITING_MAX as u64 {
            events.push(event(offset));
        }
        assert_eq!(events.take(2), [event(0), event(1)]);
        assert_eq!(events.take(usize::MAX).last(), Some(&event(WAITING_MAX as u64 - 1)));
        assert!(events.take(1).is_empty());
    }
}
