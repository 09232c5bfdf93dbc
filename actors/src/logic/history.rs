//! The history of one channel in memory: its publications by offset, and the search for the publications that a returning
//! client missed.
//!
//! A history ([`Stream`]) has an epoch and counts offsets from 1. It keeps the newest publications, bounded in number and age.
//! Epoch and offset do not change when publications are dropped. The channel's shard owns the history. Pure: the time and the
//! random bytes of the epoch are arguments.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{ClientInfo, ErrorCode, HistoryRequest, Payload, Position, Publication};

use super::{erasure::Erasure, namespace::RecoveryMode, version::Version};

/// The largest number of publications in one answer to a connection.
pub const PAGE_MAX: usize = 300;
/// The largest weight of the publications in one answer to a connection, in bytes (see [`weight`]). The answer must fit into
/// the connection's outbox, which holds at least 1 MiB. A recovery with deltas sends the data as escaped strings, which may
/// double the size of the answer.
pub const PAGE_BYTES: usize = 448 * 1024;

/// The history of one channel: its kept publications.
#[derive(Debug)]
pub struct Stream {
    epoch: Arc<str>,
    top: u64,
    /// The version that was published last; `None` if no publication had a version.
    version: Option<Version>,
    kept: VecDeque<(Instant, Arc<Publication>)>,
    bytes: usize,
    size: usize,
    ttl: Duration,
}

/// The result of a recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whether the recovery succeeded. After a successful recovery in stream mode, `publications` are all publications that the
    /// client missed.
    pub recovered: bool,
    /// The recovered publications, oldest first.
    pub publications: Vec<Arc<Publication>>,
    /// The offset of the beginning of the subscription: after a successful recovery in stream mode, the client's offset;
    /// otherwise the newest offset.
    pub offset: u64,
}

/// The bound of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageBound {
    /// The largest number of publications.
    pub count: usize,
    /// The largest weight of all publications, in bytes. The first publication is always included.
    pub bytes: usize,
}

impl PageBound {
    /// For an answer to a connection.
    pub const CLIENT: Self = Self { count: PAGE_MAX, bytes: PAGE_BYTES };
    /// For an answer of the server API. No outbox limits such an answer, but all requests share the memory of the server.
    pub const SERVER: Self = Self { count: usize::MAX, bytes: 16 * 1024 * 1024 };
}

/// The name of a new epoch: eight lower-case letters, made from eight random bytes.
#[must_use]
pub fn epoch(random: [u8; 8]) -> Arc<str> {
    random.iter().map(|byte| char::from(b'a' + byte % 26)).collect::<String>().into()
}

/// The part of a history that a request selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The largest number of publications.
    pub limit: usize,
    /// Only publications after this offset; in reverse order, only publications before this offset.
    pub since: Option<u64>,
    /// Whether the newest publication comes first.
    pub reverse: bool,
}

impl Page {
    /// The page that a request selects from a history of this epoch.
    ///
    /// # Errors
    /// 112: the position belongs to another epoch. 107: publications before offset 0 are requested.
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

/// Whether a position belongs to this epoch. A position without an epoch belongs to every epoch.
#[must_use]
pub fn is_of(position: &Position, epoch: &str) -> bool {
    position.epoch.is_empty() || position.epoch == epoch
}

/// The first publications: at most `limit`, and at most `bytes` of weight. The first publication is always included if `limit`
/// is not 0.
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

/// The weight of a publication in bytes: its data, the infos of its publisher (`conn_info`, `chan_info`), its tags, and a fixed
/// overhead. Data that is not JSON counts with its base64 string, so that an answer over the JSON protocol keeps its bound.
#[must_use]
pub fn weight(publication: &Publication) -> usize {
    weight_of(&publication.data, publication.info.as_deref(), &publication.tags)
}

/// The weight of a publication with these parts.
pub(super) fn weight_of(data: &Payload, info: Option<&ClientInfo>, tags: &[(String, String)]) -> usize {
    let info = info.into_iter().flat_map(|info| [&info.conn_info, &info.chan_info]);
    let info: usize = info.flatten().map(Payload::sent_bytes).sum();
    let tags: usize = tags.iter().map(|(name, value)| escaped_len(name) + escaped_len(value)).sum();
    data.sent_bytes() + info + tags + WEIGHT_OF_ITSELF
}

/// The length of a text in a JSON string: a control character takes six bytes (RFC 8259, section 7).
fn escaped_len(text: &str) -> usize {
    let of = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

/// Recovers a client with the last position `since`. `newer` has the kept publications after `since`, oldest first; if there
/// are more than [`PAGE_MAX`], only the newest `PAGE_MAX + 1` of them. `latest` is the newest kept publication.
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
    /// A history without publications. It keeps at most the newest `size` publications, each for `ttl`.
    #[must_use]
    pub fn new(epoch: Arc<str>, size: usize, ttl: Duration) -> Self {
        Self { epoch, top: 0, version: None, kept: VecDeque::new(), bytes: 0, size, ttl }
    }

    /// The newest position.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { offset: self.top, epoch: self.epoch.as_ref().to_owned() }
    }

    /// Changes how many publications are kept, and how long. Publications above the new size are dropped.
    pub fn resize(&mut self, now: Instant, size: usize, ttl: Duration) {
        (self.size, self.ttl) = (size, ttl);
        while self.kept.len() > size {
            self.drop_oldest();
        }
        self.expire(now);
    }

    /// Whether a publication of this version may be appended. If it may, this version becomes the newest.
    pub fn takes(&mut self, version: Option<Version>) -> bool {
        let Some(version) = version else { return true };
        let outdated = version.is_outdated(self.version.as_ref());
        if !outdated {
            self.version = Some(version);
        }
        !outdated
    }

    /// Gives a publication its offset and adds it to the kept publications.
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

    /// When the oldest kept publication reaches the age limit; `None` if no publication is kept.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.kept.front().and_then(|(at, _)| at.checked_add(self.ttl))
    }

    /// Drops the older half of the publications to free memory. A client that missed a dropped publication cannot recover it.
    pub fn halve(&mut self) {
        for _ in 0..self.kept.len().div_ceil(2) {
            self.drop_oldest();
        }
    }

    /// Drops all publications. Epoch and offset do not change.
    pub fn remove(&mut self) {
        self.kept = VecDeque::new();
        self.bytes = 0;
    }

    /// Replaces the publications that the erasure covers. Epoch and offsets do not change. Returns their number.
    pub fn erase(&mut self, erasure: &Erasure) -> usize {
        let mut erased = 0;
        for (_, publication) in &mut self.kept {
            let Some(remains) = erasure.remains_of(publication) else { continue };
            self.bytes = (self.bytes + weight(&remains)).saturating_sub(weight(publication));
            *publication = remains;
            erased += 1;
        }
        erased
    }

    /// The weight of the kept publications, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The publications that a `history` request selects.
    ///
    /// # Errors
    /// The errors of [`Page::of`].
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

    /// Recovers a client with the last position `since`.
    pub fn recover(&mut self, now: Instant, since: &Position, mode: RecoveryMode) -> Recovery {
        self.expire(now);
        // The search begins at the newest publication, so it visits only publications that the client missed. It ends after one
        // publication more than an answer may carry.
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
