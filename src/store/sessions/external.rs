//! Sessions of anonymous connections, and of connections with a token of an external issuer: one row per connection.
//!
//! Called by services. The row exists before the connection is registered, so that every connection can be listed and ended.
//! `revocation::commit` ends the row of a session that is revoked; after a revocation of all sessions, a job does it. The
//! functions in this file end the row when the connection has closed, or when the session is an orphan.

use std::net::IpAddr;

use protocol::id::{ConnectionId, RevocationId, SessionId, Subject};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{error::StoreError, pool::Store, row_mapping::uuids};

/// The largest number of rows that one statement changes, so that the statement holds few locks for a short time.
pub const TOUCHED_AT_ONCE: usize = 512;

pub(super) const COLUMNS: &str = "id, issuer, subject, token_id, connection_id, node, address, created_at, last_seen_at, \
     expires_at, ended_at, coalesce(revoked_at, (SELECT w.created_at FROM revocations w WHERE w.scope = 'all' \
     AND w.id > revoked_all ORDER BY w.id LIMIT 1)) AS revoked_at";

/// The condition that no revocation of all sessions was made after the session began.
pub(crate) const NOT_REVOKED_WITH_ALL: &str =
    "revoked_all >= (SELECT coalesce(max(w.id), 0) FROM revocations w WHERE w.scope = 'all')";

/// An external session: the session of one connection with a token of an external issuer, or without a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalSession {
    /// Its id.
    pub id: SessionId,
    /// The issuer's name in the settings; empty for an anonymous connection.
    pub issuer: String,
    /// The user's name in realtime.
    pub subject: Subject,
    /// `jti` of the latest token.
    pub token_id: Option<String>,
    /// The only connection of the session.
    pub connection: ConnectionId,
    /// The process that holds the connection.
    pub node: Uuid,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// Start of the session.
    pub created_at: OffsetDateTime,
    /// The last use that was written.
    pub last_seen_at: OffsetDateTime,
    /// From this time on, a newer token is required.
    pub expires_at: Option<OffsetDateTime>,
    /// When the connection closed, or when the session was ended as an orphan.
    pub ended_at: Option<OffsetDateTime>,
    /// Time of the revocation.
    pub revoked_at: Option<OffsetDateTime>,
}

/// Which external sessions to list.
#[derive(Clone, Debug, Default)]
pub struct ExternalFilter {
    /// Only sessions of this user.
    pub subject: Option<Subject>,
    /// Only sessions of this issuer.
    pub issuer: Option<String>,
    /// Only sessions that have not ended.
    pub live: bool,
    /// Only sessions after this one in the list, given by its start and id. The list begins with the newest.
    pub before: Option<(OffsetDateTime, SessionId)>,
    /// Maximum number of sessions.
    pub limit: u32,
}

