//! Figures over time: rows of minutes from each node, and rows of hours, which are their sums.
//!
//! Called by the statistics job and by operators. A node adds to its own row of the current minute, so several writes within a
//! minute are one row. Rows of minutes are kept for two days, and rows of hours for 400 days.

use logic::tally::{Counts, Series};
use time::{Duration, OffsetDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{error::StoreError, pool::Store, sessions::session::NOT_REVOKED};

/// How long rows of minutes are kept.
const MINUTES_KEPT: Duration = Duration::days(2);
/// How long rows of hours are kept.
const HOURS_KEPT: Duration = Duration::days(400);
/// How long after its end an hour is added up, so that nodes with slightly different clocks have written their last minutes.
const ADDED_UP_AFTER: Duration = Duration::minutes(2);
/// The most hours that one call adds up.
const HOURS_AT_ONCE: i64 = 24;
/// The number of newest added-up hours that are compared with their minutes.
const HOURS_COMPARED: i32 = 3;
/// The most rows that one call deletes.
const DELETED_AT_ONCE: i64 = 5_000;
/// Open sessions are counted up to this number.
const SESSIONS_COUNTED: i64 = 100_000;

/// Adds two arrays of buckets, element by element.
const ADD_BUCKETS: &str = "coalesce((SELECT array_agg(coalesce(one, 0) + coalesce(two, 0) ORDER BY place)
               FROM unnest(s.buckets, excluded.buckets) WITH ORDINALITY AS b (one, two, place)), s.buckets, excluded.buckets)";

/// A value of a series in one period.
#[derive(Clone, Debug, PartialEq)]
pub struct StatisticsPoint {
    /// The beginning of the period.
    pub at: OffsetDateTime,
    /// The label.
    pub label: String,
    /// For counts and durations: the number of events. For gauges: the mean of the minutes of the period, summed over all nodes.
    pub value: f64,
    /// For gauges: the sum of the largest value of each node.
    pub highest: u64,
    /// For durations: how many events lie in each bucket of `logic::tally`.
    pub buckets: Vec<u64>,
}

/// Which values are read.
#[derive(Clone, Copy, Debug)]
pub struct StatisticsQuery {
    /// The series.
    pub series: Series,
    /// The beginning of the first period.
    pub from: OffsetDateTime,
    /// The end, which is not part of the last period.
    pub to: OffsetDateTime,
    /// The length of a period in seconds: a multiple of 60. From 3,600 on it is a multiple of 3,600, and rows of hours are read.
    pub step: u32,
}

