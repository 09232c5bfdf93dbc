//! Deleting rows that are old: one statement per batch, for every table that grows with time.
//!
//! Called by the retention job. Attempts to sign in are dropped by months (`abuse::attempt_months`), and publications by the
//! retention of their channel (`journal`).

use time::OffsetDateTime;

use crate::{error::StoreError, pool::Store, revocation::everyone};

/// Rows that are deleted once they are old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aged {
    /// Tickets that expired before the given time.
    Tickets,
    /// Challenges that expired.
    Challenges,
    /// Bans that expired.
    Bans,
    /// Idempotency keys of publications that expired.
    IdempotencyKeys,
    /// Denials that ended, were lifted or replaced before the given time.
    Denials,
    /// Sessions that ended before the given time.
    Sessions,
    /// External sessions that ended before the given time.
    ExternalSessions,
    /// Devices that were not seen since the given time and have no session.
    Devices,
    /// Revocations before the given time, except for the newest revocation of all sessions, which decides about sessions.
    Revocations,
    /// Wrong second factors in a row, the last of them before the given time.
    FactorFailures,
    /// Audit events before the given time.
    AuditEvents,
}

impl Aged {
    /// Every kind. Sessions come before the devices and the revocations that they name.
    pub const ALL: [Self; 11] = [
        Self::Tickets,
        Self::Challenges,
        Self::Bans,
        Self::IdempotencyKeys,
        Self::Denials,
        Self::Sessions,
        Self::ExternalSessions,
        Self::Devices,
        Self::Revocations,
        Self::FactorFailures,
        Self::AuditEvents,
    ];

    /// The word for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.table()
    }

    fn table(self) -> &'static str {
        match self {
            Self::Tickets => "ws_tickets",
            Self::Challenges => "two_factor_challenges",
            Self::Bans => "bans",
            Self::IdempotencyKeys => "channel_idempotency",
            Self::Denials => "denials",
            Self::Sessions => "sessions",
            Self::ExternalSessions => "external_sessions",
            Self::Devices => "registered_devices",
            Self::Revocations => "revocations",
            Self::FactorFailures => "second_factor_failures",
            Self::AuditEvents => "audit_events",
        }
    }

    /// The condition on a row `t`. `$1` is the time.
    fn condition(self) -> String {
        match self {
            Self::Tickets | Self::Challenges | Self::Bans | Self::IdempotencyKeys => {
                "t.expires_at <= $1".to_owned()
            }
            Self::Denials => {
                "t.created_at < $1 AND (t.expires_at < $1 OR t.kind = 'user' AND (t.lifted OR EXISTS (
                SELECT FROM denials n WHERE n.kind = 'user' AND n.subject = t.subject AND n.id > t.id)))"
                    .to_owned()
            }
            Self::Sessions => "t.revoked_at < $1".to_owned(),
            Self::ExternalSessions => "t.ended_at < $1".to_owned(),
            Self::Devices => "t.last_seen_at < $1 AND NOT EXISTS (
                SELECT FROM sessions s WHERE s.device_id = t.id AND s.user_id = t.user_id)"
                .to_owned(),
            Self::Revocations => format!("t.created_at < $1 AND t.id <> ({})", everyone::NEWEST),
            Self::FactorFailures => "t.last_at < $1".to_owned(),
            Self::AuditEvents => "t.at < $1".to_owned(),
        }
    }
}

impl Store {
    /// Deletes at most `limit` of these rows, and returns how many. Rows that another transaction has locked are left for the
    /// next time.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn delete_aged(
        &self,
        aged: Aged,
        before: OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let (table, condition) = (aged.table(), aged.condition());
        let sql = format!(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY(
                 SELECT t.ctid FROM {table} t WHERE {condition} LIMIT $2 FOR UPDATE SKIP LOCKED))"
        );
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                Ok(client.execute(&statement, &[&before, &i64::from(limit)]).await?)
            })
        })
        .await
    }
}
