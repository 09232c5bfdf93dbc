//! Reading the requests to erase accounts, and the records of erased accounts.

use domain::account::erasure::{ErasureRequester, ErasureState};
use protocol::id::UserId;
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::{error::StoreError, pool::Store, row_mapping::word};

/// The columns of [`Erasure`].
pub(super) const SELECTED: &str = "e.user_id, e.state, e.requested_by, e.actor_id, e.reason, e.requested_at, e.due_at, e.begun_at, e.erased_at, \
     e.pseudonym, e.account_created_at";

/// A request to erase an account, and how far it is. After the erasure, it is the record that the account is gone.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// The number of the account.
    pub user: UserId,
    /// How far it is.
    pub state: ErasureState,
    /// The kind of requester.
    pub requested_by: ErasureRequester,
    /// The acting user.
    pub actor: Option<UserId>,
    /// The reason; empty after the erasure.
    pub reason: String,
    /// When it was requested.
    pub requested_at: OffsetDateTime,
    /// When it is carried out.
    pub due_at: OffsetDateTime,
    /// When it began.
    pub begun_at: Option<OffsetDateTime>,
    /// When it was done.
    pub erased_at: Option<OffsetDateTime>,
    /// The name that replaces the person in messages, since the erasure has begun.
    pub pseudonym: Option<String>,
    /// When the account was created.
    pub account_created_at: OffsetDateTime,
}

/// Which requests to list.
#[derive(Clone, Debug, Default)]
pub struct ErasureFilter {
    /// Only requests in this state.
    pub state: Option<ErasureState>,
    /// Only requests after this one, given by its time and its account.
    pub before: Option<(OffsetDateTime, UserId)>,
    /// The most requests.
    pub limit: u32,
}

/// The record of an erased account outside of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasureTombstone {
    /// The number of the account.
    pub user: UserId,
    /// When the account was created. Another account with this number was created later.
    pub account_created_at: OffsetDateTime,
}

impl Store {
    /// Requests to erase accounts, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn erasures(&self, filter: ErasureFilter) -> Result<Vec<Erasure>, StoreError> {
        let state = if filter.state.is_some() { "e.state = $1" } else { "$1::text IS NULL" };
        let later = if filter.before.is_some() {
            "(e.requested_at, e.user_id) < ($2, $3)"
        } else {
            "$2::timestamptz IS NULL AND $3::bigint IS NULL"
        };
        let sql = format!(
            "SELECT {SELECTED} FROM erasures e WHERE {state} AND {later}
             ORDER BY e.requested_at DESC, e.user_id DESC LIMIT $4"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let state = filter.state.map(ErasureState::as_str);
                let (at, user) = filter.before.map(|(at, user)| (at, user.0)).unzip();
                let rows = client.query(&sql, &[&state, &at, &user, &i64::from(filter.limit)]).await?;
                rows.iter().map(read).collect()
            })
        })
        .await
    }

    /// The request about this account, or the record of its erasure.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn erasure(&self, user: UserId) -> Result<Option<Erasure>, StoreError> {
        let sql = format!("SELECT {SELECTED} FROM erasures e WHERE e.user_id = $1");
        self.run_quick(move |client| {
            Box::pin(async move { client.query_opt(&sql, &[&user.0]).await?.as_ref().map(read).transpose() })
        })
        .await
    }

    /// Those of these erased accounts that exist again after a restore, and that are not being erased.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn returned_accounts(
        &self,
        tombstones: Vec<ErasureTombstone>,
    ) -> Result<Vec<UserId>, StoreError> {
        let sql = "SELECT u.id FROM unnest($1::bigint[], $2::timestamptz[]) t (id, created_at)
                   JOIN users u ON u.id = t.id AND u.created_at = t.created_at
                   WHERE NOT EXISTS (SELECT FROM erasures e WHERE e.user_id = u.id AND e.state <> 'erased')";
        self.run(move |client| {
            Box::pin(async move {
                let users: Vec<_> = tombstones.iter().map(|tombstone| tombstone.user.0).collect();
                let created: Vec<_> =
                    tombstones.iter().map(|tombstone| tombstone.account_created_at).collect();
                let rows = client.query(sql, &[&users, &created]).await?;
                rows.iter().map(|row| Ok(UserId(row.try_get(0)?))).collect()
            })
        })
        .await
    }

    /// Erasures that are under way or were done since this time, the newest 1,000. Each node removes the persons from its memory.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn recent_erasures(&self, since: OffsetDateTime) -> Result<Vec<Erasure>, StoreError> {
        let sql = format!(
            "(SELECT {SELECTED} FROM erasures e WHERE e.state = 'erasing' ORDER BY e.begun_at LIMIT 1000)
             UNION ALL
             (SELECT {SELECTED} FROM erasures e WHERE e.state = 'erased' AND e.swept_at >= $1 ORDER BY e.swept_at DESC LIMIT 1000)"
        );
        self.run_quick(move |client| {
            Box::pin(async move { client.query(&sql, &[&since]).await?.iter().map(read).collect() })
        })
        .await
    }
}

/// Maps a row of [`SELECTED`].
pub(super) fn read(row: &Row) -> Result<Erasure, StoreError> {
    Ok(Erasure {
        user: UserId(row.try_get("user_id")?),
        state: word(row, "state")?,
        requested_by: word(row, "requested_by")?,
        actor: row.try_get::<_, Option<i64>>("actor_id")?.map(UserId),
        reason: row.try_get("reason")?,
        requested_at: row.try_get("requested_at")?,
        due_at: row.try_get("due_at")?,
        begun_at: row.try_get("begun_at")?,
        erased_at: row.try_get("erased_at")?,
        pseudonym: row.try_get("pseudonym")?,
        account_created_at: row.try_get("account_created_at")?,
    })
}
