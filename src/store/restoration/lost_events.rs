//! The events of a lost database from after its backup that an operator must repeat in the restored database.

use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::{
    audit_log::entry_row::{self, COLUMNS, LoggedEntry},
    error::StoreError,
    pool::Store,
};

/// Events that took trust away, or that changed a credential, a role or a status.
const EVENTS: [&str; 19] = [
    "address.banned",
    "address.unbanned",
    "api_key.created",
    "api_key.revoked",
    "credential.clone_suspected",
    "device.forgotten",
    "factors.reset",
    "password.changed",
    "password.locked",
    "password.reset",
    "token.revoked",
    "tokens.invalidated",
    "user.blocked",
    "user.created",
    "user.email_changed",
    "user.registered",
    "user.role_changed",
    "user.status_changed",
    "user.unblocked",
];
/// An event that is missing in the restored database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostEvent {
    /// The time of the event.
    pub at: OffsetDateTime,
    /// The name of the event.
    pub event: String,
    /// The user that the event concerns: the number of an account, or the name that another issuer gives.
    pub user: Option<String>,
    /// The detail of the event, as JSON.
    pub detail: String,
}

impl LostEvent {
    /// The most events that are listed.
    pub const LISTED: usize = 10_000;
}

impl Store {
    /// The events in this database after the time `since`, or with a number above `number`, the oldest first. Only events that
    /// must be repeated in the restored database to take effect. More than [`LostEvent::LISTED`] events mean that there may be
    /// others, which are not returned.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn lost_events(
        &self,
        since: OffsetDateTime,
        number: i64,
    ) -> Result<Vec<LostEvent>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let limit = i64::try_from(LostEvent::LISTED + 1).map_err(StoreError::internal)?;
                let sql = "SELECT at, event, coalesce(subject, user_id::text) AS user, detail::text AS detail
                           FROM audit_events
                           WHERE (at > $1 OR seq > $4) AND outcome = 'success'
                             AND (event = ANY ($2) OR detail ->> 'cause' = 'factor_changed')
                           ORDER BY seq LIMIT $3";
                let rows = client.query(sql, &[&since, &&EVENTS[..], &limit, &number]).await?;
                rows.iter().map(lost).collect()
            })
        })
        .await
    }
}

impl Store {
    /// The entries of this database's audit log from number `from` on that must be repeated in the restored database to take
    /// effect; see [`Store::lost_events`].
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn lost_entries(&self, from: u64) -> Result<Vec<LoggedEntry>, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let limit = i64::try_from(LostEvent::LISTED + 1).map_err(StoreError::internal)?;
                let from = i64::try_from(from).map_err(StoreError::internal)?;
                let sql = format!(
                    "SELECT {COLUMNS} FROM audit_log WHERE leaf_index >= $1 AND outcome = 'success'
                       AND (event = ANY ($2) OR detail::jsonb ->> 'cause' = 'factor_changed')
                     ORDER BY leaf_index LIMIT $3"
                );
                client.query(&sql, &[&from, &&EVENTS[..], &limit]).await?.iter().map(entry_row::of).collect()
            })
        })
        .await
    }
}

fn lost(row: &Row) -> Result<LostEvent, StoreError> {
    Ok(LostEvent {
        at: row.try_get("at")?,
        event: row.try_get("event")?,
        user: row.try_get("user")?,
        detail: row.try_get("detail")?,
    })
}
