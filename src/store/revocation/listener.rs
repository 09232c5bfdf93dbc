//! The revocation feed: revocations made by other nodes and by the command line.
//!
//! Called by `service::upkeep`. A notification is only a hint to look. [`RevocationListener::since`] finds every commit, even if
//! the writing transactions overlapped. The rows are read in pages. The feed has a connection of its own, so it never waits for
//! the pool.

use std::{collections::HashMap, time::Duration};

use logic::denials::DenialRecord;
use protocol::{
    close::Cause,
    id::{RevocationId, SessionId},
};
use time::OffsetDateTime;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_postgres::{
    AsyncMessage, Client, Row, Socket,
    tls::{MakeTlsConnect, TlsConnect},
    types::ToSql,
};
use uuid::Uuid;

use super::{
    denials::{self, HeardDenial},
    everyone,
    order::{CommittedRevocation, Ended, EndedSession},
};
use crate::{
    error::StoreError,
    pool::Store,
    revocation::{commit, order::CHANNEL},
    row_mapping::{self, uuids},
    service_time::{self, ServiceTime},
    sessions::{external::NOT_REVOKED_WITH_ALL, session::NOT_REVOKED},
};

/// Rows in a page of the feed.
pub const PAGE: usize = 1_000;
/// The most sessions that the revocations of a page have ended. Only a single revocation may exceed this number.
const SESSIONS_IN_PAGE: i64 = 20_000;

/// A page of rows that a snapshot does not see and a later one does, in the order of transactions. The parameters are: both
/// snapshots, the last row of another cluster, the last row that was read (transaction and id), and the size of the page.
///
/// A row that the earlier snapshot does not see is of a transaction that ran then, or of a later one. Each of these ranges is
/// entered at its first unread row and left after a page, so a look costs the same whether the table has a thousand rows or
/// millions, and whether one transaction wrote the backlog or many. Two details are needed for that. A range begins with one
/// comparison of rows: next to `r.txid >= …`, PostgreSQL may begin at the other condition and pass over every row before. And
/// the rows of one transaction are a range, too, because for `r.txid = …` the planner may take the index by id.
fn page_sql(table: &str, columns: &str) -> String {
    let (first, last, read) = ("$1::text::pg_snapshot", "$2::text::pg_snapshot", "$4::text::xid8");
    format!(
        "SELECT {} FROM (
             (SELECT r.* FROM unnest(ARRAY(SELECT pg_snapshot_xip({first}))) AS ran (txid)
                   CROSS JOIN LATERAL (
                  SELECT {columns} FROM {table} r
                  WHERE (r.txid, r.id) > (ran.txid, greatest($3::bigint, CASE WHEN ran.txid = {read} THEN $5::bigint END))
                    AND r.txid <= ran.txid
                  ORDER BY r.txid, r.id LIMIT $6) r
              WHERE ran.txid >= {read} AND pg_visible_in_snapshot(ran.txid, {last}))
             UNION ALL
             (SELECT {columns} FROM {table} r
              WHERE (r.txid, r.id) > (greatest({read}, pg_snapshot_xmax({first})),
                                      CASE WHEN {read} >= pg_snapshot_xmax({first}) THEN $5::bigint ELSE 0 END)
                AND r.txid < pg_snapshot_xmax({last}) AND pg_visible_in_snapshot(r.txid, {last}) AND r.id > $3
              ORDER BY r.txid, r.id LIMIT $6)
         ) r ORDER BY r.txid, r.id LIMIT $6",
        columns.replace("r.txid", "r.txid::text AS txid")
    )
}

/// Selects the sessions of a list that have ended, with the cause. A session whose row is gone has ended, too.
fn ended_sql() -> String {
    format!(
        "SELECT o.id, coalesce(
                    (SELECT r.cause FROM revocations r WHERE r.id = coalesce(s.revocation_id, x.revocation_id)), 'revoked')
                    AS cause
         FROM unnest($1::uuid[]) AS o (id)
              LEFT JOIN sessions s ON s.id = o.id LEFT JOIN external_sessions x ON x.id = o.id
         WHERE NOT coalesce({NOT_REVOKED}, false)
           AND NOT coalesce(x.ended_at IS NULL AND x.revoked_at IS NULL AND x.{NOT_REVOKED_WITH_ALL}, false)
         UNION ALL
         SELECT s.id, 'role_changed' FROM sessions s
         WHERE s.id = ANY ($1::uuid[]) AND {NOT_REVOKED} AND EXISTS (
             SELECT FROM revocations r WHERE r.user_id = s.user_id AND r.cause = 'role_changed' AND r.id > $3
                AND NOT pg_visible_in_snapshot(r.txid, $2::text::pg_snapshot))"
    )
}

