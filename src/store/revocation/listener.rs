//! The revocation feed: revocations made by other nodes and by the command line.
//!
//! Called by `service::revocation`. A notification is only a hint to read. [`RevocationListener::since`] reads the
//! revocations, and misses none, even if the writing transactions overlapped. The feed has its own connection, so it
//! never waits for the pool.

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
    order::{CommittedRevocation, EndedSession},
};
use crate::{
    error::StoreError,
    pool::Store,
    revocation::{commit, order::CHANNEL},
    row_mapping,
};

/// A position in the feed: the transactions that had ended at that moment.
///
/// It contains the whole snapshot, not only the lowest running transaction id. So each revocation is delivered
/// exactly once, even while a long transaction keeps that lowest id in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    snapshot: String,
    /// Revocations up to this id were written in another database cluster, before this database was restored here:
    /// their transaction ids have no meaning in this cluster.
    foreign: i64,
    /// The same for denials.
    foreign_denials: i64,
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

    /// All denials in force. Call this after taking the first watermark.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn denials(&self, now: OffsetDateTime) -> Result<Vec<DenialRecord>, StoreError> {
        let columns = denials::COLUMNS;
        let sql = format!(
            "SELECT {columns} FROM denials d
             WHERE d.kind <> 'user' AND (d.expires_at IS NULL OR d.expires_at > $1)
             UNION ALL
             SELECT {columns} FROM (SELECT DISTINCT ON (subject) * FROM denials WHERE kind = 'user'
                                    ORDER BY subject, id DESC) d
             WHERE NOT d.lifted AND (d.expires_at IS NULL OR d.expires_at > $1)"
        );
        let rows = self.bounded(self.client.query(&sql, &[&now])).await?;
        rows.iter().map(denials::ruling).collect()
    }

    /// The denials that committed between two positions, in the order in which they were written.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn denials_between(
        &self,
        from: &Watermark,
        to: &Watermark,
    ) -> Result<Vec<HeardDenial>, StoreError> {
        let sql = format!(
            "SELECT {}, d.origin FROM denials d
             WHERE d.txid >= pg_snapshot_xmin($1::text::pg_snapshot)
               AND d.txid < pg_snapshot_xmax($2::text::pg_snapshot)
               AND NOT pg_visible_in_snapshot(d.txid, $1::text::pg_snapshot)
               AND pg_visible_in_snapshot(d.txid, $2::text::pg_snapshot) AND d.id > $3
             ORDER BY d.id",
            denials::COLUMNS
        );
        let arguments: [&(dyn ToSql + Sync); 3] = [&from.snapshot, &to.snapshot, &from.foreign_denials];
        let rows = self.bounded(self.client.query(&sql, &arguments)).await?;
        rows.iter()
            .map(|row| Ok(HeardDenial { ruling: denials::ruling(row)?, origin: row.try_get("origin")? }))
            .collect()
    }

    /// All revocations that committed since `place`, each once, and the position for the next call. Transactions that
    /// are still running are delivered by a later call, even if they take long.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn since(&self, place: &Watermark) -> Result<(Vec<HeardRevocation>, Watermark), StoreError> {
        // One statement, so that rows and watermark belong to one snapshot.
        let sql = "SELECT pg_current_snapshot()::text AS next, r.id, r.cause, r.user_id, r.except_session_id, r.origin
                   FROM (SELECT) AS always
                        LEFT JOIN revocations r ON r.txid >= pg_snapshot_xmin($1::text::pg_snapshot)
                            AND r.txid < pg_snapshot_xmax(pg_current_snapshot())
                            AND NOT pg_visible_in_snapshot(r.txid, $1::text::pg_snapshot) AND r.id > $2
                   ORDER BY r.id";
        let rows = self.bounded(self.client.query(sql, &[&place.snapshot, &place.foreign])).await?;
        let next = match rows.first() {
            Some(row) => Watermark { snapshot: row.try_get("next")?, ..place.clone() },
            None => place.clone(),
        };
        let mut found = Vec::new();
        for row in &rows {
            if row.try_get::<_, Option<i64>>("id")?.is_some() {
                found.push(revocation(row)?);
            }
        }
        self.fill_in(&mut found).await?;
        Ok((found.into_iter().map(|found| found.heard).collect(), next))
    }

    /// Reads what each revocation ended. A changed role ends nothing; there it reads the user's current sessions.
    async fn fill_in(&self, found: &mut [Found]) -> Result<(), StoreError> {
        if found.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = found.iter().map(|found| found.id).collect();
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
            found.heard.committed.ended = if found.heard.committed.cause.ends_session() {
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
    let committed =
        CommittedRevocation { id: Some(RevocationId(id)), cause, ended: Vec::new(), except, renewed: None };
    let heard = HeardRevocation { committed, origin: row.try_get("origin")? };
    Ok(Found { id, user: row.try_get("user_id")?, heard })
}
