//! Wrong second factors in a row, counted over all nodes.
//!
//! Called by services before a second factor is judged, and after a right one. `domain::factors::lockout` has the rule.

use deadpool_postgres::Transaction;
use domain::factors::lockout::{FactorSource, delay};
use protocol::id::UserId;
use time::OffsetDateTime;

use crate::{error::StoreError, pool::Store};

/// The outcome of counting an attempt at a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorAttempt {
    /// The attempt may be judged. It counts as wrong until [`Store::clear_factor_failures`] is called.
    Counted {
        /// The number of attempts since the last right one, including this attempt.
        failures: u32,
        /// The time until which further attempts are refused, unless [`Store::clear_factor_failures`] is called first. `None`
        /// if further attempts are not refused.
        locked_until: Option<OffsetDateTime>,
    },
    /// Attempts are refused until this time.
    Locked {
        /// The time.
        until: OffsetDateTime,
    },
}

impl Store {
    /// Counts an attempt at a second factor before it is judged, so that concurrent attempts cannot exceed the rule.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn count_factor_attempt(
        &self,
        user: UserId,
        source: FactorSource,
        now: OffsetDateTime,
    ) -> Result<FactorAttempt, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let attempt = count(&transaction, user, source, now).await?;
                transaction.commit().await?;
                Ok(attempt)
            })
        })
        .await
    }

    /// Deletes the count of failures of a source, after a right second factor.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn clear_factor_failures(&self, user: UserId, source: FactorSource) -> Result<(), StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let sql = "DELETE FROM second_factor_failures WHERE user_id = $1 AND source = $2";
                let statement = client.prepare_cached(sql).await?;
                client.execute(&statement, &[&user.0, &source.id()]).await?;
                Ok(())
            })
        })
        .await
    }
}

async fn count(
    transaction: &Transaction<'_>,
    user: UserId,
    source: FactorSource,
    now: OffsetDateTime,
) -> Result<FactorAttempt, StoreError> {
    let key = source.id();
    let statement = transaction
        .prepare_cached(
            "INSERT INTO second_factor_failures AS f (user_id, source, failures, last_at) VALUES ($1, $2, 1, $3)
             ON CONFLICT (user_id, source) DO UPDATE SET failures = f.failures + 1, last_at = $3
             WHERE f.locked_until IS NULL OR f.locked_until <= $3 RETURNING failures",
        )
        .await?;
    let Some(row) = transaction.query_opt(&statement, &[&user.0, &key, &now]).await? else {
        let sql = "SELECT locked_until FROM second_factor_failures WHERE user_id = $1 AND source = $2";
        let statement = transaction.prepare_cached(sql).await?;
        let until = transaction.query_one(&statement, &[&user.0, &key]).await?.try_get(0)?;
        return Ok(FactorAttempt::Locked { until });
    };
    let failures = u32::try_from(row.try_get::<_, i32>("failures")?).unwrap_or(u32::MAX);
    let locked_until = delay(failures).map(|delay| now + delay);
    if let Some(until) = locked_until {
        let sql = "UPDATE second_factor_failures SET locked_until = $3 WHERE user_id = $1 AND source = $2";
        let statement = transaction.prepare_cached(sql).await?;
        transaction.execute(&statement, &[&user.0, &key, &until]).await?;
    }
    Ok(FactorAttempt::Counted { failures, locked_until })
}