/// A position in the feed: the transactions that had ended at that moment.
///
/// The position is the whole snapshot, not only its lowest transaction. So each revocation is delivered exactly once,
/// even while a long transaction keeps the lowest one in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    snapshot: String,
    /// Revocations up to this id were written in another database cluster, before this database was restored here:
    /// their transaction ids have no meaning in this cluster.
    foreign: i64,
    /// The same for denials.
    foreign_denials: i64,
}

/// The rows that were committed between two positions and are not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    from: Watermark,
    to: Watermark,
    after: Cursor,
}

/// The last row that was read, in the order of transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cursor {
    txid: String,
    id: i64,
}

impl Default for Cursor {
    fn default() -> Self {
        Self { txid: "0".to_owned(), id: 0 }
    }
}

impl Backlog {
    /// The position when the whole backlog is read.
    #[must_use]
    pub fn end(&self) -> &Watermark {
        &self.to
    }

    /// The rest of the backlog after this row.
    fn after(&self, row: Option<&Row>) -> Result<Option<Self>, StoreError> {
        let Some(row) = row else { return Ok(None) };
        let after = Cursor { txid: row.try_get("txid")?, id: row.try_get("id")? };
        Ok(Some(Self { after, ..self.clone() }))
    }
}

/// A revocation as the feed delivers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardRevocation {
    /// The revocation.
    pub committed: CommittedRevocation,
    /// The unique id that its issuer gave it.
    pub origin: Uuid,
}

/// A listening connection. Dropping it closes the connection.
pub struct RevocationListener {
    client: Client,
    woken: mpsc::Receiver<()>,
    link: JoinHandle<()>,
    patience: Duration,
}

impl Store {
    /// Opens a connection and listens on it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn listen(&self) -> Result<RevocationListener, StoreError> {
        let config = self.settings().bounded_config();
        let patience = self.settings().acquire_timeout;
        let tls = self.connector();
        self.spawn(async move {
            match timeout(patience, open(&config, tls, patience)).await {
                Ok(listener) => listener,
                Err(_) => Err(StoreError::Unavailable("no connection in time".to_owned())),
            }
        })
        .await
    }
}

async fn open<T>(
    config: &tokio_postgres::Config,
    tls: T,
    patience: Duration,
) -> Result<RevocationListener, StoreError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, mut connection) = config.connect(tls).await.map_err(StoreError::unreachable)?;
    // A capacity of one is enough: each wake-up reads everything that is new.
    let (wake, woken) = mpsc::channel(1);
    let link = tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if matches!(message, AsyncMessage::Notification(_)) {
                let _ = wake.try_send(());
            }
        }
    });
    let listener = RevocationListener { client, woken, link, patience };
    listener.client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
    Ok(listener)
}

