//! Keeping no more than a channel is allowed to keep: removal by order, and clearing away what is too old or too much.

use std::time::Duration;

use logic::journal::{Removed, Retention};
use protocol::channel_name::ChannelName;
use time::OffsetDateTime;

use super::{
    columns::{moment, unsigned},
    share::Purpose,
};
use crate::{error::StoreError, pool::Store};

/// Rows that one statement deletes.
const DELETED_AT_ONCE: i64 = 2_000;

/// Everything of the channel up to an offset is gone from now on. If this waits for the row while its asker has lost sight
/// of it, it still takes nothing that came later.
const REMOVE: &str = "
    WITH removed AS (
        UPDATE channels SET gone = greatest(gone, least(top, $2)), updated_at = now(), due_at = least(due_at, now())
        WHERE name = $1
        RETURNING least(top, $2) AS upto
    )
    SELECT coalesce((SELECT upto FROM removed), least(floor, $2)), epoch FROM channel_epoch";

/// Raises `gone` of some channels to what is too much, or too old. What is due is found first, as of one moment, so that
/// nothing younger is touched; then the rows are locked in the order of their names, so that nodes that sweep at the same
/// time wait for each other instead of locking each other out.
const RAISE: &str = "
    WITH due AS MATERIALIZED (
        SELECT c.name, greatest(c.top - k.size, coalesce(
                   (SELECT m.seq - 1 FROM channel_messages m
                    WHERE m.channel = c.name AND m.seq > c.gone AND m.created_at > k.expired
                    ORDER BY m.seq LIMIT 1), c.top)) AS gone
        FROM channels c JOIN unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS k (name, size, expired) USING (name)
    ), locked AS (
        SELECT c.name, due.gone FROM channels c JOIN due USING (name)
        WHERE c.gone < due.gone ORDER BY c.name FOR NO KEY UPDATE OF c
    )
    UPDATE channels c SET gone = locked.gone FROM locked WHERE c.name = locked.name AND c.gone < locked.gone";

/// Deletes what is gone, of these channels, so many rows.
const CLEAR: &str = "
    DELETE FROM channel_messages WHERE ctid = ANY (ARRAY(
        SELECT m.ctid FROM channels c CROSS JOIN LATERAL (
            SELECT ctid FROM channel_messages WHERE channel = c.name AND seq <= c.gone ORDER BY seq LIMIT $2
        ) m WHERE c.name = ANY ($1) LIMIT $2))";

/// A channel, and how much of it is kept.
#[derive(Clone, Debug)]
pub struct ChannelRetention {
    /// The channel.
    pub channel: ChannelName,
    /// How much.
    pub retention: Retention,
    /// How long the channel is remembered when nothing is kept, and nothing published.
    pub meta_ttl: Duration,
}

impl Store {
    /// Removes everything that was published in a channel up to this offset; the rows go with the next sweep.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn remove_messages(&self, channel: ChannelName, upto: u64) -> Result<Removed, StoreError> {
        let _turn = self.journal_turn(Purpose::Write).await?;
        self.run(move |client| {
            Box::pin(async move {
                // "Everything" may be said with any number.
                let upto = i64::try_from(upto).unwrap_or(i64::MAX);
                let row = client.query_one(REMOVE, &[&channel.as_str(), &upto]).await?;
                Ok(Removed { upto: unsigned(row.try_get(0)?), epoch: row.try_get::<_, &str>(1)?.into() })
            })
        })
        .await
    }

    /// Clears away what these channels do not keep any more. `false` if there is more to clear away. None of the journal's
    /// connections is used for it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn clear_messages(
        &self,
        kept: Vec<ChannelRetention>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let now_ms = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
        self.run_slow(move |client| {
            Box::pin(async move {
                let names: Vec<_> = kept.iter().map(|kept| kept.channel.as_str()).collect();
                let sizes: Vec<_> = kept.iter().map(|kept| i64::from(kept.retention.size)).collect();
                let expired: Vec<_> =
                    kept.iter().map(|kept| moment(kept.retention.expired_ms(now_ms))).collect();
                client.execute(RAISE, &[&names, &sizes, &expired]).await?;
                let deleted = client.execute(CLEAR, &[&names, &DELETED_AT_ONCE]).await?;
                Ok(deleted < DELETED_AT_ONCE.unsigned_abs())
            })
        })
        .await
    }

    /// Forgets idempotency keys that have expired.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn delete_expired_idempotency_keys(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql = "DELETE FROM channel_idempotency WHERE expires_at <= $1";
                Ok(client.execute(sql, &[&now]).await?)
            })
        })
        .await
    }
}
