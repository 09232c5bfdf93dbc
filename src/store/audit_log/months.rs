//! Months of the log: a partition is made in the month before, and dropped as a whole when it is old.
//!
//! A dropped month leaves three things: the hashes of its subtrees, so that later entries still verify, its last checkpoint,
//! and an event.

use deadpool_postgres::{GenericClient, Transaction};
use domain::transparency_log::{frontier::Frontier, hash::Hash, subtree::Subtree};
use protocol::audit::AuditEvent;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time};

use super::{head, head::LogHead, nodes, number::signed};
use crate::{audit, error::StoreError, pool::Store};

/// The event of a dropped month.
const MONTH_DROPPED: &str = "audit.month_dropped";

/// What became of the oldest month of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonthDrop {
    /// It was dropped. Has its first day.
    Dropped(Date),
    /// It is old enough by the caller's cutoff, but not by the time that the owner of the tables has noted.
    KeptByOwner {
        /// Its first day.
        month: Date,
        /// How many days entries are kept at least.
        noted_days: i32,
    },
    /// There is none that ended before the cutoff, or another node is at work.
    NotDue,
}

impl Store {
    /// Drops the oldest month of the log if it ended before `cutoff`. `event` is completed and written.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn drop_audit_month(
        &self,
        cutoff: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<MonthDrop, StoreError> {
        self.run_unbounded(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                transaction
                    .batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '2s'")
                    .await?;
                let Some(head) = head::try_lock(&transaction).await? else { return Ok(MonthDrop::NotDue) };
                let Some((month, end)) = oldest(&transaction, &head).await? else {
                    return Ok(MonthDrop::NotDue);
                };
                if midnight(next_month(month)) > cutoff || month >= head.month {
                    return Ok(MonthDrop::NotDue);
                }
                if !drop_month(&transaction, month, end, cutoff).await? {
                    let noted_days = head::noted_days(&transaction).await?;
                    return Ok(MonthDrop::KeptByOwner { month, noted_days });
                }
                let event = event.with("month", month.to_string()).with("until", end);
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(MonthDrop::Dropped(month))
            })
        })
        .await
    }
}

impl Store {
    /// Whether an event, in the log or in the inbox, says that the entries before `first` were dropped.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_drop_is_recorded(&self, first: u64) -> Result<bool, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let sql = "SELECT EXISTS (SELECT FROM audit_log
                                   WHERE event = $1 AND detail::jsonb ->> 'until' = $2)
                               OR EXISTS (SELECT FROM audit_events WHERE event = $1 AND detail ->> 'until' = $2)";
                let row = client.query_one(sql, &[&MONTH_DROPPED, &first.to_string()]).await?;
                Ok(row.try_get(0)?)
            })
        })
        .await
    }
}

/// The oldest month that has entries, and the number after its last entry.
async fn oldest(transaction: &Transaction<'_>, head: &LogHead) -> Result<Option<(Date, u64)>, StoreError> {
    let sql = "SELECT month FROM audit_log WHERE leaf_index >= $1 ORDER BY leaf_index LIMIT 1";
    let Some(row) = transaction.query_opt(sql, &[&signed(head.dropped.size())?]).await? else {
        return Ok(None);
    };
    let month: Date = row.try_get(0)?;
    let sql = "SELECT max(leaf_index) + 1 FROM audit_log WHERE month = $1";
    let end: i64 = transaction.query_one(sql, &[&month]).await?.try_get(0)?;
    Ok(Some((month, end.unsigned_abs())))
}

/// Drops a month. `false` if the month is kept: it is younger than the shortest retention that the owner of the tables has noted.
async fn drop_month(
    transaction: &Transaction<'_>,
    month: Date,
    end: u64,
    cutoff: OffsetDateTime,
) -> Result<bool, StoreError> {
    let subtrees = Subtree::covering(0, end);
    let known = nodes::load(transaction, &subtrees).await?;
    let hashes: Option<Vec<Hash>> = subtrees.iter().map(|subtree| known.hash(*subtree)).collect();
    let Some(hashes) = hashes else {
        return Err(StoreError::internal("hashes of the audit log are missing, so its months are kept"));
    };
    let left: Vec<_> = subtrees.into_iter().zip(hashes.iter().copied()).collect();
    nodes::insert(transaction, &left).await?;
    let dropped = Frontier::from_bytes(end, &hashes.concat()).unwrap_or_default();
    let sql = "SELECT audit_log_drop_month($1, $2, $3, $4)";
    let row = transaction.query_one(sql, &[&month, &signed(end)?, &dropped.to_bytes(), &cutoff]).await?;
    Ok(row.try_get(0)?)
}

impl Store {
    /// Makes the partition of the month after this time, unless it exists. So the turn of a month needs no change of tables.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached, or if others change the tables of the log for longer than two seconds.
    pub async fn make_next_audit_month(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let month = next_month(first_of_month(now.date()));
                if exists(&*client, month).await? {
                    return Ok(());
                }
                let transaction = client.transaction().await?;
                // Only one maker works at a time, and none while a batch makes the partition of its own month.
                if head::try_lock(&transaction).await?.is_some()
                    && require_known(&transaction, now).await.is_ok()
                {
                    make(&transaction, month).await?;
                }
                Ok(transaction.commit().await?)
            })
        })
        .await
    }
}

/// The month for new entries: the month of `now`, but no earlier month than that of the newest entry.
///
/// # Errors
/// `Internal` if the month lies more than one month after both the month of the newest entry and the month of the database's
/// clock. Then the clock of this node is wrong, and all later entries would go into that month.
pub(super) async fn current(
    transaction: &Transaction<'_>,
    head: &LogHead,
    now: OffsetDateTime,
) -> Result<Date, StoreError> {
    let month = first_of_month(now.date());
    if month > next_month(head.month) {
        require_known(transaction, now).await?;
    }
    Ok(month.max(head.month))
}

/// Refuses a time that lies in a later month than the next one of the database's clock.
async fn require_known(transaction: &Transaction<'_>, now: OffsetDateTime) -> Result<(), StoreError> {
    let here: OffsetDateTime = transaction.query_one("SELECT now()", &[]).await?.try_get(0)?;
    if first_of_month(now.date()) > next_month(first_of_month(here.date())) {
        let text = format!(
            "the clock of this node says {now}, and that of the database {here}: no event enters the audit log from this node"
        );
        return Err(StoreError::Internal(text));
    }
    Ok(())
}

/// Makes the partition of a month, unless it exists. Waits at most two seconds for others that change the tables of the log.
pub(super) async fn make(client: &impl GenericClient, month: Date) -> Result<(), StoreError> {
    if !exists(client, month).await? {
        client.execute("SELECT audit_log_make_month($1)", &[&month]).await?;
    }
    Ok(())
}

async fn exists(client: &impl GenericClient, month: Date) -> Result<bool, StoreError> {
    let statement = client.prepare_cached("SELECT to_regclass($1) IS NOT NULL").await?;
    Ok(client.query_one(&statement, &[&name(month)]).await?.try_get(0)?)
}

fn name(month: Date) -> String {
    format!("audit_log_{:04}_{:02}", month.year(), u8::from(month.month()))
}

fn first_of_month(day: Date) -> Date {
    day.replace_day(1).unwrap_or(day)
}

fn next_month(first: Date) -> Date {
    first_of_month(first + Duration::days(31))
}

fn midnight(day: Date) -> OffsetDateTime {
    PrimitiveDateTime::new(day, Time::MIDNIGHT).assume_utc()
}
