//! Denials: blocked users and revoked tokens. This is a copy of the database's rows.
//!
//! Pure. All code that admits callers shares the copy. The revocation feed delivers the records, possibly twice and in any
//! order; the resulting copy is the same. Times are wall time in milliseconds since the Unix epoch, because rows and tokens
//! contain wall time.

use std::{collections::HashMap, sync::Arc};

use protocol::{close::CloseReason, id::Subject};

/// How long a lifted block is remembered, so that an older ruling that arrives late does not block the user again.
const LIFTED_FOR_MS: i64 = 600_000;

/// The claims by which denials identify a verified token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenMark {
    /// `jti`, if it has one.
    pub id: Option<Arc<str>>,
    /// `iat`, if it has one, in milliseconds since the Unix epoch. A token without `iat` counts as issued before every
    /// moment.
    pub issued_at_ms: Option<i64>,
}

/// The content of a ruling: a denial, or the end of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A user is blocked. If `lifted` is set, the block is lifted.
    User {
        /// The user.
        subject: Subject,
        /// Whether the block was lifted.
        lifted: bool,
    },
    /// One token is revoked.
    Token {
        /// Its `jti`.
        id: Arc<str>,
    },
    /// Every token of a user that was issued before a moment is revoked.
    IssuedBefore {
        /// The owner of the tokens.
        subject: Subject,
        /// The moment.
        moment_ms: i64,
        /// If set, only subscription tokens for this channel are revoked.
        channel: Option<Arc<str>>,
    },
}

/// A ruling, as a row of the database states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenialRecord {
    /// Its number. Of two rulings about the block of a user, the one with the higher number counts.
    pub id: i64,
    /// Its content.
    pub denial: Denial,
    /// The end of its validity; `None` if it has none.
    pub until_ms: Option<i64>,
}

/// Why a caller is refused. Of several reasons the first one is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// The user is blocked.
    Blocked,
    /// The token was revoked by its `jti`.
    TokenRevoked,
    /// The user's tokens that were issued before a moment were revoked.
    TokensInvalidated,
}

impl Denied {
    /// The reason with which sockets are closed.
    #[must_use]
    pub fn close_reason(self) -> CloseReason {
        match self {
            Self::Blocked => CloseReason::AccountDisabled,
            Self::TokenRevoked | Self::TokensInvalidated => CloseReason::SessionRevoked,
        }
    }
}

/// The copy of the denials.
#[derive(Debug, Default)]
pub struct Denials {
    users: HashMap<Subject, Block>,
    tokens: HashMap<Arc<str>, Until>,
    issued_before: HashMap<Subject, Vec<Before>>,
}

#[derive(Debug)]
struct Block {
    ruling: i64,
    lifted: bool,
    until: Until,
}

#[derive(Debug)]
struct Before {
    moment_ms: i64,
    channel: Option<Arc<str>>,
    until: Until,
}

/// The end of a ruling's validity. A ruling without an end has the greatest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Until(i64);

impl Until {
    fn of(until_ms: Option<i64>) -> Self {
        Self(until_ms.unwrap_or(i64::MAX))
    }

    fn holds(self, now_ms: i64) -> bool {
        self.0 > now_ms
    }
}

impl Denials {
    /// Adds a ruling to the copy. A ruling that is known already changes nothing.
    pub fn apply(&mut self, ruling: &DenialRecord, now_ms: i64) {
        let until = Until::of(ruling.until_ms);
        match &ruling.denial {
            Denial::User { subject, lifted } => {
                let until = if *lifted { Until(now_ms.saturating_add(LIFTED_FOR_MS)) } else { until };
                let block = Block { ruling: ruling.id, lifted: *lifted, until };
                let known = self.users.get(subject).is_some_and(|known| known.ruling >= block.ruling);
                if !known {
                    self.users.insert(subject.clone(), block);
                }
            }
            Denial::Token { id } => {
                let known = self.tokens.entry(Arc::clone(id)).or_insert(until);
                *known = until.max(*known);
            }
            Denial::IssuedBefore { subject, moment_ms, channel } => {
                let new = Before { moment_ms: *moment_ms, channel: channel.clone(), until };
                let all = self.issued_before.entry(subject.clone()).or_default();
                if !all.iter().any(|known| known.covers(&new)) {
                    all.retain(|known| !new.covers(known));
                    all.push(new);
                }
            }
        }
    }

