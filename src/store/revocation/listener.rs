//! The revocation feed: reads the revocations and denials that have committed, those of this node included.
//!
//! Called by `service::upkeep`. A notification only says that the feed should look now. [`RevocationListener::since`] finds
//! every commit, even if the writing transactions overlapped. The rows are read in pages. The feed has a connection of its own,
//! so it never waits for the pool.

use std::{collections::HashMap, sync::Arc, time::Duration};

use logic::denials::DenialRecord;
use protocol::{
    close::Cause,
    id::{RevocationId, SessionId},
};
use time::OffsetDateTime;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_postgres::{AsyncMessage, Client, Row, types::ToSql};
use uuid::Uuid;

use super::{
    denials::{self, HeardDenial},
    everyone,
    heard::{Found, HeardRevocation, revocation},
    order::{Ended, EndedSession},
};
use crate::{
    connection::Connector,
    error::StoreError,
    in_service::{FeedTable, InService},
    nodes,
    pool::Store,
    revocation::{commit, order::CHANNEL},
    row_mapping::{self, uuids},
    service_time::{self, ServiceTime},
    session_target::{SERVER_STATE, ServerState, SessionTarget},
    sessions::{external::NOT_REVOKED_WITH_ALL, session::NOT_REVOKED},
    settings::DatabaseSettings,
};

/// The number of rows in a page of the feed.
pub const PAGE: usize = 1_000;
/// The largest number of sessions that the revocations of one page may have ended together. Only a page with a single
/// revocation may exceed this number.
const SESSIONS_IN_PAGE: i64 = 20_000;

/// A query for a page of rows, in the order of transactions: the rows that an earlier snapshot does not see and a later
/// snapshot sees. The parameters are both snapshots, the last id that was written in another cluster (see [`Watermark`]), the
/// transaction and the id of the last row read, and the size of the page.
///
/// A row that the earlier snapshot does not see was written by a transaction that ran at the time of this snapshot, or by a
/// later transaction. So there is one range of rows for each transaction that ran, and one range for all later transactions.
/// The scan of a range begins at the first unread row and stops after a page. So the cost of a page depends neither on the
/// number of rows in the table nor on the number of transactions that wrote the backlog.
///
/// Two details are needed for this. First, the beginning of a range is one comparison of pairs, `(r.txid, r.id) > (…)`. With
/// separate conditions on `r.txid` and `r.id`, PostgreSQL may scan by only one of them and read every earlier row. Second, the
/// rows of one transaction are selected as a range, too, because for `r.txid = …` the planner may use the index on the id.
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

/// A query that selects the ended sessions in a list, with their causes. A session without a row has ended, too. The sessions
/// of users with another role since the snapshot are included, with the cause `role_changed`.
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

/// A place in the feed. A place is a moment, stored as a snapshot: the set of transactions that had ended at that moment.
///
/// The whole snapshot is stored, and not only the oldest transaction that was running. So each revocation is delivered exactly
/// once, even while an old transaction runs for a long time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    snapshot: String,
    /// Revocations up to this id were written in another database cluster, before this database was restored here. The
    /// transaction ids of such a revocation have no meaning in this cluster.
    foreign: i64,
    /// Denials up to this id were written in another database cluster.
    foreign_denials: i64,
}

/// The rows that were committed between two places and are not read yet.
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
    /// The place that is reached when the whole backlog is read.
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

/// A connection that listens for notifications. Dropping the listener closes the connection.
pub struct RevocationListener {
    client: Client,
    woken: mpsc::Receiver<()>,
    link: JoinHandle<()>,
    patience: Duration,
    target: SessionTarget,
    service: Arc<InService>,
}

impl Store {
    /// Opens a connection and listens on it. Before that, the connections of the pool are replaced. The cause that ended the
    /// last listener, for example a primary that is a standby now, may concern them, too.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn listen(&self) -> Result<RevocationListener, StoreError> {
        self.renew_pool();
        let (settings, connector) = (self.settings().clone(), self.connector().clone());
        let service = Arc::clone(self.service());
        self.spawn(async move { open(&settings, &connector, service).await }).await
    }
}

