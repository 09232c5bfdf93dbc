//! The idempotency keys of one room: those of past publications, and those of publications that are being written to the
//! journal.
//!
//! One rule applies to all publications of a channel, with or without history: the first publication with a key is
//! published, and later ones receive the same answer. In a durable channel the journal also stores the keys of its
//! publications, for all nodes and across restarts.

use std::{collections::HashMap, time::Instant};

use logic::idempotency::Published as Remembered;
use protocol::ErrorCode;

use crate::runtime::channels::reply::{Asker, Published};

/// The keys of one room.
#[derive(Default)]
pub(crate) struct Keys {
    done: Remembered,
    begun: HashMap<String, Begun>,
}

/// The publications with one key that are being written to the journal.
#[derive(Default)]
struct Begun {
    /// The number of publications that wait for the answer of the journal.
    count: usize,
    /// Requesters of publications with `skip_history`, which do not go to the journal. They receive the answer of the
    /// publication that is being written.
    followers: Vec<Asker<Published>>,
}

impl Keys {
    /// The result of the publication with this key, if there was one.
    pub(crate) fn find(&mut self, now: Instant, key: &str) -> Option<Published> {
        self.done.find(now, key)
    }

    /// Stores the result of a publication.
    pub(crate) fn remember(&mut self, now: Instant, key: &str, published: Published) {
        self.done.remember(now, key, published);
    }

    /// Notes that a publication with this key is being written to the journal. [`Self::end`] must follow.
    pub(crate) fn begin(&mut self, key: &str) {
        self.begun.entry(key.to_owned()).or_default().count += 1;
    }

    /// Lets the requester wait for the outcome of the publication with this key that is in progress. If there is no such
    /// publication, the requester is returned.
    pub(crate) fn follow(&mut self, key: &str, asker: Asker<Published>) -> Option<Asker<Published>> {
        let Some(begun) = self.begun.get_mut(key) else { return Some(asker) };
        begun.followers.push(asker);
        None
    }

    /// Ends a publication with the journal's answer. The followers get the first success, or the failure of the last
    /// publication.
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

    /// When the oldest stored key expires.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.done.next_expiry()
    }

    /// The bytes of the stored keys. Keys in progress are not included. They need no limit here, because the number of
    /// publications that wait for the journal is bounded.
    pub(crate) fn bytes(&self) -> usize {
        self.done.bytes()
    }

    /// Drops the older half of the stored keys, because the histories exceed their bound.
    pub(crate) fn halve(&mut self) {
        self.done.halve();
    }

    /// Whether there are no keys, stored or in progress.
    pub(crate) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.begun.is_empty()
    }
}
