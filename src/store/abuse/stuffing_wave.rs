//! Finds the accounts with passwords that a stuffing wave knows.
//!
//! The search begins with the failed attempts of a period, by an index. It groups them by their source (an address or a
//! network), and keeps the sources with many failures on many accounts. Only for these sources, by another index, it reads
//! which attempts had the right password. So its cost depends on the failures of the period and on the sources of the wave, not
//! on the number of sign-ins.

use domain::abuse::attempt::AttemptOutcome;
use protocol::id::UserId;
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::{error::StoreError, pool::Store, row_mapping, sessions::session::NOT_REVOKED};

/// The largest number of failures that one search reads.
const FAILURES: i64 = 1_000_000;
/// The largest number of sources that one search looks at: those with the most failures.
const SOURCES: i64 = 20_000;
/// The largest number of attempts with the right password that are read to judge a source. The accounts that are missing then can
/// only make the source look more like a wave.
const HITS: i64 = 10_000;
/// The largest number of sources that are named for each account.
const SOURCES_NAMED: i32 = 5;

/// What counts as a source of a stuffing wave.
#[derive(Clone, Copy, Debug)]
pub struct WaveSearch {
    /// The beginning of the period.
    pub since: OffsetDateTime,
    /// The end of the period, which is not part of it.
    pub until: OffsetDateTime,
    /// The lengths of the prefixes that group addresses, for IPv4 and IPv6.
    pub prefixes: (u8, u8),
    /// The smallest number of failures of a source.
    pub failures: u32,
    /// The smallest number of different names in the failures of a source, whether or not accounts have these names.
    pub names: u32,
    /// The smallest share of failed names, in percent, 1 to 100. The whole is these names, and the accounts with a right
    /// password. Names and accounts are counted, and not attempts, so that a source cannot hide by signing in to one account
    /// often.
    pub failed_percent: u8,
    /// Only accounts with a larger id.
    pub after: Option<UserId>,
    /// Maximum number of accounts.
    pub limit: u32,
}

/// The result of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wave {
    /// The number of sources.
    pub sources: u64,
    /// The number of failures of these sources.
    pub failures: u64,
    /// Whether the search is incomplete: the period has more failures or sources than it reads, or a source has more attempts
    /// with the right password.
    pub truncated: bool,
    /// The accounts with a password that a source knew, in the order of their ids.
    pub accounts: Vec<WaveAccount>,
}

/// An account with a password that a source of a wave knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveAccount {
    /// The account.
    pub user: UserId,
    /// Its address; `None` if the account was deleted.
    pub email: Option<String>,
    /// The number of attempts with the right password.
    pub attempts: u64,
    /// The different outcomes of these attempts.
    pub outcomes: Vec<AttemptOutcome>,
    /// The time of the first of these attempts.
    pub first_at: OffsetDateTime,
    /// The time of the last of these attempts.
    pub last_at: OffsetDateTime,
    /// The number of sources of these attempts.
    pub source_count: u64,
    /// Some of the sources, as networks.
    pub sources: Vec<String>,
    /// The number of sessions of the account that have not ended.
    pub open_sessions: u64,
}

/// The outcomes of attempts with the right password.
const RIGHT_PASSWORD: [AttemptOutcome; 3] =
    [AttemptOutcome::Success, AttemptOutcome::Challenged, AttemptOutcome::RiskRefused];

