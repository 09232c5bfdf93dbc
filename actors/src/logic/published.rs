//! What was published under keys of the publishers' choosing, so that it is published once.
//!
//! One per channel, in memory: bounded in number and age. Durable channels ask the database instead. Pure.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use crate::protocol::Position;

/// How long a key is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// Keys of one channel that are remembered; beyond that the oldest are forgotten.
const KEYS_MAX: usize = 1_024;

/// Keys and what became of them.
#[derive(Debug, Default)]
pub struct Published {
    by_key: HashMap<String, Option<Position>>,
    order: VecDeque<(Instant, String)>,
}

impl Published {
    /// Where the publication with this key is, if it was published. `Some(None)` where positions are not counted.
    pub fn find(&mut self, now: Instant, key: &str) -> Option<Option<Position>> {
        self.expire(now);
        self.by_key.get(key).cloned()
    }

    /// Remembers a publication. A key that is remembered already stays as it is.
    pub fn remember(&mut self, now: Instant, key: String, position: Option<Position>) {
        self.expire(now);
        if self.by_key.contains_key(&key) {
            return;
        }
        if self.order.len() >= KEYS_MAX {
            self.forget_oldest();
        }
        self.order.push_back((now, key.clone()));
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

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.by_key.remove(&key);
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
        keys.remember(start, "a".to_owned(), Some(position.clone()));
        let just_before = start + REMEMBERED - Duration::from_millis(1);
        assert_eq!(keys.find(just_before, "a"), Some(Some(position)));
        assert_eq!(keys.find(start + REMEMBERED, "a"), None);
        assert!(keys.is_empty());
    }

    #[test]
    fn the_first_publication_of_a_key_counts() {
        let (mut keys, now) = (Published::default(), Instant::now());
        keys.remember(now, "a".to_owned(), None);
        keys.remember(now, "a".to_owned(), Some(Position::default()));
        assert_eq!(keys.find(now, "a"), Some(None));
    }

    #[test]
    fn the_oldest_keys_give_way() {
        let (mut keys, now) = (Published::default(), Instant::now());
        for number in 0..2 * KEYS_MAX {
            keys.remember(now, number.to_string(), None);
        }
        assert_eq!(keys.find(now, "0"), None);
        assert_eq!(keys.find(now, &(2 * KEYS_MAX - 1).to_string()), Some(None));
        assert_eq!((keys.order.len(), keys.by_key.len()), (KEYS_MAX, KEYS_MAX));
    }
}
