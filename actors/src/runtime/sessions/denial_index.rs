//! The denials that all threads share, in parts with a lock each.
//!
//! Every verification reads them, on the threads that serve sockets. With millions of denials it takes a tenth of a second
//! to purge the copy, to let a table of it grow, or to free an old copy, and all threads would wait. Of one part it takes a
//! millisecond. A user, or a token, is always in the same part.

use std::hash::{BuildHasher, Hash, RandomState};

use logic::denials::{Denial, DenialCopy, DenialRecord, Denied, TokenMark};
use parking_lot::RwLock;
use protocol::id::Subject;

/// The number of parts.
const PARTS: usize = 64;

pub(crate) struct DenialIndex {
    parts: Vec<RwLock<DenialCopy>>,
    hasher: RandomState,
}

impl Default for DenialIndex {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| RwLock::default()).collect(), hasher: RandomState::new() }
    }
}

impl DenialIndex {
    fn part<K: Hash + ?Sized>(&self, key: &K) -> &RwLock<DenialCopy> {
        let number = self.hasher.hash_one(key) % self.parts.len() as u64;
        &self.parts[usize::try_from(number).unwrap_or(0)]
    }

    fn part_of(&self, record: &DenialRecord) -> &RwLock<DenialCopy> {
        match &record.denial {
            Denial::Token { id } => self.part(&**id),
            Denial::User { subject, .. } | Denial::IssuedBefore { subject, .. } => self.part(subject),
        }
    }

    /// Takes a ruling over.
    pub(crate) fn apply(&self, record: &DenialRecord, now_ms: i64) {
        self.part_of(record).write().apply(record, now_ms);
    }

    /// Takes a row of the database over while the copy is loaded anew.
    pub(crate) fn load(&self, record: &DenialRecord, now_ms: i64) {
        self.part_of(record).write().load(record, now_ms);
    }

    /// Why the bearer of this token is refused. Of two reasons the one that says more counts, as in one copy of all denials.
    pub(crate) fn judge(
        &self,
        subject: &Subject,
        token: &TokenMark,
        channel: Option<&str>,
        now_ms: i64,
    ) -> Option<Denied> {
        let by_subject = self.part(subject).read().judge(subject, token, channel, now_ms);
        let by_token =
            token.id.as_deref().and_then(|id| self.part(id).read().judge(subject, token, channel, now_ms));
        by_subject.into_iter().chain(by_token).min()
    }

    /// Forgets denials that ended before `now_ms`.
    pub(crate) fn purge(&self, now_ms: i64) {
        for part in &self.parts {
            part.write().purge(now_ms);
        }
    }

    /// Begins to load the copy anew.
    pub(crate) fn begin_reload(&self) {
        for part in &self.parts {
            part.write().begin_reload();
        }
    }

    /// The copy is complete and replaces the old one.
    pub(crate) fn finish_reload(&self) {
        for part in &self.parts {
            let old = part.write().finish_reload();
            // After the lock is released.
            drop(old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_blocked_user_with_a_revoked_token_the_block_counts_and_then_the_token() {
        let subject = Subject::new("ada");
        let token = TokenMark { id: Some("t".into()), issued_at_ms: Some(5) };
        let block = |id, lifted| DenialRecord {
            id,
            denial: Denial::User { subject: subject.clone(), lifted },
            until_ms: None,
        };
        let revoked = DenialRecord { id: 2, denial: Denial::Token { id: "t".into() }, until_ms: Some(100) };
        let older = DenialRecord {
            id: 3,
            denial: Denial::IssuedBefore { subject: subject.clone(), moment_ms: 9, channel: None },
            until_ms: Some(200),
        };
        // The parts of both keys differ from index to index.
        for _ in 0..50 {
            let index = DenialIndex::default();
            let judge = |now_ms| index.judge(&subject, &token, None, now_ms);
            for record in [block(1, false), revoked.clone(), older.clone()] {
                index.apply(&record, 0);
            }
            assert_eq!(judge(0), Some(Denied::Blocked));
            index.apply(&block(4, true), 0);
            assert_eq!(judge(0), Some(Denied::TokenRevoked));
            assert_eq!(judge(150), Some(Denied::TokensInvalidated));
            index.purge(200);
            assert_eq!(judge(0), None, "forgotten");
        }
    }

    #[test]
    fn a_copy_that_is_loaded_anew_forgets_the_rest_in_every_part() {
        let index = DenialIndex::default();
        let row = |id: i64| {
            let denial = Denial::Token { id: id.to_string().into() };
            DenialRecord { id, denial, until_ms: Some(100) }
        };
        let revoked = |id: i64| {
            let token = TokenMark { id: Some(id.to_string().into()), issued_at_ms: None };
            index.judge(&Subject::new("ada"), &token, None, 0).is_some()
        };
        (0..500).for_each(|id| index.apply(&row(id), 0));
        index.begin_reload();
        (250..500).for_each(|id| index.load(&row(id), 0));
        assert!((0..500).all(revoked));
        index.finish_reload();
        assert!((0..250).all(|id| !revoked(id)) && (250..500).all(revoked));
    }
}
