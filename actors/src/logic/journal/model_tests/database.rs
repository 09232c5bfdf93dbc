//! The model's database: rows, what is gone of them, and batches of which nobody knows yet.

use std::{collections::BTreeMap, sync::Arc};

use super::SIZE;
use crate::{
    logic::journal::{Appended, NewMessage, Placed, Range},
    protocol::Publication,
};

/// The database.
#[derive(Default)]
pub(super) struct Db {
    pub(super) rows: Vec<NewMessage>,
    pub(super) gone: u64,
    keys: BTreeMap<String, u64>,
    pub(super) late: Vec<Vec<NewMessage>>,
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
                return Placed::Earlier(*offset);
            }
            self.rows.push(message.clone());
            let top = self.rows.len() as u64;
            self.keys.extend(message.idempotency_key.clone().map(|key| (key, top)));
            Placed::New(top)
        });
        let placed = placed.collect();
        self.gone = self.gone.max(self.top().saturating_sub(SIZE.into()));
        Appended { placed, top: self.top(), epoch: Self::epoch() }
    }

    /// What was lost sight of comes to its end before anybody else gets the channel's row.
    pub(super) fn settle(&mut self) {
        for batch in std::mem::take(&mut self.late) {
            self.append(&batch);
        }
    }

    pub(super) fn at(&self, offset: u64) -> Arc<Publication> {
        Arc::new(self.rows[usize::try_from(offset).unwrap() - 1].at(offset))
    }

    pub(super) fn read(&self, range: Range) -> Vec<Arc<Publication>> {
        let first = range.after.max(self.gone) + 1;
        let offsets = first..range.before.min(self.top() + 1);
        let limit = range.limit as usize;
        if range.reverse {
            offsets.rev().take(limit).map(|offset| self.at(offset)).collect()
        } else {
            offsets.take(limit).map(|offset| self.at(offset)).collect()
        }
    }
}
