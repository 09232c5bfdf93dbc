//! [`InService`]: what a running server knows about its database, so that it never uses another database instead.
//!
//! The revocation feed notes what it has read. `pool` checks every new connection against it, and the feed checks its own. A
//! database must not be used if it was restored, replaced by a copy, or has lost revocations or denials. The store then refuses
//! all work. A loss is noted in the database, and no server uses it until the restore is finished. Tools note nothing, so
//! nothing is checked for them.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use ::time::OffsetDateTime;
use tokio_postgres::Client;

use crate::{
    error::StoreError,
    restoration::origin::{self, Connected},
};

/// A row that was read longer ago is not looked for. It has reached every standby that can take over.
const REMEMBERED: Duration = Duration::from_secs(12 * 60 * 60);

/// A table with rows that the feed reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FeedTable {
    Revocations,
    Denials,
}

impl FeedTable {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Revocations => "revocations",
            Self::Denials => "denials",
        }
    }
}

/// The newest row of a table that the feed has read.
#[derive(Clone, Copy, Debug)]
struct Newest {
    id: i64,
    created_at: OffsetDateTime,
    read_at: Instant,
}

/// What the feed has read.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    /// Whether the feed has looked at the database at least once.
    looked: bool,
    revocation: Option<Newest>,
    denial: Option<Newest>,
    /// When this server last noted that it is in service.
    noted: Option<OffsetDateTime>,
}

/// What a running server knows about its database.
#[derive(Default)]
pub(crate) struct InService {
    read: Mutex<Read>,
    /// Why this process must not use the database any more.
    abandoned: OnceLock<String>,
}

impl InService {
    /// Notes that the feed has looked at the database. At the first look, the newest rows are read.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub(crate) async fn look(&self, client: &Client) -> Result<(), StoreError> {
        if self.read.lock().unwrap_or_else(PoisonError::into_inner).looked {
            return Ok(());
        }
        for table in [FeedTable::Revocations, FeedTable::Denials] {
            let sql = format!("SELECT id, created_at FROM {} ORDER BY id DESC LIMIT 1", table.as_str());
            if let Some(row) = client.query_opt(&sql, &[]).await? {
                self.saw(table, row.try_get("id")?, row.try_get("created_at")?);
            }
        }
        self.read.lock().unwrap_or_else(PoisonError::into_inner).looked = true;
        Ok(())
    }

    /// Notes that this server has written a note of its service.
    pub(crate) fn noted(&self, now: OffsetDateTime) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).noted = Some(now);
    }

    /// Notes that the feed has read a committed row.
    pub(crate) fn saw(&self, table: FeedTable, id: i64, created_at: OffsetDateTime) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = match table {
            FeedTable::Revocations => &mut read.revocation,
            FeedTable::Denials => &mut read.denial,
        };
        if newest.is_none_or(|newest| newest.id < id) {
            *newest = Some(Newest { id, created_at, read_at: Instant::now() });
        }
    }

    /// # Errors
    /// `Unavailable` if this process must not use the database any more.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.abandoned.get().map_or(Ok(()), |reason| Err(StoreError::Unavailable(reason.clone())))
    }

    /// Checks a new connection. Once a check has found another database, all later checks fail.
    ///
    /// # Errors
    /// `Unavailable` if the connection leads to another database than before, or if the database does not answer.
    pub(crate) async fn check_connection(&self, client: &Client) -> Result<(), StoreError> {
        self.check()?;
        let read = *self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if !read.looked {
            return Ok(());
        }
        if let Some(reason) = other_database(client, &read).await? {
            let reason =
                format!("{reason} while this server was running; stop the server and finish the restore");
            let _ = self.abandoned.set(reason);
        }
        self.check()
    }
}

/// Why the server refuses a database with a missing row.
const LOST: &str = "the database has lost revocations";

/// Why the database of this connection is not the one that the server has used; `None` if it is. If a standby has taken over
/// and nothing is missing, the new timeline is noted.
async fn other_database(client: &Client, read: &Read) -> Result<Option<&'static str>, StoreError> {
    // A standby may not have replayed the newest rows yet.
    if client.query_one("SELECT pg_is_in_recovery()", &[]).await?.try_get(0)? {
        return Err(StoreError::Unavailable("the server is a standby".to_owned()));
    }
    let place = origin::connected(client).await?;
    if place == Connected::Elsewhere {
        return Ok(Some(
            "the database was restored from a backup, replaced by a copy, or has lost revocations,",
        ));
    }
    if has_lost_rows(client, read).await?
        || place == Connected::OtherTimeline && is_behind(client, read).await?
    {
        origin::note_lost(client).await?;
        return Ok(Some(LOST));
    }
    if place == Connected::OtherTimeline {
        origin::note_timeline(client).await?;
    }
    Ok(None)
}

/// Whether the newest note of service is much older than the last note of this server. Then the cluster was recovered to an
/// earlier time. A standby that takes over lacks seconds.
async fn is_behind(client: &Client, read: &Read) -> Result<bool, StoreError> {
    let sql = "SELECT coalesce(max(seen_at) < $1::timestamptz - interval '1 hour', true) FROM service_time";
    match read.noted {
        Some(noted) => Ok(client.query_one(sql, &[&noted]).await?.try_get(0)?),
        None => Ok(false),
    }
}

/// Whether the newest row that the feed has read is missing.
async fn has_lost_rows(client: &Client, read: &Read) -> Result<bool, StoreError> {
    let row = |newest: Option<Newest>| {
        let newest = newest.filter(|newest| newest.read_at.elapsed() < REMEMBERED);
        newest.map(|newest| (newest.id, newest.created_at)).unzip()
    };
    let ((revocation, revoked_at), (denial, denied_at)) = (row(read.revocation), row(read.denial));
    // The rows themselves are looked for. A comparison of transaction numbers would be wrong in both directions. Another
    // history may have more transactions, and after a crash the numbers of aborted transactions are given again. An old row may
    // have been deleted: revocations and denials are kept for at least a day.
    let sql = "WITH old AS (SELECT max(seen_at) - interval '12 hours' AS before FROM service_time)
               SELECT ($1::bigint IS NULL OR EXISTS (SELECT FROM revocations WHERE id = $1)
                       OR coalesce($2::timestamptz < old.before, false))
                  AND ($3::bigint IS NULL OR EXISTS (SELECT FROM denials WHERE id = $3)
                       OR coalesce($4::timestamptz < old.before, false))
               FROM old";
    let row = client.query_one(sql, &[&revocation, &revoked_at, &denial, &denied_at]).await?;
    Ok(!row.try_get::<_, bool>(0)?)
}
