//! Which channels are due to be looked at, and when again; and forgetting those that nobody has used for long.
//!
//! A channel is due after it was written, when its oldest publication expires, when it is to be forgotten, and once a day, in
//! case the rules have changed. A look costs a few probes of an index, whatever other channels there are.

use deadpool_postgres::Client;
use protocol::channel_name::ChannelName;
use time::{Duration, OffsetDateTime};
use tokio_postgres::error::SqlState;

use super::{columns::moment, keep::ChannelRetention};
use crate::{error::StoreError, pool::Store};

/// Not in the same sweep again.
const SOONEST: Duration = Duration::SECOND;
/// A channel is looked at so often, whether there seems to be a reason or not.
const LATEST: Duration = Duration::DAY;

/// Nothing may be there that the row is needed for. Keys expire by themselves.
const FORGOTTEN: &str = "
    c.name = k.name AND c.gone = c.top AND c.updated_at <= k.before
    AND NOT EXISTS (SELECT FROM channel_messages m WHERE m.channel = c.name)
    AND NOT EXISTS (SELECT FROM channel_idempotency i WHERE i.channel = c.name)";

/// Beside this no row is made or changed, so that whoever makes one anew has waited, and sees the floor. Whoever waits for
/// it keeps everybody else waiting, so it is not waited for long.
const ALONE: &str = "SET LOCAL lock_timeout = '100ms'; LOCK TABLE channels IN SHARE ROW EXCLUSIVE MODE";

/// Rows are locked in the order of their names, as everywhere. What is still to be cleared away is looked at soon.
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
    /// Channels that are due, the longest due first, at most `limit`.
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
                        .map_err(|_| StoreError::internal("a stored channel has no channel's name"))
                };
                rows.iter().map(name).collect()
            })
        })
        .await
    }

    /// Says when these are due again, and others, of which nothing is known, in a day.
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

    /// Forgets those of these channels in which nothing is kept, and nothing was published for their `meta_ttl`; how many.
    /// `None` if others would have had to wait for it too long: try again later.
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
    // Usually there is none, and nobody is kept waiting.
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
         ), raised AS (
             UPDATE channel_epoch
             SET floor = 1::bigint << (SELECT length(ltrim(max(top)::bit(64)::text, '0')) FROM forgotten)
             WHERE floor < (SELECT max(top) FROM forgotten)
         )
         SELECT count(*) FROM forgotten"
    );
    let forgotten: i64 = transaction.query_one(&forget, &[&names, &before]).await?.try_get(0)?;
    transaction.commit().await?;
    Ok(Some(forgotten.unsigned_abs()))
}
