//! What was published under keys of the publishers' choosing, so that it is published once.
//!
//! One per channel, in memory: bounded in number and age, and counted among the bytes of its history. Durable channels ask
//! the database instead. Pure.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::Position;

/// How long a key is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// Keys of one channel that are remembered; beyond that the oldest are forgotten.
const KEYS_MAX: usize = 1_024;
/// What a key weighs in memory besides its letters: its places in the map and in the order, and its position.
const WEIGHT_OF_A_KEY: usize = 160;

/// Keys and what became of them.
#[derive(Debug, Default)]
pub struct Published {
    by_key: HashMap<Arc<str>, Option<Position>>,
    order: VecDeque<(Instant, Arc<str>)>,
    bytes: usize,
}

impl Published {
    /// Where the publication with this key is, if it was published. `Some(None)` where positions are not counted.
    pub fn find(&mut self, now: Instant, key: &str) -> Option<Option<Position>> {
        self.expire(now);
        self.by_key.get(key).cloned()
    }

    /// Remembers a publication. A key that is remembered already stays as it is.
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

    /// Forgets what is too old.
    pub fn expire(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= REMEMBERED) {
            self.forget_oldest();
        }
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// What is remembered weighs, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets the older half: memory is short.
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
    fn the_first_publication_of_a_key_counts() {
        let (mut keys, now) = (Published::default(), Instant::now());
        keys.remember(now, "a", None);
        keys.remember(now, "a", Some(Position::default()));
        assert_eq!(keys.find(now, "a"), Some(None));
    }

    #[test]
    fn the_oldest_keys_give_way() {
        let (mut keys, now) = (Published::default(), Instant::now());
        for number in 0..2 * KEYS_MAX {
            keys.remember(now, &number.to_string(), None);
        }
        assert_eq!(keys.find(now, "0"), None);
        assert_eq!(keys.find(now, &(2 * KEYS_MAX - 1).to_string()), Some(None));
        assert_eq!((keys.order.len(), keys.by_key.len()), (KEYS_MAX, KEYS_MAX));
    }

    #[test]
    fn what_is_remembered_is_weighed_until_it_is_forgotten() {
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
