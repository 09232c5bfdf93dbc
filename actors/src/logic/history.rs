//! The history of one channel in memory: its publications by offset, and which of them a returning client missed.
//!
//! A stream has an epoch and counts offsets from 1. It keeps the newest publications, bounded in number and age. Epoch and
//! offset stay when the publications are dropped. The channel's shard owns the stream. Pure: the time and the letters of
//! the epoch are arguments.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{ClientInfo, ErrorCode, HistoryRequest, Payload, Position, Publication};

use super::{namespace::RecoveryMode, version::Version};

/// The most publications in one answer.
pub const PAGE_MAX: usize = 300;
/// The most bytes of publications in one answer to a connection. The answer must fit into the connection's outbox, which
/// holds at least 1 MiB, and escaping may double its size.
pub const PAGE_BYTES: usize = 448 * 1024;

/// Publications of one channel.
#[derive(Debug)]
pub struct Stream {
    epoch: Arc<str>,
    top: u64,
    /// The newest published version, if a publication had one.
    version: Option<Version>,
    kept: VecDeque<(Instant, Arc<Publication>)>,
    bytes: usize,
    size: usize,
    ttl: Duration,
}

/// The result of a recovery: the publications that a client missed since its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whether `publications` are all that the client missed.
    pub recovered: bool,
    /// Oldest first.
    pub publications: Vec<Arc<Publication>>,
    /// The offset at which the subscription begins: the one before `publications` if a stream was recovered, otherwise the
    /// top.
    pub offset: u64,
}

/// The bound of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageBound {
    /// The most publications.
    pub count: usize,
    /// The most bytes of publications. The first publication is always included.
    pub bytes: usize,
}

impl PageBound {
    /// For an answer to a connection.
    pub const CLIENT: Self = Self { count: PAGE_MAX, bytes: PAGE_BYTES };
    /// For an answer over the server API. No outbox limits it, but all requests share the memory of the server.
    pub const SERVER: Self = Self { count: usize::MAX, bytes: 16 * 1024 * 1024 };
}

/// The name of an epoch: eight lower-case letters, made from eight random bytes.
#[must_use]
pub fn epoch(random: [u8; 8]) -> Arc<str> {
    random.iter().map(|byte| char::from(b'a' + byte % 26)).collect::<String>().into()
}

/// The part of a history that a request selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The most publications.
    pub limit: usize,
    /// Only publications after this offset; in reverse order, only those before it.
    pub since: Option<u64>,
    /// Whether the newest comes first.
    pub reverse: bool,
}

impl Page {
    /// The page that a request selects from a history of this epoch.
    ///
    /// # Errors
    /// 112 the position is of another epoch, 107 publications before offset 0 are requested.
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

    /// Whether `since` admits a publication with this offset. The limit is not checked.
    #[must_use]
    pub fn covers(&self, offset: u64) -> bool {
        self.since.is_none_or(|since| if self.reverse { offset < since } else { offset > since })
    }
}

/// Whether a position is of this epoch. A position without an epoch fits every epoch.
#[must_use]
pub fn is_of(position: &Position, epoch: &str) -> bool {
    position.epoch.is_empty() || position.epoch == epoch
}

/// The first publications that fit into both bounds. The first one is always included if `limit` is not 0.
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

/// The fixed part of a publication's weight.
pub const WEIGHT_OF_ITSELF: usize = 128;

/// The weight of a publication in bytes: its data, its publisher's description, its tags, and a fixed overhead. Data counts in
/// the form in which it is sent, so that bytes that JSON clients receive in base64 fit into an answer, too.
#[must_use]
pub fn weight(publication: &Publication) -> usize {
    weight_of(&publication.data, publication.info.as_deref(), &publication.tags)
}

/// The weight of a publication with these parts.
pub(super) fn weight_of(data: &Payload, info: Option<&ClientInfo>, tags: &[(String, String)]) -> usize {
    let info = info.into_iter().flat_map(|info| [&info.conn_info, &info.chan_info]);
    let info: usize = info.flatten().map(Payload::sent_bytes).sum();
    let tags: usize = tags.iter().map(|(name, value)| name.len() + value.len()).sum();
    data.sent_bytes() + info + tags + WEIGHT_OF_ITSELF
}

/// Recovers a client at `since`. `newer` holds the kept publications after `since`, oldest first; `latest` is the newest
/// kept publication.
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
    /// A stream without publications. It will keep the newest `size` publications for `ttl`.
    #[must_use]
    pub fn new(epoch: Arc<str>, size: usize, ttl: Duration) -> Self {
        Self { epoch, top: 0, version: None, kept: VecDeque::new(), bytes: 0, size, ttl }
    }

    /// The newest position.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { offset: self.top, epoch: self.epoch.as_ref().to_owned() }
    }

    /// Whether a publication of this version may be appended. If so, this version becomes the newest.
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

    /// Drops publications that have reached the age limit.
    pub fn expire(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= self.ttl) {
            self.drop_oldest();
        }
        if self.kept.is_empty() {
            self.kept.shrink_to(0);
        }
    }

    /// When the oldest publication reaches the age limit.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.kept.front().and_then(|(at, _)| at.checked_add(self.ttl))
    }

    /// Drops the older half of the publications to free memory. A client that still needs one of them cannot recover.
    pub fn halve(&mut self) {
        for _ in 0..self.kept.len().div_ceil(2) {
            self.drop_oldest();
        }
    }

    /// Drops all publications; epoch and offset stay.
    pub fn remove(&mut self) {
        self.kept = VecDeque::new();
        self.bytes = 0;
    }

    /// The weight of its publications, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The publications that a `history` request selects.
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

    /// Recovers a client at `since`.
    pub fn recover(&mut self, now: Instant, since: &Position, mode: RecoveryMode) -> Recovery {
        self.expire(now);
        // The search goes back from the newest publication, so it visits only those that the client missed, and at most
        // one more than an answer may carry.
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
