//! Bans: keys (addresses, accounts) that are refused for a while. This is a copy of the database's rows.
//!
//! All code that admits callers shares the copy. No actor owns it, because a shard that dies must not lift the bans.
//! Until the copy has been filled once, the status of every key is unknown. Times are wall time in milliseconds since the
//! Unix epoch, because bans are rows and outlive the process.

use std::{collections::HashMap, time::Duration};

/// What the table says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BanStatus {
    /// It is not banned.
    Free,
    /// It is banned for this much longer.
    Banned(Duration),
    /// The status is not known, because the table was never filled.
    Unknown,
}

/// The copy of the bans.
#[derive(Debug, Default)]
pub struct Bans {
    /// The end of each key's ban; `None` until the table is filled.
    until_ms: Option<HashMap<Box<str>, i64>>,
    changes: u64,
}

impl Bans {
    /// Whether this key is banned.
    #[must_use]
    pub fn ban_status(&self, key: &str, now_ms: i64) -> BanStatus {
        let Some(table) = &self.until_ms else { return BanStatus::Unknown };
        let left = table.get(key).map_or(0, |until| until.saturating_sub(now_ms));
        match u64::try_from(left) {
            Ok(left) if left > 0 => BanStatus::Banned(Duration::from_millis(left)),
            _ => BanStatus::Free,
        }
    }

    /// The number of changes that this node has made so far. Read it before the database, and pass it to [`Self::fill`].
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.changes
    }

    /// Replaces the copy by the rows of the database. `false` if this node changed a ban since `mark`: the rows may be
    /// older than that change, so the caller must read them again.
    pub fn fill(&mut self, mark: u64, bans: impl IntoIterator<Item = (String, i64)>) -> bool {
        let fresh = mark == self.changes;
        if fresh {
            let bans = bans.into_iter().map(|(key, until)| (key.into_boxed_str(), until));
            self.until_ms = Some(bans.collect());
        }
        fresh
    }

    /// Adds a ban that this node has written to the database.
    pub fn ban(&mut self, key: &str, until_ms: i64) {
        self.changes += 1;
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
    fn no_key_is_free_before_the_table_is_filled() {
        let mut table = Bans::default();
        assert_eq!(table.ban_status("a", 0), BanStatus::Unknown);
        table.ban("a", 10);
        assert_eq!(table.ban_status("b", 0), BanStatus::Unknown);
    }

    #[test]
    fn a_ban_ends_by_itself() {
        let table = filled(&[("a", 1_000)]);
        assert_eq!(table.ban_status("a", 400), BanStatus::Banned(Duration::from_millis(600)));
        assert_eq!(table.ban_status("a", 1_000), BanStatus::Free);
        assert_eq!(table.ban_status("b", 0), BanStatus::Free);
    }

    #[test]
    fn a_shorter_ban_does_not_shorten_a_longer_one() {
        let mut table = filled(&[("a", 1_000)]);
        table.ban("a", 500);
        assert_eq!(table.ban_status("a", 600), BanStatus::Banned(Duration::from_millis(400)));
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
        assert_eq!(table.ban_status("b", 0), BanStatus::Free, "another node lifted it");
    }
}
