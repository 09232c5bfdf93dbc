//! Monthly partitions of the table of sign-in attempts: they are created in advance and dropped as a whole.
//!
//! Called at start and by the expiry job of every node. An advisory lock lets one node work at a time; the other nodes do
//! nothing. An attempt of a month that has no partition yet is stored in the default partition, and moved when the partition is
//! created.

use deadpool_postgres::Transaction;
use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time};

use crate::{error::StoreError, pool::Store};

/// The advisory lock for creating and dropping partitions.
const MONTHS_LOCK: i64 = 0x706f_7274_0003;
const PREFIX: &str = "device_login_attempts_";

impl Store {
    /// Creates the partitions of this month and the next, drops the partitions that ended before `cutoff`, and deletes attempts
    /// from before `cutoff` from the default partition.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn keep_attempt_months(
        &self,
        now: OffsetDateTime,
        cutoff: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let sql = "SELECT pg_try_advisory_xact_lock($1)";
                if !transaction.query_one(sql, &[&MONTHS_LOCK]).await?.try_get::<_, bool>(0)? {
                    return Ok(());
                }
                // While a statement below waits for an exclusive lock, sign-ins wait behind it, so the lock timeout is short.
                transaction.batch_execute("SET LOCAL lock_timeout = '2s'").await?;
                let this = first_of_month(now.date());
                for month in [this, next_month(this)] {
                    make(&transaction, month).await?;
                }
                for month in months(&transaction).await? {
                    if midnight(next_month(month)) <= cutoff {
                        transaction.execute("SELECT attempts_drop_month($1)", &[&month]).await?;
                    }
                }
                let sql = format!("DELETE FROM {PREFIX}default WHERE at < $1");
                transaction.execute(&sql, &[&cutoff]).await?;
                Ok(transaction.commit().await?)
            })
        })
        .await
    }
}

/// Creates the partition of a month, unless it exists, and moves the attempts of that month out of the default
/// partition. The function has the rights of the owner of the tables.
async fn make(transaction: &Transaction<'_>, month: Date) -> Result<(), StoreError> {
    let sql = "SELECT to_regclass($1) IS NOT NULL";
    if !transaction.query_one(sql, &[&name(month)]).await?.try_get::<_, bool>(0)? {
        transaction.execute("SELECT attempts_make_month($1)", &[&month]).await?;
    }
    Ok(())
}

/// The months that have a partition.
async fn months(transaction: &Transaction<'_>) -> Result<Vec<Date>, StoreError> {
    let sql = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = 'device_login_attempts'::regclass";
    let rows = transaction.query(sql, &[]).await?;
    let names = rows.iter().map(|row| row.try_get::<_, &str>(0)).collect::<Result<Vec<_>, _>>()?;
    Ok(names.into_iter().filter_map(month_of).collect())
}

fn name(month: Date) -> String {
    format!("{PREFIX}{:04}_{:02}", month.year(), u8::from(month.month()))
}

/// The month of the partition with this name; `None` for the default partition.
fn month_of(name: &str) -> Option<Date> {
    let (year, month) = name.strip_prefix(PREFIX)?.split_once('_')?;
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, 1).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_of_a_partition_is_read_from_its_name() {
        let mut month = Date::from_calendar_date(2026, Month::November, 1).expect("a day");
        for expected in ["2026_11", "2026_12", "2027_01", "2027_02", "2027_03"] {
            assert_eq!(name(month), format!("{PREFIX}{expected}"));
            assert_eq!(month_of(&name(month)), Some(month));
            month = next_month(month);
        }
    }

    #[test]
    fn other_names_have_no_month() {
        for name in ["device_login_attempts_default", "device_login_attempts_2026_13", "users"] {
            assert_eq!(month_of(name), None, "{name}");
        }
    }
}
