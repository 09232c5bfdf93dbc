//! Denials: blocked users and revoked tokens. [`DenialCopy`] is a copy of the database's rows in memory.
//!
//! Pure. All code that admits callers shares the copy. A ruling is a row that states a denial or lifts a block. Rulings come
//! from this node and from the revocation feed. A ruling that arrives twice, or another order of rulings, does not change the
//! resulting copy. Times are wall time in milliseconds since the Unix epoch, because rows and tokens contain wall time.

use std::{collections::HashMap, sync::Arc};

use protocol::{close::CloseReason, id::Subject};

/// How long the lifting of a block is remembered. During this time, an older ruling that arrives late does not block the user
/// again.
const LIFTED_FOR_MS: i64 = 600_000;

/// The claims by which denials identify a verified token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenMark {
    /// The `jti` of the token, if there is one.
    pub id: Option<Arc<str>>,
    /// The `iat` of the token, if there is one, in milliseconds since the Unix epoch. A token without `iat` counts as issued
    /// before every moment.
    pub issued_at_ms: Option<i64>,
}

/// The content of a ruling: a denial, or the end of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A user is blocked or, if `lifted` is true, no longer blocked.
    User {
        /// The user.
        subject: Subject,
        /// Whether the block was lifted.
        lifted: bool,
    },
    /// One token is revoked.
    Token {
        /// The `jti` of the token.
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
    /// Every token issued before a moment is revoked, for all users: the database was restored from a backup, and later denials
    /// are lost.
    AllIssuedBefore {
        /// The moment.
        moment_ms: i64,
    },
}

/// A ruling, as a row of the database states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenialRecord {
    /// The number of the ruling. If two rulings concern the block of one user, the ruling with the greater number counts.
    pub id: i64,
    /// The content of the ruling.
    pub denial: Denial,
    /// The end of the ruling's validity, in milliseconds since the Unix epoch; `None` if it has no end.
    pub until_ms: Option<i64>,
}

/// Why a caller is refused. If there are several reasons, the first one in this order is given.
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
    all_issued_before: Vec<Before>,
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
    /// Adds a ruling to the copy. A ruling that is already known changes nothing.
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
                new.add_to(self.issued_before.entry(subject.clone()).or_default());
            }
            Denial::AllIssuedBefore { moment_ms } => {
                let new = Before { moment_ms: *moment_ms, channel: None, until };
                new.add_to(&mut self.all_issued_before);
            }
        }
    }

    /// Why the bearer of this token is refused; `None` if no ruling denies the bearer. `channel` is the channel of a
    /// subscription token.
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
        // A connection without a token has nothing that was issued. A token for an anonymous connection without `iat` and `jti`
        // looks the same. It grants no more than a connection without a token has, except through a channel's token.
        let tokenless = subject.is_anonymous() && channel.is_none() && *token == TokenMark::default();
        let of_all = self.all_issued_before.iter().filter(|_| !tokenless);
        let of_user = self.issued_before.get(subject).into_iter().flatten();
        of_user
            .chain(of_all)
            .filter(|before| before.channel.is_none() || before.channel.as_deref() == channel)
            .filter(|before| before.until.holds(now_ms))
            .any(|before| token.issued_at_ms.is_none_or(|issued| issued < before.moment_ms))
            .then_some(Denied::TokensInvalidated)
    }

    /// Drops expired rulings. Call this periodically.
    pub fn purge(&mut self, now_ms: i64) {
        self.users.retain(|_, block| block.until.holds(now_ms));
        self.tokens.retain(|_, until| until.holds(now_ms));
        self.issued_before.retain(|_, all| {
            all.retain(|before| before.until.holds(now_ms));
            !all.is_empty()
        });
        self.all_issued_before.retain(|before| before.until.holds(now_ms));
    }

    /// The sizes of the copy: users with a block or a lifted block, tokens, users with a moment that revokes older tokens, and
    /// moments that revoke all older tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len() + self.tokens.len() + self.issued_before.len() + self.all_issued_before.len()
    }

    /// Whether the copy has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// This node's copy of the denials. A reload fills a second copy while the current copy still decides, and then replaces the
/// current copy. So lifted denials disappear from the copy after their rows were deleted.
#[derive(Debug, Default)]
pub struct DenialCopy {
    current: Denials,
    /// The copy that is being loaded.
    next: Option<Denials>,
}

impl DenialCopy {
    /// Applies a ruling to the current copy and to the copy that is being loaded.
    pub fn apply(&mut self, ruling: &DenialRecord, now_ms: i64) {
        self.current.apply(ruling, now_ms);
        if let Some(next) = &mut self.next {
            next.apply(ruling, now_ms);
        }
    }

    /// Adds a row of the database to the copy that is being loaded, or to the current copy if none is being loaded. For
    /// millions of rows, this takes half the time of [`Self::apply`], which changes both copies.
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

    /// Begins a reload. The caller then passes every row to [`Self::load`].
    pub fn begin_reload(&mut self) {
        self.next = Some(Denials::default());
    }

    /// Ends a reload: the new copy replaces the old one. The old copy is returned, so that the caller can free it without a
    /// lock: freeing millions of rulings takes a while. `None` if no reload was begun.
    pub fn finish_reload(&mut self) -> Option<Denials> {
        let next = self.next.take()?;
        Some(std::mem::replace(&mut self.current, next))
    }
}

impl Before {
    /// Adds this entry, unless another entry covers it, in place of the entries that it covers.
    fn add_to(self, all: &mut Vec<Self>) {
        if !all.iter().any(|known| known.covers(&self)) {
            all.retain(|known| !self.covers(known));
            all.push(self);
        }
    }

    /// Whether this entry denies all tokens that `other` denies, for at least as long.
    fn covers(&self, other: &Self) -> bool {
        self.moment_ms >= other.moment_ms
            && self.until >= other.until
            && (self.channel.is_none() || self.channel == other.channel)
    }
}

#[cfg(test)]
#[path = "denials_tests.rs"]
mod tests;