/// The first accounts of each source suffice, because one of the first accounts of all sources is also one of the first in its
/// own source. The conditions with `IS TRUE` cannot be looked up in an index, and a query with a limit is not merged into a
/// join. So the attempts of a source are found by its addresses, and never by reading all successes of the period for each
/// source.
fn sql() -> String {
    format!(
        "WITH failed AS MATERIALIZED (
             SELECT address, identifier FROM device_login_attempts
             WHERE outcome = ANY ($3::text[]) AND at >= $1 AND at < $2 AND address IS NOT NULL LIMIT {FAILURES}
         ), sources AS MATERIALIZED (
             SELECT host(source)::inet AS first, host(broadcast(source))::inet AS last, source, failures, names
             FROM (SELECT network(set_masklen(address, CASE family(address) WHEN 4 THEN $5::integer ELSE $6::integer END))
                              AS source,
                          count(*) AS failures, count(DISTINCT identifier) AS names
                   FROM failed GROUP BY 1) g
             WHERE failures >= $7::bigint AND names >= $8::bigint ORDER BY failures DESC LIMIT {SOURCES}
         ), judged AS MATERIALIZED (
             SELECT s.*, o.hits FROM sources s CROSS JOIN LATERAL (
                 SELECT count(*) AS hits, count(DISTINCT user_id) AS accounts FROM (
                     SELECT a.user_id FROM device_login_attempts a
                     WHERE a.address BETWEEN s.first AND s.last AND a.at >= $1 AND a.at < $2
                       AND (a.outcome = ANY ($4::text[])) IS TRUE
                     LIMIT {HITS}) h) o
             WHERE s.names * 100 >= $9::bigint * (s.names + o.accounts)
         ), accounts AS (
             SELECT h.user_id, sum(h.attempts)::bigint AS attempts,
                    ARRAY(SELECT DISTINCT unnest(string_to_array(string_agg(h.outcomes, ','), ',')) ORDER BY 1) AS outcomes,
                    min(h.first_at) AS first_at, max(h.last_at) AS last_at, count(*) AS source_count,
                    (array_agg(j.source::text ORDER BY j.source))[1:{SOURCES_NAMED}] AS named
             FROM judged j CROSS JOIN LATERAL (
                 SELECT a.user_id, count(*) AS attempts, string_agg(DISTINCT a.outcome, ',') AS outcomes,
                        min(a.at) AS first_at, max(a.at) AS last_at
                 FROM device_login_attempts a
                 WHERE a.address BETWEEN j.first AND j.last AND a.at >= $1 AND a.at < $2
                   AND (a.outcome = ANY ($4::text[])) IS TRUE AND (a.user_id > $10::bigint) IS TRUE
                 GROUP BY a.user_id ORDER BY a.user_id LIMIT $11::bigint) h
             GROUP BY h.user_id ORDER BY h.user_id LIMIT $11::bigint
         )
         SELECT t.*, a.*, u.email,
                (SELECT count(*) FROM sessions s WHERE s.user_id = a.user_id AND {NOT_REVOKED}) AS open_sessions
         FROM (SELECT (SELECT count(*) FROM judged) AS sources,
                      (SELECT coalesce(sum(failures), 0)::bigint FROM judged) AS failures,
                      (SELECT count(*) FROM failed) >= {FAILURES} OR (SELECT count(*) FROM sources) >= {SOURCES}
                          OR EXISTS (SELECT FROM judged WHERE hits >= {HITS}) AS truncated) t
              LEFT JOIN accounts a ON true LEFT JOIN users u ON u.id = a.user_id
         ORDER BY a.user_id"
    )
}

impl Store {
    /// The accounts with a password that a source knew, if the source looks like a stuffing wave.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached, or needs too long.
    pub async fn stuffing_wave(&self, search: WaveSearch) -> Result<Wave, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let right: Vec<_> = RIGHT_PASSWORD.iter().map(|outcome| outcome.as_str()).collect();
                let (v4, v6) = search.prefixes;
                // The statement is not cached, because its plan depends on the period.
                let rows = client
                    .query(
                        &sql(),
                        &[
                            &search.since,
                            &search.until,
                            &AttemptOutcome::failed_proofs(),
                            &right,
                            &i32::from(v4),
                            &i32::from(v6),
                            &i64::from(search.failures),
                            &i64::from(search.names),
                            &i64::from(search.failed_percent),
                            &search.after.map_or(i64::MIN, |user| user.0),
                            &i64::from(search.limit),
                        ],
                    )
                    .await?;
                wave(&rows)
            })
        })
        .await
    }
}

fn wave(rows: &[Row]) -> Result<Wave, StoreError> {
    let Some(first) = rows.first() else { return Ok(Wave::default()) };
    let mut wave = Wave {
        sources: first.try_get::<_, i64>("sources")?.unsigned_abs(),
        failures: first.try_get::<_, i64>("failures")?.unsigned_abs(),
        truncated: first.try_get("truncated")?,
        accounts: Vec::new(),
    };
    for row in rows {
        if let Some(user) = row.try_get::<_, Option<i64>>("user_id")? {
            wave.accounts.push(account(UserId(user), row)?);
        }
    }
    Ok(wave)
}

fn account(user: UserId, row: &Row) -> Result<WaveAccount, StoreError> {
    let count = |column| Ok::<_, StoreError>(row.try_get::<_, i64>(column)?.unsigned_abs());
    Ok(WaveAccount {
        user,
        email: row.try_get("email")?,
        attempts: count("attempts")?,
        outcomes: row_mapping::words(row, "outcomes")?,
        first_at: row.try_get("first_at")?,
        last_at: row.try_get("last_at")?,
        source_count: count("source_count")?,
        sources: row.try_get("named")?,
        open_sessions: count("open_sessions")?,
    })
}
