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
    /// Denials that ended before the given time.
    Denials,
    /// Rows about the block of a user that a later row replaced before the given time, or that lifted a block.
    ReplacedBlocks,
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
    pub const ALL: [Self; 12] = [
        Self::Tickets,
        Self::Challenges,
        Self::Bans,
        Self::IdempotencyKeys,
        Self::Denials,
        Self::ReplacedBlocks,
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
            Self::Denials | Self::ReplacedBlocks => "denials",
            Self::Sessions => "sessions",
            Self::ExternalSessions => "external_sessions",
            Self::Devices => "registered_devices",
            Self::Revocations => "revocations",
            Self::FactorFailures => "second_factor_failures",
            Self::AuditEvents => "audit_events",
        }
    }

    /// The column of the time that counts. It has an index.
    fn column(self) -> &'static str {
        match self {
            Self::Tickets | Self::Challenges | Self::Bans | Self::IdempotencyKeys | Self::Denials => {
                "expires_at"
            }
            Self::ReplacedBlocks => "replaced_at",
            Self::Sessions => "revoked_at",
            Self::ExternalSessions => "ended_at",
            Self::Devices => "last_seen_at",
            Self::Revocations => "created_at",
            Self::FactorFailures => "last_at",
            Self::AuditEvents => "at",
        }
    }

    /// How this time is compared with the given one.
    fn comparison(self) -> &'static str {
        match self {
            Self::Tickets | Self::Challenges | Self::Bans | Self::IdempotencyKeys => "<=",
            _ => "<",
        }
    }

    /// A further condition on a row `t`.
    fn condition(self) -> String {
        match self {
            // Without the row that lifts a block, an earlier row would block the user again.
            Self::ReplacedBlocks => "NOT (t.lifted AND EXISTS (
                SELECT FROM denials o WHERE o.kind = 'user' AND o.subject = t.subject AND o.id < t.id))"
                .to_owned(),
            Self::Devices => "NOT EXISTS (
                SELECT FROM sessions s WHERE s.device_id = t.id AND s.user_id = t.user_id)"
                .to_owned(),
            Self::Revocations => format!("t.id <> ({})", everyone::NEWEST),
            _ => "true".to_owned(),
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
        let (table, column, comparison) = (aged.table(), aged.column(), aged.comparison());
        // In the order of time, because every plan then begins with the oldest rows in the index. Otherwise the planner may
        // expect to find a batch soon anywhere in the table, and pass over millions of rows to find none.
        let sql = format!(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY(
                 SELECT t.ctid FROM {table} t WHERE t.{column} {comparison} $1 AND {}
                 ORDER BY t.{column} LIMIT $2 FOR UPDATE SKIP LOCKED))",
            aged.condition()
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
