//! [`TokenIndex`]: the sessions of this node that use a token, so that a denial of a token need not examine all sessions.
//!
//! A denial of a token does not name the token's user, so the index by user does not help. Each use of a token is noted before
//! the token is checked against the denials; a denial is applied before the index is read. So in every order, either the check
//! finds the denial or the denial finds the use. Two tokens may have the same hash. Then the index also returns sessions that
//! do not use the token; this is harmless, because the denials judge each connection.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use logic::denials::TokenMark;
use parking_lot::Mutex;
use protocol::id::SessionId;
use uuid::Uuid;

/// The hash of a token's id, and a session that uses the token.
type Key = (u64, SessionId);

/// The index. It needs about 40 bytes for each pair of a token and a session.
#[derive(Default)]
pub(crate) struct TokenIndex {
    hashes: RandomState,
    /// The number of connections and subscriptions of the session that use the token.
    uses: Mutex<BTreeMap<Key, u32>>,
}

/// One use of a token by a connection or a subscription. Dropping this value ends the use.
pub struct TokenUse {
    index: Arc<TokenIndex>,
    key: Key,
}

impl TokenIndex {
    /// Notes that a session uses a token. `None` for a token without an id, because such a token cannot be revoked by an id.
    pub(crate) fn note(self: &Arc<Self>, session: SessionId, token: &TokenMark) -> Option<TokenUse> {
        let key = (self.hashes.hash_one(token.id.as_deref()?), session);
        *self.uses.lock().entry(key).or_default() += 1;
        Some(TokenUse { index: Arc::clone(self), key })
    }

    /// The sessions that may use the token with this id.
    pub(crate) fn sessions(&self, id: &str) -> Vec<SessionId> {
        let hash = self.hashes.hash_one(id);
        let all = (hash, SessionId(Uuid::nil()))..=(hash, SessionId(Uuid::max()));
        self.uses.lock().range(all).map(|((_, session), _)| *session).collect()
    }
}

impl Drop for TokenUse {
    fn drop(&mut self) {
        let mut uses = self.index.uses.lock();
        if let Some(count) = uses.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                uses.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: &str) -> TokenMark {
        TokenMark { id: Some(id.into()), issued_at_ms: None }
    }

    #[test]
    fn a_session_is_found_by_a_token_as_long_as_it_uses_the_token() {
        let index = Arc::<TokenIndex>::default();
        let (ann, bob) = (SessionId::random(), SessionId::random());
        let [first, second] = [index.note(ann, &token("a")), index.note(ann, &token("a"))];
        let _held = [index.note(ann, &token("b")), index.note(bob, &token("c"))];
        let found = |id: &str| index.sessions(id);
        assert_eq!(
            (found("a"), found("b"), found("c"), found("d")),
            (vec![ann], vec![ann], vec![bob], vec![])
        );
        drop(first);
        assert_eq!(found("a"), [ann], "another connection of the session uses the token");
        drop(second);
        assert_eq!((found("a"), found("b")), (vec![], vec![ann]));
    }

    #[test]
    fn two_sessions_with_one_token_are_both_found() {
        let index = Arc::<TokenIndex>::default();
        let mut both = vec![SessionId::random(), SessionId::random()];
        both.sort_unstable();
        let _held: Vec<_> = both.iter().map(|session| index.note(*session, &token("shared"))).collect();
        assert_eq!(index.sessions("shared"), both);
        assert!(index.note(both[0], &TokenMark::default()).is_none(), "a token without an id is not indexed");
    }
}
