//! The channels that the retention job must check, the time of their next check, and the deletion of unused channels.
//!
//! A channel is due after a write, at the expiry of its oldest publication, at its own expiry, and once a day in case its
//! configuration has changed. The cost of a check is a few index lookups, and does not depend on the number of channels.

use deadpool_postgres::Client;
use protocol::channel_name::ChannelName;
use time::{Duration, OffsetDateTime};
use tokio_postgres::{error::SqlState, types::ToSql};

use super::{columns::moment, keep::ChannelRetention};
use crate::{error::StoreError, pool::Store};

/// The shortest time from a check of a channel to the next one, if nothing is written meanwhile. It is not zero, so that no
/// channel is checked twice in one run.
const SOONEST: Duration = Duration::SECOND;
/// The longest interval between two checks of a channel.
const LATEST: Duration = Duration::DAY;

/// A channel's row may be deleted under this condition: the channel keeps no publication, the last write was before `before`,
/// and there are no rows of its publications or idempotency keys.
const FORGOTTEN: &str = "
    c.name = k.name AND c.gone = c.top AND c.updated_at <= k.before
    AND NOT EXISTS (SELECT FROM channel_messages m WHERE m.channel = c.name)
    AND NOT EXISTS (SELECT FROM channel_idempotency i WHERE i.channel = c.name)";

/// The floor is a multiple of this number, so it rises seldom. Each time it rises, subscribers of channels without a row must
/// subscribe again.
const FLOOR_STEP: i64 = 1 << 16;
/// If the top offset of a deleted channel is 2^52 or more, a new epoch begins, with the floor 0. The reason: JavaScript
/// represents integers exactly only up to 2^53.
const FLOOR_MAX: i64 = 1 << 52;
/// Eight random letters.
const NEW_EPOCH: &str = "(SELECT string_agg(chr(97 + get_byte(uuid_send(gen_random_uuid()), 0) % 26), '') FROM generate_series(1, 8))";

/// While this lock is held, no channel row can be inserted or updated. So a transaction that creates a deleted row again must
/// wait, and then reads the new floor. While a request for this lock waits, all later writes to the table wait behind it, so
/// the lock timeout is short.
const ALONE: &str = "SET LOCAL lock_timeout = '100ms'; LOCK TABLE channels IN SHARE ROW EXCLUSIVE MODE";

/// Sets when each channel is due again. Rows are locked in the order of their names, as in every other statement that locks
/// rows of several channels. A channel with more rows to delete is due again after [`SOONEST`].
const SCHEDULE: &str = "
    WITH locked AS (
        SELECT c.name, c.gone, c.updated_at, k.ttl, k.meta_ttl
        FROM channels c JOIN unnest($1::text[], $2::float8[], $3::float8[]) AS k (name, ttl, meta_ttl) USING (name)
        ORDER BY c.name FOR NO KEY UPDATE OF c
    )
    UPDATE channels c SET due_at = CASE
        WHEN l.ttl IS NULL THEN $5::timestamptz
        WHEN EXISTS (SELECT FROM channel_messages m WHERE m.channel = l.name AND m.seq <= l.gone) THEN $4::timestamptz
        ELSE least($5, greatest($4, coalesce(
            (SELECT m.created_at + make_interval(secs => l.ttl) FROM channel_messages m
             WHERE m.channel = l.name AND m.seq > l.gone ORDER BY m.seq LIMIT 1),
            l.updated_at + make_interval(secs => l.meta_ttl)))) END
    FROM locked l WHERE c.name = l.name";