impl RevocationListener {
    /// Waits until there may be a new revocation.
    ///
    /// # Errors
    /// `Unavailable` when the connection is lost: open another, and call [`since`](Self::since) with the last
    /// watermark.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        let lost = || StoreError::Unavailable("the listening connection is gone".to_owned());
        self.woken.recv().await.ok_or_else(lost)
    }

    /// The first watermark: later commits are delivered by the next call of [`since`](Self::since).
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn watermark(&self) -> Result<Watermark, StoreError> {
        // A row of this cluster is not visible before its transaction has ended.
        let sql = "SELECT pg_current_snapshot()::text AS snapshot,
                          (SELECT coalesce(max(id), 0) FROM revocations
                           WHERE txid >= pg_snapshot_xmin(pg_current_snapshot())
                             AND NOT pg_visible_in_snapshot(txid, pg_current_snapshot())) AS restored,
                          (SELECT coalesce(max(id), 0) FROM denials
                           WHERE txid >= pg_snapshot_xmin(pg_current_snapshot())
                             AND NOT pg_visible_in_snapshot(txid, pg_current_snapshot())) AS restored_denials";
        let row = self.bounded(self.client.query_one(sql, &[])).await?;
        Ok(Watermark {
            snapshot: row.try_get("snapshot")?,
            foreign: row.try_get("restored")?,
            foreign_denials: row.try_get("restored_denials")?,
        })
    }

    /// The newest revocation of all sessions, or 0.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn revoked_all(&self) -> Result<RevocationId, StoreError> {
        let row = self.bounded(self.client.query_one(everyone::NEWEST, &[])).await?;
        Ok(RevocationId(row.try_get(0)?))
    }

    /// Notes that this server is in service. `resumed`: it was not a moment ago. Outages that are fewer than `idle` apart count as
    /// one.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn note_service(
        &self,
        now: OffsetDateTime,
        resumed: bool,
        idle: Duration,
    ) -> Result<ServiceTime, StoreError> {
        match timeout(self.patience, service_time::note(&self.client, now, resumed, idle)).await {
            Ok(noted) => noted,
            Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned())),
        }
    }

    /// A page of the denials after the denial `after`, without those of tokens that have ended, and the last of the `limit` rows
    /// that were looked at; `None` after the last page. Rows about a user are part of it also if they were lifted or have
    /// ended, because the newest one of a user counts. Call this after taking the first watermark.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn denials(
        &self,
        after: i64,
        limit: usize,
        now: OffsetDateTime,
    ) -> Result<(Vec<DenialRecord>, Option<i64>), StoreError> {
        // The rows are chosen here and not by the statement, so that it looks at no more than a page of them.
        let sql = format!(
            "SELECT {}, d.kind = 'user' OR d.expires_at > $2 AS needed FROM denials d WHERE d.id > $1 ORDER BY d.id LIMIT $3",
            denials::COLUMNS
        );
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let arguments: [&(dyn ToSql + Sync); 3] = [&after, &now, &most];
        let rows = self.bounded(self.client.query(&sql, &arguments)).await?;
        let rest =
            if rows.len() == limit { rows.last().map(|row| row.try_get("id")).transpose()? } else { None };
        let mut page = Vec::with_capacity(rows.len());
        for row in &rows {
            if row.try_get("needed")? {
                page.push(denials::ruling(row)?);
            }
        }
        Ok((page, rest))
    }

    /// Everything that committed since `place`, each row once, to be read in pages. Transactions that are still running are
    /// part of a later backlog, however long they take.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn since(&self, place: &Watermark) -> Result<Backlog, StoreError> {
        let row = self.bounded(self.client.query_one("SELECT pg_current_snapshot()::text", &[])).await?;
        let to = Watermark { snapshot: row.try_get(0)?, ..place.clone() };
        Ok(Backlog { from: place.clone(), to, after: Cursor::default() })
    }

    /// The next revocations of the backlog, and the rest of the backlog: `None` after the last.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn revocations(
        &self,
        backlog: &Backlog,
    ) -> Result<(Vec<HeardRevocation>, Option<Backlog>), StoreError> {
        let sql = page_sql(
            "revocations",
            "r.id, r.txid, r.scope, r.cause, r.user_id, r.except_session_id, r.origin, r.sessions",
        );
        let rows = self.page(&sql, backlog, backlog.from.foreign).await?;
        let mut sessions = 0_i64;
        let mut found: Vec<Found> = Vec::with_capacity(rows.len());
        for row in &rows {
            // The sessions that a page ended are read in one query, so their number is bounded, too.
            let heard = revocation(row)?;
            if matches!(heard.heard.committed.ended, Ended::These(_)) {
                sessions += i64::from(row.try_get::<_, i32>("sessions")?);
            }
            if sessions > SESSIONS_IN_PAGE && !found.is_empty() {
                break;
            }
            found.push(heard);
        }
        let read = found.len();
        let complete = read == rows.len() && read < PAGE;
        let rest = if complete {
            None
        } else {
            backlog.after(read.checked_sub(1).and_then(|last| rows.get(last)))?
        };
        self.fill_in(&mut found).await?;
        Ok((found.into_iter().map(|found| found.heard).collect(), rest))
    }

    /// The next denials of the backlog, in the order of transactions, and the rest of the backlog.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn backlog_denials(
        &self,
        backlog: &Backlog,
    ) -> Result<(Vec<HeardDenial>, Option<Backlog>), StoreError> {
        let columns = denials::COLUMNS.replace("d.", "r.");
        let sql = page_sql("denials", &format!("{columns}, r.txid, r.origin"));
        let rows = self.page(&sql, backlog, backlog.from.foreign_denials).await?;
        let rest = if rows.len() == PAGE { backlog.after(rows.last())? } else { None };
        let heard =
            |row: &Row| Ok(HeardDenial { ruling: denials::ruling(row)?, origin: row.try_get("origin")? });
        Ok((rows.iter().map(heard).collect::<Result<_, StoreError>>()?, rest))
    }

    async fn page(&self, sql: &str, backlog: &Backlog, foreign: i64) -> Result<Vec<Row>, StoreError> {
        let Backlog { from, to, after } = backlog;
        let arguments: [&(dyn ToSql + Sync); 6] =
            [&from.snapshot, &to.snapshot, &foreign, &after.txid, &after.id, &(PAGE as i64)];
        self.bounded(self.client.query(sql, &arguments)).await
    }

    /// Returns the sessions of the list that have ended, with the cause, and the sessions whose user got another role since
    /// `place`. A node that skips the revocations that it missed uses it.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn ended_among(
        &self,
        sessions: &[SessionId],
        place: &Watermark,
    ) -> Result<Vec<(SessionId, Cause)>, StoreError> {
        let rows = self
            .bounded(self.client.query(&ended_sql(), &[&uuids(sessions), &place.snapshot, &place.foreign]))
            .await?;
        rows.iter().map(|row| Ok((SessionId(row.try_get("id")?), row_mapping::word(row, "cause")?))).collect()
    }

    /// Reads the sessions that each revocation ended. For a changed role, which ends none, it reads the user's current sessions.
    async fn fill_in(&self, found: &mut [Found]) -> Result<(), StoreError> {
        let named = |found: &&Found| matches!(found.heard.committed.ended, Ended::These(_));
        let ids: Vec<_> = found.iter().filter(named).map(|found| found.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let users: Vec<_> = found
            .iter()
            .filter(|found| !found.heard.committed.cause.ends_session())
            .filter_map(|found| found.user)
            .collect();
        let sql = "SELECT id, user_id, device_id, revocation_id FROM sessions WHERE revocation_id = ANY ($1)
                   UNION ALL
                   SELECT id, NULL, NULL, revocation_id FROM external_sessions WHERE revocation_id = ANY ($1)
                   UNION ALL
                   SELECT id, user_id, device_id, NULL FROM sessions WHERE user_id = ANY ($2) AND revoked_at IS NULL";
        let rows = self.bounded(self.client.query(sql, &[&ids, &users])).await?;
        let mut by_revocation: HashMap<i64, Vec<EndedSession>> = HashMap::new();
        let mut by_user: HashMap<i64, Vec<EndedSession>> = HashMap::new();
        for row in &rows {
            let ended = commit::ended(row)?;
            match row.try_get::<_, Option<i64>>("revocation_id")? {
                Some(id) => by_revocation.entry(id).or_default().push(ended),
                None => {
                    let user = ended.user.map_or(0, |user| user.0);
                    by_user.entry(user).or_default().push(ended);
                }
            }
        }
        for found in found {
            let committed = &mut found.heard.committed;
            let Ended::These(ended) = &mut committed.ended else { continue };
            *ended = if committed.cause.ends_session() {
                by_revocation.remove(&found.id).unwrap_or_default()
            } else {
                found.user.and_then(|user| by_user.get(&user).cloned()).unwrap_or_default()
            };
        }
        Ok(())
    }

    async fn bounded<T>(
        &self,
        query: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        match timeout(self.patience, query).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned())),
        }
    }
}

impl Drop for RevocationListener {
    fn drop(&mut self) {
        self.link.abort();
    }
}

struct Found {
    id: i64,
    user: Option<i64>,
    heard: HeardRevocation,
}

fn revocation(row: &Row) -> Result<Found, StoreError> {
    let id = row.try_get("id")?;
    let cause: Cause = row_mapping::word(row, "cause")?;
    let except = row.try_get::<_, Option<_>>("except_session_id")?.map(SessionId);
    let ended = match row.try_get::<_, &str>("scope")? {
        "all" => Ended::Everyone { sessions: None },
        _ => Ended::These(Vec::new()),
    };
    let committed = CommittedRevocation { id: Some(RevocationId(id)), cause, ended, except, renewed: None };
    let heard = HeardRevocation { committed, origin: row.try_get("origin")? };
    Ok(Found { id, user: row.try_get("user_id")?, heard })
}
