//! The database of the model: rows, removed rows, and statements with an unknown outcome.

use std::{collections::BTreeMap, sync::Arc};

use protocol::{Payload, Publication};

use super::SIZE;
use crate::{
    history::bounded,
    journal::{Appended, NewMessage, Opened, Placement, Range, Removed},
};

/// The database of the model.
#[derive(Default)]
pub(super) struct Db {
    pub(super) rows: Vec<NewMessage>,
    /// Publications up to this offset are not kept any more.
    pub(super) gone: u64,
    /// The offset of each idempotency key.
    keys: BTreeMap<String, u64>,
    /// The first row that still has its version. Versions of earlier rows are forgotten.
    versions_from: usize,
    /// Batches with an unknown outcome that are written later.
    pub(super) late: Vec<Vec<NewMessage>>,
    /// Removals with an unknown outcome, which may be carried out at any later time, or never. Each has the last offset to
    /// remove, and the newest offset at its beginning.
    pub(super) late_removals: Vec<(u64, u64)>,
}

impl Db {
    pub(super) fn top(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(super) fn epoch() -> Arc<str> {
        "abcdefgh".into()
    }

    pub(super) fn append(&mut self, batch: &[NewMessage]) -> Appended {
        let placed = batch.iter().map(|message| {
            let earlier = message.idempotency_key.as_ref().and_then(|key| self.keys.get(key));
            if let Some(offset) = earlier {
                return Placement::Earlier(*offset);
            }
            let newest = self.rows.iter().skip(self.versions_from).rev().find_map(|row| row.version.as_ref());
            if message.version.as_ref().is_some_and(|version| version.is_outdated(newest)) {
                return Placement::Outdated(self.rows.len() as u64);
            }
            self.rows.push(message.clone());
            let top = self.rows.len() as u64;
            self.keys.extend(message.idempotency_key.clone().map(|key| (key, top)));
            Placement::New(top)
        });
        let placed = placed.collect();
        self.gone = self.gone.max(self.top().saturating_sub(SIZE.into()));
        Appended { placed, top: self.top(), epoch: Self::epoch() }
    }

    /// If the channel keeps nothing, forgets the row of the channel. The channel then begins again above the floor, which other
    /// channels may have raised further. The skipped offsets were never published.
    pub(super) fn forget(&mut self) {
        // Each call may double the number of rows, so this number is bounded.
        if self.gone < self.top() || self.rows.len() > 1_000 {
            return;
        }
        let never = Payload::parse("\"never published\"").unwrap();
        let never = NewMessage {
            data: never,
            info: None,
            tags: Vec::new(),
            time_ms: 0,
            idempotency_key: None,
            version: None,
        };
        self.rows.resize((self.rows.len() + 1).next_power_of_two(), never);
        self.gone = self.top();
        self.keys.clear();
        self.versions_from = self.rows.len();
    }

    /// Writes the late batches, because a late statement ends before the next statement can lock the channel's row.
    pub(super) fn settle(&mut self) {
        for batch in std::mem::take(&mut self.late) {
            self.append(&batch);
        }
    }

    pub(super) fn at(&self, offset: u64) -> Arc<Publication> {
        Arc::new(self.rows[usize::try_from(offset).unwrap() - 1].at(offset))
    }

    pub(super) fn read(&self, range: Range) -> Vec<Arc<Publication>> {
        self.part(range).0
    }

    pub(super) fn open(&self, newest: Range) -> Opened {
        let (mut found, whole) = self.part(newest);
        found.reverse();
        Opened { epoch: Self::epoch(), top: self.top(), newest: found, whole }
    }

    /// The publications of a range within its bounds, and whether they are all publications of the range.
    fn part(&self, range: Range) -> (Vec<Arc<Publication>>, bool) {
        let offsets = (range.after.max(self.gone) + 1)..range.before.min(self.top() + 1);
        let mut covered: Vec<_> = offsets.map(|offset| self.at(offset)).collect();
        if range.reverse {
            covered.reverse();
        }
        let count = covered.len();
        let found = bounded(covered.into_iter(), range.limit as usize, range.bytes);
        let whole = found.len() == count;
        (found, whole)
    }

    pub(super) fn remove(&mut self, upto: u64) -> Removed {
        let upto = upto.min(self.top());
        self.gone = self.gone.max(upto);
        Removed { upto, epoch: Self::epoch() }
    }

    /// Carries out one removal with an unknown outcome, after later writes.
    pub(super) fn remove_late(&mut self, which: usize) {
        if which >= self.late_removals.len() {
            return;
        }
        let (upto, top_at_call) = self.late_removals.swap_remove(which);
        let before = self.gone;
        self.remove(upto);
        assert!(self.gone == before || self.gone <= top_at_call, "a late removal removed later publications");
    }
}
