//! The idempotency keys of one room: what was published under them, and what is on its way to the journal.
//!
//! One rule for every publication of a channel, kept or not: of those with one key the first is published, and the others get
//! its answer. In a durable channel the journal knows the keys of what it keeps besides, for all nodes and over restarts.

use std::{collections::HashMap, time::Instant};

use logic::idempotency::Published as Remembered;
use protocol::ErrorCode;

use crate::runtime::channels::reply::{Asker, Published};

/// See the module.
#[derive(Default)]
pub(crate) struct Keys {
    done: Remembered,
    begun: HashMap<String, Begun>,
}

/// What is on its way under one key.
#[derive(Default)]
struct Begun {
    count: usize,
    /// The requesters that receive the same answer.
    followers: Vec<Asker<Published>>,
}

impl Keys {
    /// What became of the publication with this key, if there was one.
    pub(crate) fn find(&mut self, now: Instant, key: &str) -> Option<Published> {
        self.done.find(now, key)
    }

    /// It is published.
    pub(crate) fn remember(&mut self, now: Instant, key: &str, published: Published) {
        self.done.remember(now, key, published);
    }

    /// A publication with this key goes to the journal; [`Self::end`] follows.
    pub(crate) fn begin(&mut self, key: &str) {
        self.begun.entry(key.to_owned()).or_default().count += 1;
    }

    /// Waits for the outcome of a publication with this key that is in progress. If there is none, the requester is returned.
    pub(crate) fn follow(&mut self, key: &str, asker: Asker<Published>) -> Option<Asker<Published>> {
        let Some(begun) = self.begun.get_mut(key) else { return Some(asker) };
        begun.followers.push(asker);
        None
    }

    /// The journal has answered.
    pub(crate) fn end(&mut self, now: Instant, key: &str, result: &Result<Published, ErrorCode>) {
        let Some(begun) = self.begun.get_mut(key) else { return };
        begun.count = begun.count.saturating_sub(1);
        let last = begun.count == 0;
        if last || result.is_ok() {
            std::mem::take(&mut begun.followers).into_iter().for_each(|asker| asker.give(result.clone()));
        }
        if last {
            self.begun.remove(key);
        }
        if let Ok(published) = result {
            self.done.remember(now, key, published.clone());
        }
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.done.expire(now);
    }

    /// What is remembered weighs, in bytes; what is on its way is bounded by what waits for the journal.
    pub(crate) fn bytes(&self) -> usize {
        self.done.bytes()
    }

    /// Forgets the older half of what is remembered: memory is short.
    pub(crate) fn halve(&mut self) {
        self.done.halve();
    }

    /// Whether nothing is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.begun.is_empty()
    }
}