impl Store {
    /// Adds counts of a node to its rows of the minute of `now`, and replaces its values of the gauges in that minute.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. The counts may then be stored or not.
    pub async fn add_statistics(
        &self,
        node: Uuid,
        now: OffsetDateTime,
        counts: Counts,
        gauges: Vec<(Series, u64)>,
    ) -> Result<(), StoreError> {
        let add = format!(
            "INSERT INTO statistics AS s (step, series, at, node, label, value, highest, buckets)
             VALUES (60, $1, date_trunc('minute', $2::timestamptz, 'UTC'), $3, $4, $5, 0, $6)
             ON CONFLICT (step, series, at, node, label) DO UPDATE
             SET value = s.value + excluded.value, buckets = {ADD_BUCKETS}"
        );
        let set = "INSERT INTO statistics AS s (step, series, at, node, value, highest)
                   VALUES (60, $1, date_trunc('minute', $2::timestamptz, 'UTC'), $3, $4, $4)
                   ON CONFLICT (step, series, at, node, label) DO UPDATE
                   SET value = excluded.value, highest = greatest(s.highest, excluded.highest)";
        let sessions = format!(
            "INSERT INTO statistics (step, series, at, node, value, highest)
             SELECT 60, $1, date_trunc('minute', $2::timestamptz, 'UTC'), $3, counted, counted
             FROM (SELECT count(*) AS counted FROM (
                       SELECT FROM sessions s WHERE {NOT_REVOKED} AND s.method <> 'drill' LIMIT {SESSIONS_COUNTED}) open) c
             WHERE NOT EXISTS (SELECT FROM statistics WHERE step = 60 AND series = $1
                               AND at = date_trunc('minute', $2::timestamptz, 'UTC') AND node = $3 AND label = '')
             ON CONFLICT DO NOTHING"
        );
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let statement = transaction.prepare_cached(&add).await?;
                for ((series, label), counted) in &counts {
                    let buckets = counted.buckets.map(|buckets| buckets.map(stored).to_vec());
                    let value = stored(counted.count);
                    transaction
                        .execute(&statement, &[&series.as_str(), &now, &node, label, &value, &buckets])
                        .await?;
                }
                let statement = transaction.prepare_cached(set).await?;
                for (series, value) in &gauges {
                    transaction
                        .execute(&statement, &[&series.as_str(), &now, &node, &stored(*value)])
                        .await?;
                }
                // The first node in a minute counts the sessions of the database.
                let statement = transaction.prepare_cached(&sessions).await?;
                transaction.execute(&statement, &[&Series::Sessions.as_str(), &now, &Uuid::nil()]).await?;
                Ok(transaction.commit().await?)
            })
        })
        .await
    }

    /// The nodes that have written statistics in the minute of `now` or the minute before. A node that runs writes every ten
    /// seconds; a node that has stopped is named for up to two minutes.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn active_nodes(&self, now: OffsetDateTime) -> Result<Vec<Uuid>, StoreError> {
        let sql = "SELECT DISTINCT node FROM statistics WHERE step = 60 AND series = $1
                   AND at >= date_trunc('minute', $2::timestamptz, 'UTC') - interval '1 minute' ORDER BY node";
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let rows = client.query(&statement, &[&Series::Connections.as_str(), &now]).await?;
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
            })
        })
        .await
    }

    /// Adds up the hours that have ended and are not added up yet, and deletes old rows. Returns whether there may be more to do.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn add_up_statistics(&self, now: OffsetDateTime) -> Result<bool, StoreError> {
        // The hours are those of the rows of minutes: one probe of the index for each. A node with a fast clock may have added
        // up an hour before its end, and a late node may have written a minute since. So the newest hours are compared with
        // their minutes. An hour that is added up twice has the same result.
        let sql = "WITH RECURSIVE every (hour) AS (
                 SELECT date_trunc('hour', min(at), 'UTC') FROM statistics WHERE step = 60
                 UNION ALL
                 SELECT (SELECT date_trunc('hour', min(at), 'UTC') FROM statistics
                         WHERE step = 60 AND at >= every.hour + interval '1 hour' AND at < $1)
                 FROM every WHERE hour IS NOT NULL
             ), hours AS MATERIALIZED (
                 SELECT hour FROM every
                 WHERE hour + interval '1 hour' <= $1
                   AND (NOT EXISTS (SELECT FROM statistics WHERE step = 3600 AND at = hour)
                        OR hour > $1::timestamptz - make_interval(hours => $3)
                           AND (SELECT sum(minutes) FROM statistics WHERE step = 3600 AND at = hour)
                               <> (SELECT count(*) FROM statistics
                                   WHERE step = 60 AND at >= hour AND at < hour + interval '1 hour'))
                 ORDER BY hour LIMIT $2
             ), added AS (
             INSERT INTO statistics AS s (step, series, at, node, label, value, minutes, highest, buckets)
             SELECT 3600, m.series, h.hour, m.node, m.label, sum(m.value), count(*), max(m.highest),
                    (SELECT array_agg(total ORDER BY place)
                     FROM (SELECT place, sum(n)::bigint AS total
                           FROM statistics d, unnest(d.buckets) WITH ORDINALITY AS b (n, place)
                           WHERE d.step = 60 AND d.series = m.series AND d.at >= h.hour
                             AND d.at < h.hour + interval '1 hour' AND d.node = m.node AND d.label = m.label
                           GROUP BY place) t)
             FROM hours h JOIN statistics m ON m.step = 60 AND m.at >= h.hour AND m.at < h.hour + interval '1 hour'
             GROUP BY h.hour, m.series, m.node, m.label
             ON CONFLICT (step, series, at, node, label) DO UPDATE
             SET value = excluded.value, minutes = excluded.minutes, highest = excluded.highest, buckets = excluded.buckets
             )
             SELECT count(*) FROM hours";
        // A minute is kept until its hour is added up, however old it is.
        let delete = "DELETE FROM statistics WHERE ctid = ANY (ARRAY(
                 SELECT ctid FROM statistics m WHERE step = $1 AND at < $2
                   AND (step = 3600 OR EXISTS (SELECT FROM statistics h
                                               WHERE h.step = 3600 AND h.at = date_trunc('hour', m.at, 'UTC')))
                 ORDER BY at LIMIT $3))";
        self.run_slow(move |client| {
            Box::pin(async move {
                let limit = HOURS_AT_ONCE;
                let hours =
                    client.query_one(sql, &[&(now - ADDED_UP_AFTER), &limit, &HOURS_COMPARED]).await?;
                let mut more = hours.try_get::<_, i64>(0)? == limit;
                for (step, kept) in [(60, MINUTES_KEPT), (3_600, HOURS_KEPT)] {
                    let deleted = client.execute(delete, &[&step, &(now - kept), &DELETED_AT_ONCE]).await?;
                    more |= deleted == DELETED_AT_ONCE.unsigned_abs();
                }
                Ok(more)
            })
        })
        .await
    }

    /// The values of a series, in the order of time and label.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn statistics(&self, query: StatisticsQuery) -> Result<Vec<StatisticsPoint>, StoreError> {
        // For long periods: the rows of hours, and the rows of minutes in hours that are not added up.
        let sql = "WITH found AS MATERIALIZED (
                 SELECT at, node, label, value, minutes, highest, buckets FROM statistics
                 WHERE step = 3600 AND series = $1 AND at >= $2 AND at < $3 AND $4::integer >= 3600
                 UNION ALL
                 SELECT m.at, node, label, value, minutes, highest, buckets FROM statistics m
                 WHERE step = 60 AND series = $1 AND m.at >= $2 AND m.at < $3
                   AND ($4 < 3600 OR NOT EXISTS (SELECT FROM statistics h WHERE h.step = 3600 AND h.series = $1
                                                 AND h.at = date_trunc('hour', m.at, 'UTC')))
             ), slots AS (
                 SELECT to_timestamp(floor(extract(epoch FROM at) / $4) * $4) AS slot, f.* FROM found f
             ), by_node AS (
                 SELECT slot, label, node, sum(value)::float8 AS value, sum(minutes)::float8 AS minutes,
                        max(highest) AS highest
                 FROM slots GROUP BY slot, label, node
             ), places AS (
                 SELECT slot, label, place, sum(n)::bigint AS n
                 FROM slots, unnest(buckets) WITH ORDINALITY AS b (n, place) GROUP BY slot, label, place
             )
             SELECT n.slot, n.label, sum(n.value) AS value, max(n.minutes) AS minutes,
                    sum(n.highest)::bigint AS highest,
                    coalesce((SELECT array_agg(p.n ORDER BY p.place) FROM places p
                              WHERE p.slot = n.slot AND p.label = n.label), '{}') AS buckets
             FROM by_node n GROUP BY n.slot, n.label ORDER BY n.slot, n.label";
        self.run_slow(move |client| {
            Box::pin(async move {
                let StatisticsQuery { series, from, to, step } = query;
                let step = i32::try_from(step).unwrap_or(i32::MAX);
                let rows = client.query(sql, &[&series.as_str(), &from, &to, &step]).await?;
                rows.iter().map(|row| point(row, series)).collect()
            })
        })
        .await
    }
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn point(row: &Row, series: Series) -> Result<StatisticsPoint, StoreError> {
    let (value, minutes): (f64, f64) = (row.try_get("value")?, row.try_get("minutes")?);
    let is_gauge = series.kind() == logic::tally::SeriesKind::Gauge;
    let buckets: Vec<i64> = row.try_get("buckets")?;
    Ok(StatisticsPoint {
        at: row.try_get("slot")?,
        label: row.try_get("label")?,
        value: if is_gauge { value / minutes.max(1.0) } else { value },
        highest: row.try_get::<_, i64>("highest")?.unsigned_abs(),
        buckets: buckets.into_iter().map(i64::unsigned_abs).collect(),
    })
}