    /// Why the bearer of this token is refused; `None` if no ruling denies it. `channel` is the channel of a subscription token.
    #[must_use]
    pub fn judge(
        &self,
        subject: &Subject,
        token: &TokenMark,
        channel: Option<&str>,
        now_ms: i64,
    ) -> Option<Denied> {
        if self.users.get(subject).is_some_and(|block| !block.lifted && block.until.holds(now_ms)) {
            return Some(Denied::Blocked);
        }
        let revoked = token.id.as_ref().and_then(|id| self.tokens.get(id));
        if revoked.is_some_and(|until| until.holds(now_ms)) {
            return Some(Denied::TokenRevoked);
        }
        let before = self.issued_before.get(subject)?;
        before
            .iter()
            .filter(|before| before.channel.is_none() || before.channel.as_deref() == channel)
            .filter(|before| before.until.holds(now_ms))
            .any(|before| token.issued_at_ms.is_none_or(|issued| issued < before.moment_ms))
            .then_some(Denied::TokensInvalidated)
    }

    /// Drops expired rulings. Call it periodically.
    pub fn purge(&mut self, now_ms: i64) {
        self.users.retain(|_, block| block.until.holds(now_ms));
        self.tokens.retain(|_, until| until.holds(now_ms));
        self.issued_before.retain(|_, all| {
            all.retain(|before| before.until.holds(now_ms));
            !all.is_empty()
        });
    }

    /// How many entries the copy has: users with a block or a lifted block, tokens, and users whose older tokens are revoked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len() + self.tokens.len() + self.issued_before.len()
    }

    /// Whether the copy has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// This node's copy of the denials. A reload fills a second copy while the current copy still decides, and then replaces the
/// current copy. So lifted denials whose rows were deleted disappear from the copy.
#[derive(Debug, Default)]
pub struct DenialCopy {
    current: Denials,
    /// The copy that is being loaded.
    next: Option<Denials>,
}

impl DenialCopy {
    /// Applies a ruling, also to the copy that is being loaded.
    pub fn apply(&mut self, ruling: &DenialRecord, now_ms: i64) {
        self.current.apply(ruling, now_ms);
        if let Some(next) = &mut self.next {
            next.apply(ruling, now_ms);
        }
    }

    /// Takes a row of the database over, into the copy that is being loaded only: to load millions costs half of
    /// [`Self::apply`].
    pub fn load(&mut self, ruling: &DenialRecord, now_ms: i64) {
        self.next.as_mut().unwrap_or(&mut self.current).apply(ruling, now_ms);
    }

    /// See [`Denials::judge`].
    #[must_use]
    pub fn judge(
        &self,
        subject: &Subject,
        token: &TokenMark,
        channel: Option<&str>,
        now_ms: i64,
    ) -> Option<Denied> {
        self.current.judge(subject, token, channel, now_ms)
    }

    /// See [`Denials::purge`].
    pub fn purge(&mut self, now_ms: i64) {
        self.current.purge(now_ms);
    }

    /// Begins to load the copy anew. All rows are loaded after this.
    pub fn begin_reload(&mut self) {
        self.next = Some(Denials::default());
    }

    /// The copy is complete and replaces the old one, which is returned: the caller may hold a lock, and freeing millions of
    /// rulings takes a while.
    pub fn finish_reload(&mut self) -> Option<Denials> {
        let next = self.next.take()?;
        Some(std::mem::replace(&mut self.current, next))
    }
}

impl Before {
    /// Whether this entry denies all tokens that the other denies, for at least as long.
    fn covers(&self, other: &Self) -> bool {
        self.moment_ms >= other.moment_ms
            && self.until >= other.until
            && (self.channel.is_none() || self.channel == other.channel)
    }
}

#[cfg(test)]
#[path = "denials_tests.rs"]
mod tests;
