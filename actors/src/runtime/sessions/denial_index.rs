//! The denials that all threads share. They are divided into parts, each with a lock of its own.
//!
//! Every verification reads the denials, on the threads that serve sockets. With millions of denials in one copy, all threads
//! would wait a tenth of a second while the copy is purged, enlarged or freed. In one part, the same work takes a millisecond.
//! A user, or a token, is always in the same part.

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

    /// The parts that this record is looked up in. A record about all tokens is in every part.
    fn parts_of(&self, record: &DenialRecord) -> impl Iterator<Item = &RwLock<DenialCopy>> {
        let one = match &record.denial {
            Denial::Token { id } => Some(self.part(&**id)),
            Denial::User { subject, .. } | Denial::IssuedBefore { subject, .. } => Some(self.part(subject)),
            Denial::AllIssuedBefore { .. } => None,
        };
        let all = if one.is_none() { &self.parts[..] } else { &[] };
        one.into_iter().chain(all)
    }

    /// Applies a ruling.
    pub(crate) fn apply(&self, record: &DenialRecord, now_ms: i64) {
        for part in self.parts_of(record) {
            part.write().apply(record, now_ms);
        }
    }

    /// Loads a row of the database, between [`Self::begin_reload`] and [`Self::finish_reload`].
    pub(crate) fn load(&self, record: &DenialRecord, now_ms: i64) {
        for part in self.parts_of(record) {
            part.write().load(record, now_ms);
        }
    }

    /// Why the bearer of this token is refused. Of two reasons, the first one in the order of [`Denied`] counts.
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

    /// Begins to load all denials anew.
    pub(crate) fn begin_reload(&self) {
        for part in &self.parts {
            part.write().begin_reload();
        }
    }

    /// Ends the reload: the loaded denials replace the old ones.
    pub(crate) fn finish_reload(&self) {
        for part in &self.parts {
            let old = part.write().finish_reload();
            // The old copy is freed after the lock is released.
            drop(old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reported_reason_is_a_block_or_else_a_revoked_token_or_else_the_age_of_the_token() {
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
        // Each new index assigns the user and the token to other parts.
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
            assert_eq!(judge(0), None, "all denials are forgotten");
        }
    }

    #[test]
    fn a_reload_forgets_in_every_part_the_denials_that_were_not_loaded() {
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
