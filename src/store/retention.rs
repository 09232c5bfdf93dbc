//! Deleting rows that are old, in batches. One statement deletes a batch of the rows of one kind ([`Aged`]).
//!
//! Called by the retention job. Other files delete the rows of tables that also grow with time. `abuse::attempt_months` drops
//! whole months of sign-in attempts, and `audit_log::months` whole months of the audit log. `journal` deletes publications when
//! the retention of their channel says so. Events that have not entered the audit log have no age: they wait.

use time::OffsetDateTime;

use crate::{error::StoreError, pool::Store, revocation::everyone};

/// Rows that are deleted when they are old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aged {
    /// Tickets that have expired at the given time.
    Tickets,
    /// Challenges that have expired at the given time.
    Challenges,
    /// Bans that have expired at the given time.
    Bans,
    /// Idempotency keys of publications that have expired at the given time.
    IdempotencyKeys,
    /// Keys of operators' requests that have expired at the given time.
    RequestKeys,
    /// Denials that ended before the given time.
    Denials,
    /// Rulings on the block of a user: those replaced by a later ruling before the given time, and those that lifted a block
    /// before that time.
    ReplacedBlocks,
    /// Sessions that ended before the given time.
    Sessions,
    /// External sessions that ended before the given time.
    ExternalSessions,
    /// Devices without a session row that were last seen before the given time.
    Devices,
    /// Revocations before the given time, except for the newest revocation of all sessions, because sessions are compared with
    /// its id.
    Revocations,
    /// Counts of wrong second factors in a row, if the last attempt was before the given time.
    FactorFailures,
    /// Events that were delivered before the given time.
    DeliveredEvents,
    /// Events that became dead letters before the given time.
    DeadEvents,
    /// Sessions of drills that ended before the given time.
    DrilledSessions,
    /// Revocations of drills before the given time.
    DrilledRevocations,
    /// Drills that began before the given time.
    Drills,
    /// Requests for drills before the given time.
    DrillRequests,
    /// Mails that were sent or given up before the given time.
    Mails,
}

impl Aged {
    /// Every kind. Sessions come before the devices and the revocations that they name.
    pub const ALL: [Self; 19] = [
        Self::Tickets,
        Self::Challenges,
        Self::Bans,
        Self::IdempotencyKeys,
        Self::RequestKeys,
        Self::Denials,
        Self::ReplacedBlocks,
        Self::DrilledSessions,
        Self::DrilledRevocations,
        Self::Sessions,
        Self::ExternalSessions,
        Self::Devices,
        Self::Revocations,
        Self::FactorFailures,
        Self::DeliveredEvents,
        Self::DeadEvents,
        Self::Drills,
        Self::DrillRequests,
        Self::Mails,
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
            Self::RequestKeys => "idempotency_keys",
            Self::Denials | Self::ReplacedBlocks => "denials",
            Self::Sessions | Self::DrilledSessions => "sessions",
            Self::ExternalSessions => "external_sessions",
            Self::Devices => "registered_devices",
            Self::Revocations | Self::DrilledRevocations => "revocations",
            Self::FactorFailures => "second_factor_failures",
            Self::DeliveredEvents | Self::DeadEvents => "event_deliveries",
            Self::Drills => "drills",
            Self::DrillRequests => "drill_requests",
            Self::Mails => "mails",
        }
    }

    /// The column of the time that counts. It has an index.
    fn column(self) -> &'static str {
        match self {
            Self::Tickets
            | Self::Challenges
            | Self::Bans
            | Self::IdempotencyKeys
            | Self::RequestKeys
            | Self::Denials => "expires_at",
            Self::ReplacedBlocks => "replaced_at",
            Self::Sessions | Self::DrilledSessions => "revoked_at",
            Self::ExternalSessions => "ended_at",
            Self::Devices => "last_seen_at",
            Self::Revocations | Self::DrilledRevocations => "created_at",
            Self::FactorFailures => "last_at",
            Self::DeliveredEvents | Self::DeadEvents | Self::Mails => "settled_at",
            Self::Drills => "started_at",
            Self::DrillRequests => "requested_at",
        }
    }

    /// How the time in the column [`Self::column`] is compared with the given time.
    fn comparison(self) -> &'static str {
        match self {
            Self::Tickets | Self::Challenges | Self::Bans | Self::IdempotencyKeys | Self::RequestKeys => "<=",
            _ => "<",
        }
    }

    /// A further condition on a row `t`.
    fn condition(self) -> String {
        match self {
            // A ruling that lifts a block stays while an earlier ruling on the user exists. Otherwise the earlier ruling would
            // block the user again.
            Self::ReplacedBlocks => "NOT (t.lifted AND EXISTS (
                SELECT FROM denials o WHERE o.kind = 'user' AND o.subject = t.subject AND o.id < t.id))"
                .to_owned(),
            Self::Devices => "NOT EXISTS (
                SELECT FROM sessions s WHERE s.device_id = t.id AND s.user_id = t.user_id)"
                .to_owned(),
            Self::Revocations => format!("t.id <> ({})", everyone::NEWEST),
            Self::DeliveredEvents => "t.state = 'delivered'".to_owned(),
            Self::DeadEvents => "t.state = 'dead'".to_owned(),
            Self::DrilledSessions => "t.method = 'drill'".to_owned(),
            Self::DrilledRevocations => "t.cause = 'drill'".to_owned(),
            _ => "true".to_owned(),
        }
    }
}

impl Store {
    /// Deletes at most `limit` rows of this kind, and returns the number of deleted rows. `before` is the given time in the
    /// comments of [`Aged`]. Rows that another transaction has locked are left for the next call.
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
        // The rows are sorted by time, because every plan then begins with the oldest rows in the index. Otherwise the planner
        // may expect to find a batch soon anywhere in the table, and read millions of rows although none is old.
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
