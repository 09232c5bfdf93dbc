//! Idempotency keys of one channel. While a key is remembered, a further request with the same key publishes nothing.
//!
//! The table is in memory, and is bounded in number and age. Its bytes count as part of the channel's history. The keys of
//! durable channels are also in the database. Pure.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::Position;

/// How long a key is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// The largest number of keys of one channel. A further key evicts the oldest key.
const KEYS_MAX: usize = 1_024;
/// The weight of a key in addition to its length: its entries in the map and in the queue, and the position of its publication.
const WEIGHT_OF_A_KEY: usize = 160;

/// The remembered keys, with the positions of their publications.
#[derive(Debug, Default)]
pub struct Published {
    by_key: HashMap<Arc<str>, Option<Position>>,
    order: VecDeque<(Instant, Arc<str>)>,
    bytes: usize,
}

impl Published {
    /// The position of the publication with this key; `None` if the key is not remembered. `Some(None)` means that the
    /// publication has no position, because it was not added to a history.
    pub fn find(&mut self, now: Instant, key: &str) -> Option<Option<Position>> {
        self.expire(now);
        self.by_key.get(key).cloned()
    }

    /// Remembers the key of a publication. A key that is remembered already keeps its position.
    pub fn remember(&mut self, now: Instant, key: &str, position: Option<Position>) {
        self.expire(now);
        if self.by_key.contains_key(key) {
            return;
        }
        if self.order.len() >= KEYS_MAX {
            self.forget_oldest();
        }
        let key: Arc<str> = key.into();
        self.bytes += key.len() + WEIGHT_OF_A_KEY;
        self.order.push_back((now, Arc::clone(&key)));
        self.by_key.insert(key, position);
    }

    /// Drops the keys that have reached the age [`REMEMBERED`].
    pub fn expire(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= REMEMBERED) {
            self.forget_oldest();
        }
    }

    /// When the oldest key expires; `None` if no key is remembered.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.order.front().map(|(at, _)| *at + REMEMBERED)
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The weight of all remembered keys, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops the older half of the keys to free memory.
    pub fn halve(&mut self) {
        for _ in 0..self.order.len().div_ceil(2) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.by_key.remove(&key);
            self.bytes -= key.len() + WEIGHT_OF_A_KEY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_remembered_for_five_minutes() {
        let (mut keys, start) = (Published::default(), Instant::now());
        let position = Position { offset: 7, epoch: "abcdefgh".to_owned() };
        keys.remember(start, "a", Some(position.clone()));
        let just_before = start + REMEMBERED - Duration::from_millis(1);
        assert_eq!(keys.find(just_before, "a"), Some(Some(position)));
        assert_eq!(keys.find(start + REMEMBERED, "a"), None);
        assert!(keys.is_empty());
    }

    #[test]
    fn a_key_keeps_the_position_of_its_first_publication() {
        let (mut keys, now) = (Published::default(), Instant::now());
        keys.remember(now, "a", None);
        keys.remember(now, "a", Some(Position::default()));
        assert_eq!(keys.find(now, "a"), Some(None));
    }

    #[test]
    fn the_oldest_keys_are_evicted() {
        let (mut keys, now) = (Published::default(), Instant::now());
        for number in 0..2 * KEYS_MAX {
            keys.remember(now, &number.to_string(), None);
        }
        assert_eq!(keys.find(now, "0"), None);
        assert_eq!(keys.find(now, &(2 * KEYS_MAX - 1).to_string()), Some(None));
        assert_eq!((keys.order.len(), keys.by_key.len()), (KEYS_MAX, KEYS_MAX));
    }

    #[test]
    fn only_remembered_keys_count_as_bytes() {
        let (mut keys, now) = (Published::default(), Instant::now());
        for number in 0..2 * KEYS_MAX {
            keys.remember(now, &format!("{number:0255}"), None);
        }
        assert_eq!(keys.bytes(), KEYS_MAX * (255 + WEIGHT_OF_A_KEY));
        keys.halve();
        assert_eq!((keys.bytes(), keys.by_key.len()), (KEYS_MAX / 2 * (255 + WEIGHT_OF_A_KEY), KEYS_MAX / 2));
        keys.expire(now + REMEMBERED);
        assert_eq!(keys.bytes(), 0);
    }
}
