//! The operations of `Realtime` for rate limits, bans, audit events, last-seen values and sign-in scores.

pub(crate) mod audit;
pub(crate) mod audit_lane;
pub(crate) mod device_tracker;
pub(crate) mod rate_limiter;
pub(crate) mod spill;
pub(crate) mod unwritten_events;

use std::{future::Future, hash::BuildHasher as _, net::IpAddr, time::Duration};

use domain::{
    abuse::stuffing::Pair,
    client::address::{limit_key, network_key},
    risk::{Assessment, Signals, sign_in_history::Attempted},
};
use logic::{
    bans::BanStatus,
    limits::Verdict,
    tally::{Series, Tally},
};
use protocol::{audit::AuditEvent, id::UserId, limit::Limit};
use tokio::sync::oneshot;

use self::{
    audit::RecordError,
    device_tracker::{FlushSeen, Note, NoteAttempt, Score},
    rate_limiter::{Check, WrongPair},
};
use crate::runtime::{
    ports::{ReadError, SessionActivity},
    realtime::{LIMITER_SHARDS, Realtime, TRACKER_SHARDS},
};

/// How long a caller waits for the answer of an actor. Without an answer, a limit check or an audit append counts as refused.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The retry delay that a caller gets if it was refused because the limiter did not answer.
const BUSY_RETRY: Duration = Duration::from_secs(1);

impl Realtime {
    /// Spends one permit of `key` under `limit`. Refuses if the limiter does not answer.
    pub async fn check(&self, key: &str, limit: Limit) -> Verdict {
        self.counted(limit, self.ask_limiter(key, limit, true).await)
    }

    /// Returns what [`Self::check`] would return, without spending a permit.
    pub async fn look(&self, key: &str, limit: Limit) -> Verdict {
        self.counted(limit, self.ask_limiter(key, limit, false).await)
    }

    /// Counts a refusal for the statistics.
    fn counted(&self, limit: Limit, verdict: Verdict) -> Verdict {
        if matches!(verdict, Verdict::Denied { .. }) {
            self.tally().count(Series::Limits, limit.name, 1);
        }
        verdict
    }

    /// The counts for the statistics.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.0.tally
    }

    async fn ask_limiter(&self, key: &str, limit: Limit, spend: bool) -> Verdict {
        let (reply, answer) = oneshot::channel();
        let check = Check { key: key.to_owned(), limit, spend, reply };
        let sent = self.0.limiters[self.limiter_of(key)].try_send(check);
        if sent.is_err() {
            return Verdict::Denied { retry_after: BUSY_RETRY };
        }
        within(answer).await.unwrap_or(Verdict::Denied { retry_after: BUSY_RETRY })
    }

    /// Records a wrong pair of account and password from `address`. `true` if the address has now reached the limit. If the
    /// limiter does not answer, the result is `false`; the other limits still apply.
    pub async fn note_wrong_pair(&self, address: &str, pair: Pair, limit: Limit) -> bool {
        let (reply, answer) = oneshot::channel();
        let message = WrongPair { address: address.to_owned(), pair, limit, reply };
        self.0.limiters[self.limiter_of(address)].try_send(message).is_ok()
            && within(answer).await.unwrap_or(false)
    }

    /// Whether this address, or a network that contains it, is banned.
    #[must_use]
    pub fn ban_status(&self, address: IpAddr, now_ms: i64) -> BanStatus {
        let bans = self.0.bans.read();
        let own = limit_key(address);
        let networks: Vec<_> = bans.prefixes().filter_map(|bits| network_key(address, bits)).collect();
        bans.longest(networks.iter().map(String::as_str).chain([own.as_str()]), now_ms)
    }

    /// A mark for [`Realtime::fill_bans`]. Call this before the bans are read from the database.
    #[must_use]
    pub fn bans_mark(&self) -> u64 {
        self.0.bans.read().mark()
    }

    /// Replaces the bans of this node by `bans` from the database: each key with the end of its ban, in milliseconds since the
    /// epoch. `false` if this node has changed a ban since `mark`. Then nothing is replaced, and the bans must be read again.
    pub fn fill_bans(&self, mark: u64, bans: Vec<(String, i64)>) -> bool {
        self.0.bans.write().fill(mark, bans)
    }

    /// Whether the bans have been read from the database.
    #[must_use]
    pub fn knows_bans(&self) -> bool {
        self.0.bans.read().is_filled()
    }

    /// Adds a ban. Call this after the ban has been written to the database.
    pub fn ban(&self, key: &str, until_ms: i64) {
        self.0.bans.write().ban(key, until_ms);
    }

    /// Removes a ban. Call this after the ban has been deleted from the database.
    pub fn lift_ban(&self, key: &str) {
        self.0.bans.write().lift(key);
    }

    /// Records an event, and returns once the event is in the spill file. From then on, the event is not lost in an outage of
    /// the database.
    ///
    /// # Errors
    /// When the event cannot be written. The caller must not carry out the action that the event describes.
    pub async fn record(&self, event: AuditEvent) -> Result<(), RecordError> {
        within(self.0.audit.record(event)?).await.unwrap_or(Err(RecordError))
    }

    /// Records an event without waiting. For sockets only: if too many bytes of events are waiting, the event is dropped and
    /// counted.
    pub fn note(&self, event: AuditEvent) {
        self.0.audit.note(event);
    }

    /// Records a use of a session. The use is written later, in a batch.
    pub fn seen(&self, seen: SessionActivity) {
        // If this message is lost, the next use of the session is recorded instead.
        let _ = self.0.trackers[tracker_of(seen.user)].try_send(Note(seen));
    }

    /// The risk of a sign-in of `user` from `address`, judged by the user's history.
    ///
    /// # Errors
    /// When the history cannot be read, or the actor does not answer.
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

    /// Adds a stored sign-in attempt to the cached history, so that the next score includes it.
    pub fn attempted(&self, attempted: Attempted) {
        // If this message is lost, the attempt is included when the history is next read from the database.
        let _ = self.0.trackers[tracker_of(attempted.user)].try_send(NoteAttempt(attempted));
    }

    /// Waits, at most `limit`, until the audit events so far are in the database or in the file of refused events. Also waits
    /// for the write of the pending last-seen values to end, even with a failure. `false` if this took longer than `limit`, or
    /// if one of the actors failed meanwhile.
    pub async fn flush(&self, limit: Duration) -> bool {
        let mut waiting = Vec::new();
        // These messages may exceed the bound of a mailbox, but there is only one flush, when the process stops.
        let (done, wait) = oneshot::channel();
        self.0.audit.flush(done);
        waiting.push(wait);
        for tracker in &self.0.trackers {
            let (done, wait) = oneshot::channel();
            tracker.control(FlushSeen(done));
            waiting.push(wait);
        }
        let all = futures_util::future::join_all(waiting);
        tokio::time::timeout(limit, all).await.is_ok_and(|answers| answers.iter().all(Result::is_ok))
    }

    pub(crate) fn limiter_of(&self, key: &str) -> usize {
        usize::try_from(self.0.hashes.hash_one(key) % LIMITER_SHARDS as u64).unwrap_or(0)
    }
}

async fn within<T>(answer: impl Future<Output = Result<T, oneshot::error::RecvError>>) -> Option<T> {
    tokio::time::timeout(ANSWER_WITHIN, answer).await.ok().and_then(Result::ok)
}

fn tracker_of(user: UserId) -> usize {
    usize::try_from(user.0.unsigned_abs() % TRACKER_SHARDS as u64).unwrap_or(0)
}
