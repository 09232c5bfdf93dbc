//! The part of `Realtime` that keeps count and keeps record: limits, bans, audit events, signs of life.

pub(crate) mod audit;
pub(crate) mod device_tracker;
pub(crate) mod rate_limiter;
pub(crate) mod spill;

use std::{future::Future, net::IpAddr, time::Duration};

use domain::{
    abuse::stuffing::Pair,
    risk::{Assessment, Signals, sign_in_history::Attempted},
};
use logic::{bans::BanStatus, limits::Verdict};
use protocol::{audit::AuditEvent, id::UserId, limit::Limit};
use tokio::sync::oneshot;

use self::{
    audit::{Flush, Record, RecordError},
    device_tracker::{FlushSeen, Note, NoteAttempt, Score},
    rate_limiter::{Check, WrongPair},
};
use crate::runtime::{
    ports::{ReadError, SessionActivity},
    realtime::{LIMITER_SHARDS, Realtime, TRACKER_SHARDS},
};

/// How long a limit check or an audit append may take before it counts as refused.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The retry delay for a caller that was refused because an actor was overloaded.
const BUSY_RETRY: Duration = Duration::from_secs(1);

impl Realtime {
    /// Spends one permit of `key` under `limit`. Refuses when it cannot tell.
    pub async fn check(&self, key: &str, limit: Limit) -> Verdict {
        self.ask_limiter(key, limit, true).await
    }

    /// What [`Self::check`] would say; no permit is spent.
    pub async fn look(&self, key: &str, limit: Limit) -> Verdict {
        self.ask_limiter(key, limit, false).await
    }

    async fn ask_limiter(&self, key: &str, limit: Limit, spend: bool) -> Verdict {
        let (reply, answer) = oneshot::channel();
        let check = Check { key: key.to_owned(), limit, spend, reply };
        let sent = self.0.limiters[limiter_of(key)].try_send(check);
        if sent.is_err() {
            return Verdict::Denied { retry_after: BUSY_RETRY };
        }
        within(answer).await.unwrap_or(Verdict::Denied { retry_after: BUSY_RETRY })
    }

    /// Notes a wrong pair of account and password from `address`. `true` when it is one too many. When nothing can be told
    /// it is `false`: the limits still hold.
    pub async fn note_wrong_pair(&self, address: &str, pair: Pair, limit: Limit) -> bool {
        let (reply, answer) = oneshot::channel();
        let message = WrongPair { address: address.to_owned(), pair, limit, reply };
        self.0.limiters[limiter_of(address)].try_send(message).is_ok()
            && within(answer).await.unwrap_or(false)
    }

    /// Whether this key is banned.
    #[must_use]
    pub fn ban_status(&self, key: &str, now_ms: i64) -> BanStatus {
        self.0.bans.read().ban_status(key, now_ms)
    }

    /// To be taken before the database is asked for its bans, for [`Realtime::fill_bans`].
    #[must_use]
    pub fn bans_mark(&self) -> u64 {
        self.0.bans.read().mark()
    }

    /// Takes over the bans of the database: keys, and until when in milliseconds since the epoch. `false`: what was read is
    /// older than what this node did since; read again.
    pub fn fill_bans(&self, mark: u64, bans: Vec<(String, i64)>) -> bool {
        self.0.bans.write().fill(mark, bans)
    }

    /// A ban that has been written to the database.
    pub fn ban(&self, key: &str, until_ms: i64) {
        self.0.bans.write().ban(key, until_ms);
    }

    /// A ban that has been taken from the database.
    pub fn lift_ban(&self, key: &str) {
        self.0.bans.write().lift(key);
    }

    /// Writes an event down and returns once it cannot be lost to a pause of the database.
    ///
    /// # Errors
    /// When it cannot be written anywhere: the act it tells of must not be done.
    pub async fn record(&self, event: AuditEvent) -> Result<(), RecordError> {
        let (reply, written) = oneshot::channel();
        self.0.audit.try_send(Record { event, reply: Some(reply) }).map_err(|_| RecordError)?;
        within(written).await.unwrap_or(Err(RecordError))
    }

    /// Writes an event down without waiting. For sockets only: bounded by one open and one close per connection.
    pub fn note(&self, event: AuditEvent) {
        self.0.audit.control(Record { event, reply: None });
    }

    /// Notes a sign of life of a session; written later, in a batch.
    pub fn seen(&self, seen: SessionActivity) {
        // A lost sign of life is followed by others.
        let _ = self.0.trackers[tracker_of(seen.user)].try_send(Note(seen));
    }

    /// How risky a sign-in of `user` from `address` looks, compared with the user's history.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn score(
        &self,
        user: UserId,
        address: IpAddr,
        signals: Signals,
    ) -> Result<Assessment, ReadError> {
        let (reply, scored) = oneshot::channel();
        let sent = self.0.trackers[tracker_of(user)].try_send(Score { user, address, signals, reply });
        sent.map_err(|error| ReadError(error.to_string()))?;
        within(scored).await.unwrap_or_else(|| Err(ReadError("no answer in time".to_owned())))
    }

    /// Notes an attempt to sign in that has been written down, so that the next score knows of it.
    pub fn attempted(&self, attempted: Attempted) {
        // One that is lost is read from the database a moment later.
        let _ = self.0.trackers[tracker_of(attempted.user)].try_send(NoteAttempt(attempted));
    }

    /// Waits until what was recorded and seen so far is in the database, at most `limit`. `false`: not all of it is.
    pub async fn flush(&self, limit: Duration) -> bool {
        let mut waiting = Vec::new();
        let (done, wait) = oneshot::channel();
        self.0.audit.control(Flush(done));
        waiting.push(wait);
        for tracker in &self.0.trackers {
            let (done, wait) = oneshot::channel();
            tracker.control(FlushSeen(done));
            waiting.push(wait);
        }
        let all = futures_util::future::join_all(waiting);
        tokio::time::timeout(limit, all).await.is_ok_and(|answers| answers.iter().all(Result::is_ok))
    }
}

async fn within<T>(answer: impl Future<Output = Result<T, oneshot::error::RecvError>>) -> Option<T> {
    tokio::time::timeout(ANSWER_WITHIN, answer).await.ok().and_then(Result::ok)
}

fn tracker_of(user: UserId) -> usize {
    usize::try_from(user.0.unsigned_abs() % TRACKER_SHARDS as u64).unwrap_or(0)
}

fn limiter_of(key: &str) -> usize {
    usize::try_from(hash(key) % LIMITER_SHARDS as u64).unwrap_or(0)
}

fn hash(key: &str) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(key.as_bytes());
    hasher.finish()
}
