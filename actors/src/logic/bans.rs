//! Bans: a copy of the database's rows in memory. A ban refuses the key of a client address (for IPv6, the key of a /64), or of a
//! network of addresses, for a period.
//!
//! All code that admits callers shares the copy. No actor owns the copy, so the bans remain when a shard of the rate limiter
//! fails. Until the copy is filled, the status of every key is unknown. Times are wall time in milliseconds since the Unix
//! epoch, because bans are rows and outlive the process.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

/// What the copy says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BanStatus {
    /// The key is not banned.
    Free,
    /// The key is banned for this remaining time.
    Banned(Duration),
    /// The status is not known, because the copy is not filled yet.
    Unknown,
}

/// The copy of the bans.
#[derive(Debug, Default)]
pub struct Bans {
    /// The end of each key's ban; `None` until the copy is filled.
    until_ms: Option<HashMap<Box<str>, i64>>,
    /// The prefix lengths of all networks among the keys. An address is looked up once for each prefix length, so that the cost
    /// does not depend on the number of bans.
    prefixes: BTreeSet<u8>,
    changes: u64,
}

/// The length of the prefix of a key that is a network, such as `203.0.113.0/24`.
fn prefix(key: &str) -> Option<u8> {
    key.rsplit_once('/')?.1.parse().ok()
}

impl Bans {
    /// Whether this key is banned, and for how long.
    #[must_use]
    pub fn ban_status(&self, key: &str, now_ms: i64) -> BanStatus {
        let Some(table) = &self.until_ms else { return BanStatus::Unknown };
        let left = table.get(key).map_or(0, |until| until.saturating_sub(now_ms));
        match u64::try_from(left) {
            Ok(left) if left > 0 => BanStatus::Banned(Duration::from_millis(left)),
            _ => BanStatus::Free,
        }
    }

    /// The longest of the bans of these keys.
    #[must_use]
    pub fn longest<'k>(&self, keys: impl IntoIterator<Item = &'k str>, now_ms: i64) -> BanStatus {
        let mut longest = if self.is_filled() { BanStatus::Free } else { BanStatus::Unknown };
        for key in keys {
            match (longest, self.ban_status(key, now_ms)) {
                (BanStatus::Free, banned @ BanStatus::Banned(_)) => longest = banned,
                (BanStatus::Banned(left), BanStatus::Banned(other)) => {
                    longest = BanStatus::Banned(left.max(other));
                }
                _ => {}
            }
        }
        longest
    }

    /// The lengths of the prefixes of the banned networks.
    pub fn prefixes(&self) -> impl Iterator<Item = u8> {
        self.prefixes.iter().copied()
    }

    /// The number of changes that this node has made so far. Read this number before the rows of the database, and pass it to
    /// [`Self::fill`].
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.changes
    }

    /// Replaces the copy by the rows of the database. Does nothing and returns `false` if this node changed a ban since `mark`:
    /// the rows may be older than that change, so the caller must read them again.
    pub fn fill(&mut self, mark: u64, bans: impl IntoIterator<Item = (String, i64)>) -> bool {
        let fresh = mark == self.changes;
        if fresh {
            let table: HashMap<Box<str>, i64> =
                bans.into_iter().map(|(key, until)| (key.into_boxed_str(), until)).collect();
            self.prefixes = table.keys().filter_map(|key| prefix(key)).collect();
            self.until_ms = Some(table);
        }
        fresh
    }

    /// Whether [`Self::fill`] has succeeded once.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.until_ms.is_some()
    }

    /// Adds a ban that this node has written to the database. A ban of this key that lasts longer stays.
    pub fn ban(&mut self, key: &str, until_ms: i64) {
        self.changes += 1;
        self.prefixes.extend(prefix(key));
        if let Some(table) = &mut self.until_ms {
            let until = table.entry(key.into()).or_insert(until_ms);
            *until = until_ms.max(*until);
        }
    }

    /// Removes a ban that this node has lifted in the database.
    pub fn lift(&mut self, key: &str) {
        self.changes += 1;
        if let Some(table) = &mut self.until_ms {
            table.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bans: &[(&str, i64)]) -> Bans {
        let mut table = Bans::default();
        assert!(table.fill(0, bans.iter().map(|(key, until)| ((*key).to_owned(), *until))));
        table
    }

    #[test]
    fn no_key_is_free_before_the_copy_is_filled() {
        let mut table = Bans::default();
        assert_eq!(table.ban_status("a", 0), BanStatus::Unknown);
        table.ban("a", 10);
        assert_eq!(table.ban_status("b", 0), BanStatus::Unknown);
    }

    #[test]
    fn a_ban_ends_at_its_time() {
        let table = filled(&[("a", 1_000)]);
        assert_eq!(table.ban_status("a", 400), BanStatus::Banned(Duration::from_millis(600)));
        assert_eq!(table.ban_status("a", 1_000), BanStatus::Free);
        assert_eq!(table.ban_status("b", 0), BanStatus::Free);
    }

    #[test]
    fn a_new_ban_does_not_shorten_a_longer_ban() {
        let mut table = filled(&[("a", 1_000)]);
        table.ban("a", 500);
        assert_eq!(table.ban_status("a", 600), BanStatus::Banned(Duration::from_millis(400)));
    }

    #[test]
    fn the_longest_ban_of_an_address_and_its_networks_counts() {
        let mut table = filled(&[("203.0.113.9", 100), ("203.0.113.0/24", 300)]);
        table.ban("203.0.0.0/16", 200);
        assert_eq!(table.prefixes().collect::<Vec<_>>(), [16, 24]);
        let keys = ["203.0.113.9", "203.0.113.0/24", "203.0.0.0/16"];
        assert_eq!(table.longest(keys, 0), BanStatus::Banned(Duration::from_millis(300)));
        assert_eq!(table.longest(keys, 300), BanStatus::Free);
        assert_eq!(Bans::default().longest(keys, 0), BanStatus::Unknown);
    }

    #[test]
    fn rows_that_were_read_before_a_change_do_not_undo_it() {
        let mut table = filled(&[("b", 1_000)]);
        let mark = table.mark();
        table.ban("a", 1_000);
        assert!(!table.fill(mark, []));
        assert_eq!(table.ban_status("a", 0), BanStatus::Banned(Duration::from_secs(1)));
        let mark = table.mark();
        table.lift("a");
        assert!(!table.fill(mark, [("a".to_owned(), 1_000)]));
        assert_eq!(table.ban_status("a", 0), BanStatus::Free);
        assert!(table.fill(table.mark(), []));
        assert_eq!(table.ban_status("b", 0), BanStatus::Free, "another node has lifted the ban");
    }
}