impl Store {
    /// Writes the row of a session that is about to begin. Returns the id of the newest revocation of all sessions from before
    /// the write of the row; 0 if there was none.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. Then no connection uses the session. If its row was written
    /// nevertheless, the expiry job ends the row.
    pub async fn insert_external(&self, session: ExternalSession) -> Result<RevocationId, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let statement = client
                    .prepare_cached(
                        "INSERT INTO external_sessions (id, issuer, subject, token_id, connection_id, node, address,
                                                        created_at, last_seen_at, expires_at, revoked_all)
                         SELECT $1::uuid, $2::text, $3::text, $4::text, $5::uuid, $6::uuid, $7::inet, $8::timestamptz, $8,
                                $9::timestamptz, coalesce(max(w.id), 0)
                         FROM revocations w WHERE w.scope = 'all' RETURNING revoked_all",
                    )
                    .await?;
                let ExternalSession { id, issuer, subject, token_id, connection, node, address, .. } = session;
                let (start, end) = (session.created_at, session.expires_at);
                let row = client
                    .query_one(
                        &statement,
                        &[&id.0, &issuer, &subject.as_str(), &token_id, &connection.0, &node, &address, &start, &end],
                    )
                    .await?;
                Ok(RevocationId(row.try_get(0)?))
            })
        })
        .await
    }

    /// Records a newer token. `false` if the session has ended in the meantime. This includes a session that another node ended
    /// as an orphan (see [`end_orphans`](Self::end_orphans)), although its connection is open.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn prolong_external(
        &self,
        id: SessionId,
        token_id: Option<String>,
        expires_at: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let statement = client
                    .prepare_cached(&format!(
                        "UPDATE external_sessions SET token_id = $2, expires_at = $3,
                                last_seen_at = greatest(last_seen_at, $4)
                         WHERE id = $1 AND ended_at IS NULL AND revoked_at IS NULL AND {NOT_REVOKED_WITH_ALL}"
                    ))
                    .await?;
                Ok(client.execute(&statement, &[&id.0, &token_id, &expires_at, &now]).await? == 1)
            })
        })
        .await
    }

    /// Ends these sessions (at most [`TOUCHED_AT_ONCE`]), because their connections have closed.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn end_external(&self, ended: Vec<SessionId>, now: OffsetDateTime) -> Result<(), StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client
                    .prepare_cached(
                        "WITH locked AS (SELECT id FROM external_sessions WHERE id = ANY ($1) AND ended_at IS NULL
                                         ORDER BY id FOR NO KEY UPDATE)
                         UPDATE external_sessions x SET ended_at = $2 FROM locked WHERE x.id = locked.id",
                    )
                    .await?;
                client.execute(&statement, &[&uuids(&ended), &now]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Records that the external sessions among these (at most [`TOUCHED_AT_ONCE`]) have open connections. Returns the sessions
    /// that have ended without a revocation, usually because another node ended them as orphans while this node could not
    /// write. These sessions stay ended.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn touch_external(
        &self,
        open: Vec<SessionId>,
        now: OffsetDateTime,
    ) -> Result<Vec<SessionId>, StoreError> {
        if open.is_empty() {
            return Ok(Vec::new());
        }
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client
                    .prepare_cached(
                        "WITH locked AS (SELECT id, ended_at FROM external_sessions
                                         WHERE id = ANY ($1) AND revoked_at IS NULL ORDER BY id FOR NO KEY UPDATE),
                              touched AS (UPDATE external_sessions x SET last_seen_at = greatest(x.last_seen_at, $2)
                                          FROM locked WHERE x.id = locked.id AND locked.ended_at IS NULL)
                         SELECT id FROM locked WHERE ended_at IS NOT NULL",
                    )
                    .await?;
                let ended = client.query(&statement, &[&uuids(&open), &now]).await?;
                ended.iter().map(|row| Ok(SessionId(row.try_get(0)?))).collect()
            })
        })
        .await
    }

    /// Ends orphans: sessions that were not seen since `seen`, probably because their process has died. Ends at most
    /// [`TOUCHED_AT_ONCE`] sessions and returns their number. If the number is smaller than that, no other orphan was found.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn end_orphans(&self, seen: OffsetDateTime, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql = "WITH locked AS (SELECT id FROM external_sessions WHERE last_seen_at < $1 AND ended_at IS NULL
                                           LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
                           UPDATE external_sessions x SET ended_at = $2 FROM locked WHERE x.id = locked.id";
                let statement = client.prepare_cached(sql).await?;
                Ok(client.execute(&statement, &[&seen, &now, &(TOUCHED_AT_ONCE as i64)]).await?)
            })
        })
        .await
    }

    /// External sessions, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn search_external(&self, filter: ExternalFilter) -> Result<Vec<ExternalSession>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM external_sessions
             WHERE ($1::text IS NULL OR subject = $1) AND ($2::text IS NULL OR issuer = $2)
               AND (NOT $3 OR (ended_at IS NULL AND revoked_at IS NULL AND {NOT_REVOKED_WITH_ALL}))
               AND ($4::timestamptz IS NULL OR created_at < $4 OR (created_at = $4 AND id > $5))
             ORDER BY created_at DESC, id LIMIT $6"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let subject = filter.subject.as_ref().map(Subject::as_str);
                let (start, id) = filter.before.map(|(start, id)| (start, id.0)).unzip();
                let limit = i64::from(filter.limit);
                // The statement is not cached, because each combination of filters needs its own plan.
                let rows = client
                    .query(&sql, &[&subject, &filter.issuer, &filter.live, &start, &id, &limit])
                    .await?;
                rows.iter().map(external).collect()
            })
        })
        .await
    }
}

pub(super) fn external(row: &Row) -> Result<ExternalSession, StoreError> {
    Ok(ExternalSession {
        id: SessionId(row.try_get("id")?),
        issuer: row.try_get("issuer")?,
        subject: Subject::new(row.try_get("subject")?),
        token_id: row.try_get("token_id")?,
        connection: ConnectionId(row.try_get("connection_id")?),
        node: row.try_get("node")?,
        address: row.try_get("address")?,
        created_at: row.try_get("created_at")?,
        last_seen_at: row.try_get("last_seen_at")?,
        expires_at: row.try_get("expires_at")?,
        ended_at: row.try_get("ended_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}
