//! Retention: removing publications on request, and deleting those that are too old or too many.

use std::time::Duration;

use logic::journal::{Removed, Retention};
use protocol::channel_name::ChannelName;
use time::OffsetDateTime;

use super::{
    columns::{moment, unsigned},
    share::Purpose,
};
use crate::{error::StoreError, pool::Store};

/// The largest number of rows that one statement deletes.
const DELETED_AT_ONCE: i64 = 2_000;

/// Removes everything in the channel up to the offset `$2`. The caller passes the top offset that it has read. So later
/// publications stay, even if the statement waits for the lock of the row after its caller has given up.
const REMOVE: &str = "
    WITH removed AS (
        UPDATE channels SET gone = greatest(gone, least(top, $2)), updated_at = now(), due_at = least(due_at, now())
        WHERE name = $1
        RETURNING least(top, $2) AS upto
    )
    SELECT coalesce((SELECT upto FROM removed), least(floor, $2)), epoch FROM channel_epoch";

/// Raises `gone` in the rows of some channels, so that `gone` covers the surplus and the expired publications. Publications up
/// to the offset `gone` count as removed. The new values are computed first, from one snapshot, so no later publication is
/// removed. Then the rows are locked in the order of their names, so that nodes that run this job at the same time do not
/// deadlock.
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

/// Deletes rows of removed publications of the channels `$1`, at most `$2` rows.
const CLEAR: &str = "
    DELETE FROM channel_messages WHERE ctid = ANY (ARRAY(
        SELECT m.ctid FROM channels c CROSS JOIN LATERAL (
            SELECT ctid FROM channel_messages WHERE channel = c.name AND seq <= c.gone ORDER BY seq LIMIT $2
        ) m WHERE c.name = ANY ($1) LIMIT $2))";

/// A channel and its retention.
#[derive(Clone, Debug)]
pub struct ChannelRetention {
    /// The channel.
    pub channel: ChannelName,
    /// The retention of the channel.
    pub retention: Retention,
    /// How long an empty channel is kept after its last publication.
    pub meta_ttl: Duration,
}

impl Store {
    /// Removes everything that was published in a channel up to this offset. The retention job deletes the rows
    /// later.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn remove_messages(&self, channel: ChannelName, upto: u64) -> Result<Removed, StoreError> {
        let _turn = self.journal_turn(Purpose::Write).await?;
        self.run(move |client| {
            Box::pin(async move {
                // A number above the range of the column means "everything".
                let upto = i64::try_from(upto).unwrap_or(i64::MAX);
                let row = client.query_one(REMOVE, &[&channel.as_str(), &upto]).await?;
                Ok(Removed { upto: unsigned(row.try_get(0)?), epoch: row.try_get::<_, &str>(1)?.into() })
            })
        })
        .await
    }

    /// Removes the publications beyond the retention of these channels, and deletes rows of removed publications. `false` if
    /// there may be more rows to delete. The work does not count towards the journal's share of the connections.
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
}
