//! The history of one channel in memory: its publications by offset, and which of them a returning client missed.
//!
//! A stream is known by its epoch and counts offsets from 1. It keeps the newest publications, bounded in number and age;
//! epoch and offset stay when they are gone. A channel's shard owns it. Pure: time and the epoch's letters are passed in.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{ClientInfo, ErrorCode, HistoryRequest, Payload, Position, Publication};

use super::{namespace::RecoveryMode, version::Version};

/// The most publications that one answer carries.
pub const PAGE_MAX: usize = 300;
/// The most bytes of data that one answer to a connection carries: it must fit into the connection's queue, which is at
/// least 1 MiB, and escaping may double it.
pub const PAGE_BYTES: usize = 448 * 1024;

/// Publications of one channel.
#[derive(Debug)]
pub struct Stream {
    epoch: Arc<str>,
    top: u64,
    /// The newest that was published, if versions are counted.
    version: Option<Version>,
    kept: VecDeque<(Instant, Arc<Publication>)>,
    bytes: usize,
    size: usize,
    ttl: Duration,
}

/// What a subscription with a position gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whether `publications` are all that the client missed.
    pub recovered: bool,
    /// Oldest first.
    pub publications: Vec<Arc<Publication>>,
    /// Where the subscription begins: before `publications`, or at the top.
    pub offset: u64,
}

/// How much one answer may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageBound {
    /// Publications.
    pub count: usize,
    /// Bytes of their data; the first is always carried.
    pub bytes: usize,
}

impl PageBound {
    /// For an answer to a connection.
    pub const CLIENT: Self = Self { count: PAGE_MAX, bytes: PAGE_BYTES };
    /// For an answer to an application's own server, which has no queue to fit into, but memory that it shares.
    pub const SERVER: Self = Self { count: usize::MAX, bytes: 16 * 1024 * 1024 };
}

/// An epoch's name, made of these random bytes: eight lower-case letters.
#[must_use]
pub fn epoch(random: [u8; 8]) -> Arc<str> {
    random.iter().map(|byte| char::from(b'a' + byte % 26)).collect::<String>().into()
}

/// What of a history was asked for, in a form that can be counted off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most so many.
    pub limit: usize,
    /// Only what comes after this offset, or before it in reverse.
    pub since: Option<u64>,
    /// Newest first.
    pub reverse: bool,
}

impl Page {
    /// Reads a request to a history of this epoch.
    ///
    /// # Errors
    /// 112 the position is of another epoch, 107 it is the beginning and the way leads back.
    pub fn of(request: &HistoryRequest, epoch: &str, bound: PageBound) -> Result<Self, ErrorCode> {
        if let Some(since) = &request.since {
            if !is_of(since, epoch) {
                return Err(ErrorCode::UnrecoverablePosition);
            }
            if request.reverse && since.offset == 0 {
                return Err(ErrorCode::BadRequest);
            }
        }
        Ok(Self {
            limit: usize::try_from(request.limit).unwrap_or(usize::MAX).min(bound.count),
            since: request.since.as_ref().map(|since| since.offset),
            reverse: request.reverse,
        })
    }

    /// Whether a publication with this offset belongs to the page, as far as `since` goes.
    #[must_use]
    pub fn covers(&self, offset: u64) -> bool {
        self.since.is_none_or(|since| if self.reverse { offset < since } else { offset > since })
    }
}

/// Whether a position is of this epoch, as far as the client knows.
#[must_use]
pub fn is_of(position: &Position, epoch: &str) -> bool {
    position.epoch.is_empty() || position.epoch == epoch
}

/// Takes as many as may be carried.
pub fn bounded(
    publications: impl Iterator<Item = Arc<Publication>>,
    limit: usize,
    bytes: usize,
) -> Vec<Arc<Publication>> {
    let mut taken = 0_usize;
    let fits = |publication: &Arc<Publication>| {
        let first = taken == 0;
        taken = taken.saturating_add(weight(publication));
        first || taken <= bytes
    };
    publications.take(limit).take_while(fits).collect()
}

/// What a publication weighs beside what it carries.
pub const WEIGHT_OF_ITSELF: usize = 128;

/// The weight of a publication in bytes: its data, its publisher's description, and a fixed overhead.
#[must_use]
pub fn weight(publication: &Publication) -> usize {
    weight_of(&publication.data, publication.info.as_deref(), &publication.tags)
}

/// What a publication of these parts weighs.
pub(super) fn weight_of(data: &Payload, info: Option<&ClientInfo>, tags: &[(String, String)]) -> usize {
    let info = info.into_iter().flat_map(|info| [&info.conn_info, &info.chan_info]);
    let info: usize = info.flatten().map(|payload| payload.as_bytes().len()).sum();
    let tags: usize = tags.iter().map(|(name, value)| name.len() + value.len()).sum();
    data.as_bytes().len() + info + tags + WEIGHT_OF_ITSELF
}