impl Store {
    /// At most `limit` channels that are due. The channels that have been due for the longest time come first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn due_channels(
        &self,
        now: OffsetDateTime,
        limit: u32,
    ) -> Result<Vec<ChannelName>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql = "SELECT name FROM channels WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
                let rows = client.query(sql, &[&now, &i64::from(limit)]).await?;
                let name = |row: &tokio_postgres::Row| {
                    ChannelName::parse(row.try_get(0)?)
                        .map_err(|_| StoreError::internal("a stored channel has an invalid name"))
                };
                rows.iter().map(name).collect()
            })
        })
        .await
    }

    /// Sets when these channels are due again. `others`, the channels with unknown retention, are due in a day.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn schedule_channels(
        &self,
        kept: Vec<ChannelRetention>,
        others: Vec<ChannelName>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let known = kept.iter().map(|kept| {
                    let seconds = (kept.retention.ttl.as_secs_f64(), kept.meta_ttl.as_secs_f64());
                    (kept.channel.as_str(), Some(seconds))
                });
                let all = known.chain(others.iter().map(|name| (name.as_str(), None)));
                let (names, times): (Vec<_>, Vec<Option<(f64, f64)>>) = all.unzip();
                let ttls: Vec<_> = times.iter().map(|times| times.map(|(ttl, _)| ttl)).collect();
                let meta_ttls: Vec<_> = times.iter().map(|times| times.map(|(_, meta)| meta)).collect();
                let (soonest, latest) = (now + SOONEST, now + LATEST);
                client.execute(SCHEDULE, &[&names, &ttls, &meta_ttls, &soonest, &latest]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Deletes the rows of the given channels that keep nothing and had their last publication more than `meta_ttl` ago.
    /// Returns the number of deleted rows, or `None` if the lock was not available in time. Then the caller tries again later.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn forget_channels(
        &self,
        kept: Vec<ChannelRetention>,
        now: OffsetDateTime,
    ) -> Result<Option<u64>, StoreError> {
        let now_ms = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
        self.run_slow(move |client| {
            Box::pin(async move {
                let before = |kept: &ChannelRetention| {
                    let ttl = i64::try_from(kept.meta_ttl.as_millis()).unwrap_or(i64::MAX);
                    moment(now_ms.saturating_sub(ttl))
                };
                let (names, before): (Vec<_>, Vec<_>) =
                    kept.iter().map(|kept| (kept.channel.as_str(), before(kept))).unzip();
                Ok(forget(client, &names, &before).await?)
            })
        })
        .await
    }
}

async fn forget(
    client: &mut Client,
    names: &[&str],
    before: &[OffsetDateTime],
) -> Result<Option<u64>, tokio_postgres::Error> {
    let any = format!(
        "SELECT count(*) FROM channels c, unnest($1::text[], $2::timestamptz[]) AS k (name, before)
         WHERE {FORGOTTEN}"
    );
    // Usually no channel can be forgotten, and no lock is needed.
    if client.query_one(&any, &[&names, &before]).await?.try_get::<_, i64>(0)? == 0 {
        return Ok(Some(0));
    }
    let transaction = client.transaction().await?;
    match transaction.batch_execute(ALONE).await {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => return Ok(None),
        other => other?,
    }
    let forget = format!(
        "WITH forgotten AS (
             DELETE FROM channels c USING unnest($1::text[], $2::timestamptz[]) AS k (name, before)
             WHERE {FORGOTTEN} RETURNING c.top
         ), highest AS (
             SELECT max(top) AS top FROM forgotten
         ), raised AS (
             UPDATE channel_epoch e SET
                 floor = CASE WHEN h.top < $4::bigint THEN (h.top / $3::bigint + 1) * $3 ELSE 0 END,
                 epoch = CASE WHEN h.top < $4 THEN e.epoch ELSE {NEW_EPOCH} END
             FROM highest h WHERE e.floor < h.top
         )
         SELECT count(*) FROM forgotten"
    );
    let arguments: [&(dyn ToSql + Sync); 4] = [&names, &before, &FLOOR_STEP, &FLOOR_MAX];
    let forgotten: i64 = transaction.query_one(&forget, &arguments).await?.try_get(0)?;
    transaction.commit().await?;
    Ok(Some(forgotten.unsigned_abs()))
}
