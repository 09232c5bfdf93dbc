//! The recent window of a durable channel: a copy of the newest publications of the journal in memory.

use std::{collections::VecDeque, sync::Arc};

use protocol::{Position, Publication};

use super::{Opened, Range, Retention};
use crate::{
    erasure::Erasure,
    history::{PAGE_BYTES, PAGE_MAX, Page, PageBound, Recovery, bounded, recover, weight},
    namespace::RecoveryMode,
};

/// The largest number of publications in a window. One recovery returns fewer publications.
pub(super) const WINDOW_MAX: u32 = 512;
/// The largest weight of one batch, in bytes.
pub(super) const BATCH_BYTES: usize = 1024 * 1024;
/// The largest weight of the publications in a window, in bytes. One recovery returns less. A batch has the same bound, so that
/// one read returns the whole batch if its outcome is unknown.
const WINDOW_BYTES: usize = BATCH_BYTES;

/// The newest publications of a channel, without a gap, up to its newest offset (`top`).
#[derive(Debug)]
pub(super) struct RecentWindow {
    epoch: Arc<str>,
    top: u64,
    /// The window holds every kept publication with an offset greater than `from`.
    from: u64,
    /// Whether the window holds every kept publication of the channel.
    whole: bool,
    kept: VecDeque<Arc<Publication>>,
    bytes: usize,
}

impl RecentWindow {
    /// The range that an `open` reads for the window.
    pub(super) fn range(keep: Retention, now_ms: i64) -> Range {
        Range {
            after: 0,
            before: u64::MAX,
            limit: WINDOW_MAX.min(keep.size),
            bytes: WINDOW_BYTES,
            reverse: true,
            size: keep.size,
            younger_than_ms: keep.expired_ms(now_ms),
        }
    }

    /// The window that an `open` has read.
    pub(super) fn opened(opened: Opened) -> Self {
        let from = opened.newest.first().map_or(opened.top, |first| first.offset.saturating_sub(1));
        let Opened { epoch, top, newest, whole } = opened;
        let mut window = Self { epoch, top, from, whole, kept: newest.into(), bytes: 0 };
        window.bytes = window.kept.iter().map(|publication| weight(publication)).sum();
        window.trim();
        window
    }

    /// An empty window that ends before `first`, the offset of the next publication. Nothing else is known about the channel.
    pub(super) fn began(epoch: Arc<str>, first: u64) -> Self {
        let from = first.saturating_sub(1);
        Self { epoch, top: from, from, whole: from == 0, kept: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    pub(super) fn top(&self) -> u64 {
        self.top
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn position(&self) -> Position {
        self.at(self.top)
    }

    pub(super) fn at(&self, offset: u64) -> Position {
        Position { offset, epoch: self.epoch.as_ref().to_owned() }
    }

    /// Adds the next publication.
    pub(super) fn push(&mut self, publication: Arc<Publication>, keep: Retention) {
        self.top = publication.offset;
        self.bytes += weight(&publication);
        self.kept.push_back(publication);
        while self.kept.len() > keep.size as usize {
            self.drop_oldest();
        }
        self.trim();
    }

    /// Drops expired publications.
    pub(super) fn expire(&mut self, keep: Retention, now_ms: i64) {
        let expired = keep.expired_ms(now_ms);
        while self.kept.front().is_some_and(|oldest| oldest.time_ms <= expired) {
            self.drop_oldest();
        }
    }

    /// When the oldest publication in the window expires, in milliseconds since the Unix epoch.
    pub(super) fn next_expiry_ms(&self, keep: Retention) -> Option<i64> {
        let ttl = i64::try_from(keep.ttl.as_millis()).unwrap_or(i64::MAX);
        self.kept.front().map(|oldest| oldest.time_ms.saturating_add(ttl))
    }

    /// Drops all publications up to this offset, because they were removed from the journal.
    pub(super) fn remove(&mut self, upto: u64) {
        // If the removal ends before `from`, the journal may still have publications before the window.
        self.whole |= upto >= self.from;
        while self.kept.front().is_some_and(|oldest| oldest.offset <= upto) {
            self.drop_oldest();
        }
        self.from = self.from.max(upto.min(self.top));
    }

    /// Replaces the publications that the erasure covers. Their offsets stay. Returns their number.
    pub(super) fn erase(&mut self, erasure: &Erasure) -> usize {
        let mut erased = 0;
        for publication in &mut self.kept {
            let Some(remains) = erasure.remains_of(publication) else { continue };
            self.bytes = (self.bytes + weight(&remains)).saturating_sub(weight(publication));
            *publication = remains;
            erased += 1;
        }
        erased
    }

    /// Drops the older half of the publications to free memory.
    pub(super) fn halve(&mut self) {
        self.whole &= self.kept.is_empty();
        for _ in 0..self.kept.len().div_ceil(2) {
            self.drop_oldest();
        }
    }

    /// Whether the window suffices to decide the recovery of a client with the last position `since`. If not, the channel must
    /// be read again.
    pub(super) fn can_recover(&self, since: &Position) -> bool {
        let same = crate::history::is_of(since, &self.epoch);
        let too_much = self.kept.len() > PAGE_MAX || self.bytes > PAGE_BYTES;
        // `since` may be greater than the top. A client can invent such an offset, so the offset must not cause a read of the
        // journal.
        !same || self.whole || since.offset >= self.from || too_much
    }

    pub(super) fn recover(&self, since: &Position, mode: RecoveryMode) -> Recovery {
        let newer = self.kept.iter().rev().take_while(|publication| publication.offset > since.offset);
        let mut newer: Vec<_> = newer.take(PAGE_MAX + 1).cloned().collect();
        newer.reverse();
        recover(since, mode, &self.position(), newer, self.kept.back().cloned())
    }

    /// A page of the history; `None` if the window may lack publications of the page.
    pub(super) fn page(&self, page: Page, bound: PageBound) -> Option<Vec<Arc<Publication>>> {
        let covered = self.kept.iter().filter(|publication| page.covers(publication.offset));
        let here = self.whole || page.limit == 0;
        if page.reverse {
            let enough = here || covered.clone().count() >= page.limit;
            enough.then(|| bounded(covered.rev().cloned(), page.limit, bound.bytes))
        } else {
            let enough = here || page.since.unwrap_or(0) >= self.from;
            enough.then(|| bounded(covered.cloned(), page.limit, bound.bytes))
        }
    }

    fn trim(&mut self) {
        while self.kept.len() > 1 && (self.kept.len() > WINDOW_MAX as usize || self.bytes > WINDOW_BYTES) {
            self.drop_oldest();
            self.whole = false;
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.bytes -= weight(&oldest);
            self.from = oldest.offset;
        }
    }
}