async fn open(
    settings: &DatabaseSettings,
    connector: &Connector,
    service: Arc<InService>,
) -> Result<RevocationListener, StoreError> {
    let (client, mut connection) = connector.connect().await?;
    // A capacity of one is enough: each wake-up reads everything that is new.
    let (wake, woken) = mpsc::channel(1);
    let link = tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if matches!(message, AsyncMessage::Notification(_)) {
                let _ = wake.try_send(());
            }
        }
    });
    let (patience, target) = (settings.acquire_timeout, settings.target);
    let listener = RevocationListener { client, woken, link, patience, target, service };
    // Each statement of this connection finds its first row through an index, and reads a bounded number of rows from there.
    // Without these settings, the planner may read and sort the whole range for each page if the table has grown much since its
    // last ANALYZE.
    let limits = settings.session_limits();
    let setup = format!("{limits}; LISTEN {CHANNEL}; SET enable_bitmapscan = off; SET enable_seqscan = off");
    listener.bounded(listener.client.batch_execute(&setup)).await?;
    Ok(listener)
}

impl RevocationListener {
    /// Waits until there may be a new revocation or denial.
    ///
    /// # Errors
    /// `Unavailable` when the connection is lost. Then open another connection, and call [`since`](Self::since) with the last
    /// watermark.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        let lost = || StoreError::Unavailable("the listening connection is gone".to_owned());
        self.woken.recv().await.ok_or_else(lost)
    }

    /// The place at this moment. From this place, [`since`](Self::since) finds all later commits.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn watermark(&self) -> Result<Watermark, StoreError> {
        // This statement sees a row of this cluster only if the transaction of the row has committed. So if the snapshot says
        // that the transaction has not ended, the row comes from another cluster.
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

    /// Checks that the database was neither restored from a backup nor replaced since the server began to use it. If it was,
    /// the store refuses all further work.
    ///
    /// # Errors
    /// `Unavailable` if it was, or if the database does not answer.
    pub async fn check_origin(&self) -> Result<(), StoreError> {
        self.bounded(self.service.check_connection(&self.client)).await
    }

    /// Notes that the server has looked at this database. From now on, new connections must lead to the same database.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn note_look(&self) -> Result<(), StoreError> {
        self.bounded(self.service.look(&self.client)).await
    }

    /// The id of the newest revocation of all sessions, or 0.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn revoked_all(&self) -> Result<RevocationId, StoreError> {
        let row = self.bounded(self.client.query_one(everyone::NEWEST, &[])).await?;
        Ok(RevocationId(row.try_get(0)?))
    }

    /// Writes that this server is in service. `resumed` says that it was not in service a moment ago. Two outages with less
    /// than `idle` between them count as one.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn note_service(
        &self,
        now: OffsetDateTime,
        resumed: bool,
        idle: Duration,
    ) -> Result<ServiceTime, StoreError> {
        let noted = self.bounded(service_time::note(&self.client, now, resumed, idle)).await?;
        self.service.noted(now);
        Ok(noted)
    }

    /// Makes this node known, or prolongs its lease. Call this before the first [`watermark`](Self::watermark) is taken.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn register_node(&self, node: Uuid) -> Result<(), StoreError> {
        self.bounded(nodes::register(&self.client, node)).await
    }

    /// Renews the lease of this node, which has carried out everything up to `looked`. `began` is the first watermark that it has
    /// taken.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn renew_lease(
        &self,
        node: Uuid,
        began: &Watermark,
        looked: &Watermark,
    ) -> Result<(), StoreError> {
        self.bounded(nodes::renew(&self.client, node, (&began.snapshot, began.foreign), &looked.snapshot))
            .await
    }

    /// Reads the next `limit` rows of denials after the id `after`. Returns the denials that are needed, and the id of the last
    /// row, or `None` after the last page. Denials of tokens that have ended are not needed. Rulings on a user are needed even
    /// if they lift a block or have ended, because the newest ruling on a user counts. Call this after taking the first
    /// watermark.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn denials(
        &self,
        after: i64,
        limit: usize,
        now: OffsetDateTime,
    ) -> Result<(Vec<DenialRecord>, Option<i64>), StoreError> {
        // The needed rows are selected here and not by the statement, so that the statement reads no more than one page of
        // rows.
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
    /// `Unavailable` if the database does not answer, or if its server no longer fits the settings. The revocations are then
    /// committed on another server.
    pub async fn since(&self, place: &Watermark) -> Result<Backlog, StoreError> {
        let sql = format!("SELECT pg_current_snapshot()::text, {SERVER_STATE}");
        let row = self.bounded(self.client.query_one(&sql, &[])).await?;
        let is_true = |column| Ok::<_, StoreError>(row.try_get::<_, &str>(column)? == "true");
        let server = ServerState { standby: is_true("standby")?, read_only: is_true("read_only")? };
        if let Some(misfit) = self.target.misfit(server) {
            let target = self.target.as_str();
            return Err(StoreError::Unavailable(format!("{misfit} (target_session_attrs={target})")));
        }
        let to = Watermark { snapshot: row.try_get(0)?, ..place.clone() };
        Ok(Backlog { from: place.clone(), to, after: Cursor::default() })
    }

    /// The next revocations of the backlog, and the rest of the backlog; `None` after the last page.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn revocations(
        &self,
        backlog: &Backlog,
    ) -> Result<(Vec<HeardRevocation>, Option<Backlog>), StoreError> {
        let sql = page_sql(
            FeedTable::Revocations.as_str(),
            "r.id, r.txid, r.scope, r.cause, r.user_id, r.except_session_id, r.origin, r.sessions, r.created_at, r.excluded, r.more",
        );
        let rows = self.page(&sql, FeedTable::Revocations, backlog, backlog.from.foreign).await?;
        let mut sessions = 0_i64;
        let mut found: Vec<Found> = Vec::with_capacity(rows.len());
        for row in &rows {
            // The sessions that a page of revocations ended are read in one query, so their number is bounded, too.
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

    /// The next denials of the backlog, in the order of transactions, and the rest of the backlog; `None` after the last page.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn backlog_denials(
        &self,
        backlog: &Backlog,
    ) -> Result<(Vec<HeardDenial>, Option<Backlog>), StoreError> {
        let columns = denials::COLUMNS.replace("d.", "r.");
        let sql = page_sql("denials", &format!("{columns}, r.txid, r.origin, r.created_at"));
        let rows = self.page(&sql, FeedTable::Denials, backlog, backlog.from.foreign_denials).await?;
        let rest = if rows.len() == PAGE { backlog.after(rows.last())? } else { None };
        let heard =
            |row: &Row| Ok(HeardDenial { ruling: denials::ruling(row)?, origin: row.try_get("origin")? });
        Ok((rows.iter().map(heard).collect::<Result<_, StoreError>>()?, rest))
    }

    async fn page(
        &self,
        sql: &str,
        table: FeedTable,
        backlog: &Backlog,
        foreign: i64,
    ) -> Result<Vec<Row>, StoreError> {
        let Backlog { from, to, after } = backlog;
        let arguments: [&(dyn ToSql + Sync); 6] =
            [&from.snapshot, &to.snapshot, &foreign, &after.txid, &after.id, &(PAGE as i64)];
        let rows = self.bounded(self.client.query(sql, &arguments)).await?;
        for row in &rows {
            self.service.saw(table, row.try_get("id")?, row.try_get("created_at")?);
        }
        Ok(rows)
    }

    /// Returns the sessions of the list that have ended, with the cause, and the sessions of users that got another role since
    /// `place`. A node uses this after it has missed too many revocations to read them all, or a very long time after its last
    /// look at the feed.
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

    /// Reads the sessions that each revocation ended. A changed role ends no session; for a changed role, the user's current
    /// sessions are read.
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

    async fn bounded<T, E>(&self, query: impl Future<Output = Result<T, E>>) -> Result<T, StoreError>
    where
        StoreError: From<E>,
    {
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