/// What a client at `since` missed, where `newer` are the publications after it that are still known, oldest
/// first, and `latest` is the newest of all.
#[must_use]
pub fn recover(
    since: &Position,
    mode: RecoveryMode,
    top: &Position,
    newer: Vec<Arc<Publication>>,
    latest: Option<Arc<Publication>>,
) -> Recovery {
    let same = is_of(since, &top.epoch);
    let lost = Recovery { recovered: false, publications: Vec::new(), offset: top.offset };
    match mode {
        RecoveryMode::Stream => {
            let whole = same && since.offset.checked_add(newer.len() as u64) == Some(top.offset);
            let light = newer.iter().map(|publication| weight(publication)).sum::<usize>() <= PAGE_BYTES;
            if whole && newer.len() <= PAGE_MAX && (light || newer.len() == 1) {
                Recovery { recovered: true, publications: newer, offset: since.offset }
            } else {
                lost
            }
        }
        RecoveryMode::Cache => match latest {
            Some(latest) if same && since.offset == latest.offset => Recovery { recovered: true, ..lost },
            Some(latest) => Recovery { recovered: true, publications: vec![latest], ..lost },
            None => Recovery { recovered: same && since.offset == top.offset, ..lost },
        },
    }
}

impl Stream {
    /// A stream in which nothing was published, that keeps `size` publications for `ttl`.
    #[must_use]
    pub fn new(epoch: Arc<str>, size: usize, ttl: Duration) -> Self {
        Self { epoch, top: 0, version: None, kept: VecDeque::new(), bytes: 0, size, ttl }
    }

    /// The newest position.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { offset: self.top, epoch: self.epoch.as_ref().to_owned() }
    }

    /// Whether a publication of this version is to be appended; from here on it is the newest.
    pub fn takes(&mut self, version: Option<Version>) -> bool {
        let Some(version) = version else { return true };
        let outdated = version.is_outdated(self.version.as_ref());
        if !outdated {
            self.version = Some(version);
        }
        !outdated
    }

    /// Gives a publication its offset and keeps it.
    pub fn append(&mut self, now: Instant, mut publication: Publication) -> Arc<Publication> {
        self.top += 1;
        publication.offset = self.top;
        let publication = Arc::new(publication);
        self.bytes += weight(&publication);
        self.kept.push_back((now, Arc::clone(&publication)));
        while self.kept.len() > self.size {
            self.drop_oldest();
        }
        self.expire(now);
        publication
    }

    /// Forgets what is too old.
    pub fn expire(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= self.ttl) {
            self.drop_oldest();
        }
        if self.kept.is_empty() {
            self.kept.shrink_to(0);
        }
    }

    /// Forgets the older half: memory is short. A client that was behind it cannot recover.
    pub fn halve(&mut self) {
        for _ in 0..self.kept.len().div_ceil(2) {
            self.drop_oldest();
        }
    }

    /// Forgets all publications; epoch and offset stay.
    pub fn remove(&mut self) {
        self.kept = VecDeque::new();
        self.bytes = 0;
    }

    /// What its publications weigh, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Answers `history`.
    ///
    /// # Errors
    /// As [`Page::of`].
    pub fn history(
        &mut self,
        now: Instant,
        request: &HistoryRequest,
        bound: PageBound,
    ) -> Result<Vec<Arc<Publication>>, ErrorCode> {
        let page = Page::of(request, &self.epoch, bound)?;
        self.expire(now);
        let all = self.kept.iter().map(|(_, publication)| Arc::clone(publication));
        let covered = |publication: &Arc<Publication>| page.covers(publication.offset);
        Ok(if page.reverse {
            bounded(all.rev().filter(covered), page.limit, bound.bytes)
        } else {
            bounded(all.filter(covered), page.limit, bound.bytes)
        })
    }

    /// What a client at `since` missed.
    pub fn recover(&mut self, now: Instant, since: &Position, mode: RecoveryMode) -> Recovery {
        self.expire(now);
        // Newest first, so that only what is owed is looked at, and little more than may be given.
        let newer = self.kept.iter().rev().map(|(_, publication)| publication);
        let newer = newer.take_while(|publication| publication.offset > since.offset).take(PAGE_MAX + 1);
        let mut newer: Vec<_> = newer.cloned().collect();
        newer.reverse();
        let latest = self.kept.back().map(|(_, publication)| Arc::clone(publication));
        recover(since, mode, &self.position(), newer, latest)
    }

    fn drop_oldest(&mut self) {
        if let Some((_, publication)) = self.kept.pop_front() {
            self.bytes -= weight(&publication);
        }
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
