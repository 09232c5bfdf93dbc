//! The parts of an erasure: its beginning, the removal of rows in batches, its end, and later the search for late rows.
//!
//! Called by the job `erasure`. Any node may do any of these steps, at any time and again. Each is one transaction under the
//! lock of the request's row, and every statement may be repeated. So a node that is killed leaves nothing half done.

use std::net::IpAddr;

use deadpool_postgres::{GenericClient, Transaction};
use domain::account::erasure::MessagesOfErased;
use protocol::{audit::AuditEvent, id::UserId};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::ToSql};

use super::{
    requests::{Erasure, SELECTED, read},
    steps::{Given, Step, steps},
};
use crate::{
    audit,
    audit_log::{head, personal_keys},
    error::StoreError,
    pool::Store,
};

/// The most rows that one transaction changes.
const BATCH: i64 = 1_000;
/// The most addresses of a person that are looked for in attempts for unknown names.
const ADDRESSES: i64 = 1_000;

/// The result of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasedBatch {
    /// More rows of this step may be left; the next batch continues at this position.
    More(i64),
    /// The step is done.
    Done,
    /// There is no such step: all steps are done.
    NoStep,
    /// Another node works on this erasure, or there is none.
    Busy,
}

/// The result of an attempt to end an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// The account is gone.
    Yes,
    /// Rows were written meanwhile; the steps must be repeated.
    NotYet,
    /// Another node works on this erasure, or there is none.
    Busy,
}

/// What the statements of the steps get.
struct Values {
    user: i64,
    name_hash: Option<String>,
    addresses: Option<Vec<IpAddr>>,
    pseudonym: Option<String>,
}

impl Store {
    /// The pending requests that are due, the oldest first, with the e-mail addresses of their accounts.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn due_erasures(
        &self,
        now: OffsetDateTime,
        limit: u32,
    ) -> Result<Vec<(Erasure, String)>, StoreError> {
        let sql = format!(
            "SELECT {SELECTED}, coalesce(u.email, '') AS email FROM erasures e LEFT JOIN users u ON u.id = e.user_id
             WHERE e.state = 'pending' AND e.due_at <= $1 ORDER BY e.due_at LIMIT $2"
        );
        self.run_slow(move |client| {
            Box::pin(async move {
                let rows = client.query(&sql, &[&now, &i64::from(limit)]).await?;
                rows.iter().map(|row| Ok((read(row)?, row.try_get("email")?))).collect()
            })
        })
        .await
    }

    /// Begins an erasure that is due: from now on it cannot be cancelled. Empties the row of the account, so that no sign-in finds
    /// it, and notes the addresses of the person. If the account was activated meanwhile, the request is removed instead, with the
    /// event `cancelled`. `name_hash` is the keyed hash of the account's name, `pseudonym` a random name.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn begin_erasure(
        &self,
        user: UserId,
        name_hash: String,
        pseudonym: String,
        now: OffsetDateTime,
        cancelled: AuditEvent,
    ) -> Result<(), StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let sql = "SELECT status = 'active' FROM users WHERE id = $1 FOR NO KEY UPDATE";
                let active = transaction.query_opt(sql, &[&user.0]).await?;
                if active.map(|row| row.try_get(0)).transpose()?.unwrap_or(false) {
                    let sql = "DELETE FROM erasures WHERE user_id = $1 AND state = 'pending'";
                    if transaction.execute(sql, &[&user.0]).await? == 1 {
                        audit::insert(&transaction, &[cancelled]).await?;
                    }
                    return Ok(transaction.commit().await?);
                }
                let sql = format!(
                    "UPDATE erasures SET state = 'erasing', begun_at = $2, name_hash = $3, pseudonym = $4, addresses = ARRAY(
                         SELECT DISTINCT found.address FROM (
                             (SELECT address FROM sessions WHERE user_id = $1 ORDER BY id DESC LIMIT 10000)
                             UNION ALL (SELECT address FROM registered_devices WHERE user_id = $1 LIMIT 10000)
                             UNION ALL (SELECT address FROM device_login_attempts
                                        WHERE user_id = $1 AND outcome = 'success' ORDER BY at DESC LIMIT 10000)
                         ) found WHERE found.address IS NOT NULL LIMIT {ADDRESSES})
                     WHERE user_id = $1 AND state = 'pending' AND due_at <= $2"
                );
                if transaction.execute(&sql, &[&user.0, &now, &name_hash, &pseudonym]).await? == 1 {
                    empty_account(&transaction, user, now).await?;
                }
                Ok(transaction.commit().await?)
            })
        })
        .await
    }

    /// Erasures that are under way, the oldest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn begun_erasures(&self, limit: u32) -> Result<Vec<Erasure>, StoreError> {
        let sql = format!(
            "SELECT {SELECTED} FROM erasures e WHERE e.state = 'erasing' ORDER BY e.begun_at LIMIT $1"
        );
        self.run_slow(move |client| {
            Box::pin(
                async move { client.query(&sql, &[&i64::from(limit)]).await?.iter().map(read).collect() },
            )
        })
        .await
    }

    /// Finished erasures with a last search for late rows before `before`. The oldest search comes first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn unswept_erasures(
        &self,
        before: OffsetDateTime,
        limit: u32,
    ) -> Result<Vec<Erasure>, StoreError> {
        let sql =
            format!("SELECT {SELECTED} FROM erasures e WHERE e.swept_at < $1 ORDER BY e.swept_at LIMIT $2");
        self.run_slow(move |client| {
            Box::pin(async move {
                client.query(&sql, &[&before, &i64::from(limit)]).await?.iter().map(read).collect()
            })
        })
        .await
    }

    /// Removes a batch of rows of the step with this number, from 0.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn erase_batch(
        &self,
        user: UserId,
        messages: MessagesOfErased,
        number: usize,
        after: i64,
    ) -> Result<ErasedBatch, StoreError> {
        let Some(step) = steps(messages).into_iter().nth(number) else { return Ok(ErasedBatch::NoStep) };
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let Some(values) = lock(&transaction, user).await? else { return Ok(ErasedBatch::Busy) };
                let (changed, after) = carry_out(&transaction, &step, &values, after).await?;
                transaction.commit().await?;
                Ok(if changed < BATCH { ErasedBatch::Done } else { ErasedBatch::More(after) })
            })
        })
        .await
    }

    /// Ends an erasure: repeats each step once, destroys the keys of the person in the audit log, deletes the row of the
    /// account, and writes `event`. The row of the request stays as the record.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn finish_erasure(
        &self,
        user: UserId,
        messages: MessagesOfErased,
        now: OffsetDateTime,
        event: AuditEvent,
    ) -> Result<Erased, StoreError> {
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                // The sequencer of the audit log locks the head before rows of the inbox. In another order, each would wait for
                // the other.
                head::lock(&transaction).await?;
                transaction.execute("SELECT FROM users WHERE id = $1 FOR UPDATE", &[&user.0]).await?;
                let Some(values) = lock(&transaction, user).await? else { return Ok(Erased::Busy) };
                for step in steps(messages) {
                    if carry_out(&transaction, &step, &values, 0).await?.0 >= BATCH {
                        return Ok(Erased::NotYet);
                    }
                }
                personal_keys::destroy(&transaction, user, now).await?;
                transaction.execute("DELETE FROM users WHERE id = $1", &[&user.0]).await?;
                let sql = "UPDATE erasures SET state = 'erased', erased_at = $2, swept_at = $2, reason = '',
                                  name_hash = NULL, addresses = NULL
                           WHERE user_id = $1 AND state = 'erasing'";
                if transaction.execute(sql, &[&user.0, &now]).await? == 0 {
                    return Ok(Erased::Busy);
                }
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(Erased::Yes)
            })
        })
        .await
    }

    /// Notes that the late rows of an erased person were searched, and destroys a key in the audit log that a late event has
    /// made. After `last`, no further search follows.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn swept_erasure(
        &self,
        user: UserId,
        now: OffsetDateTime,
        last: bool,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE erasures SET swept_at = CASE WHEN $3 THEN NULL ELSE $2::timestamptz END,
                          pseudonym = CASE WHEN $3 THEN NULL ELSE pseudonym END
                   WHERE user_id = $1 AND state = 'erased'";
        self.run_slow(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                personal_keys::destroy_live(&transaction, user, now).await?;
                transaction.execute(sql, &[&user.0, &now, &last]).await?;
                Ok(transaction.commit().await?)
            })
        })
        .await
    }
}

/// Empties the row of the account. No sign-in finds it any more.
async fn empty_account(
    transaction: &Transaction<'_>,
    user: UserId,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let sql = "UPDATE users SET email = 'erased-' || id || '@invalid', account_key = NULL, display_name = NULL,
                      password_hash = '!', status = 'deactivated', updated_at = $2, webauthn_user_handle = gen_random_uuid()
               WHERE id = $1";
    transaction.execute(sql, &[&user.0, &now]).await?;
    Ok(())
}

/// Locks the row of an erasure that has begun; `None` if another transaction has locked it, or if there is none.
async fn lock(transaction: &Transaction<'_>, user: UserId) -> Result<Option<Values>, StoreError> {
    let sql = "SELECT name_hash, addresses, pseudonym FROM erasures
               WHERE user_id = $1 AND state IN ('erasing', 'erased') FOR UPDATE SKIP LOCKED";
    let read = |row: &Row| {
        Ok(Values {
            user: user.0,
            name_hash: row.try_get("name_hash")?,
            addresses: row.try_get("addresses")?,
            pseudonym: row.try_get("pseudonym")?,
        })
    };
    transaction.query_opt(sql, &[&user.0]).await?.as_ref().map(read).transpose()
}

/// Carries out a step once. Returns the number of changed rows, and the position for the next call.
async fn carry_out(
    client: &impl GenericClient,
    step: &Step,
    values: &Values,
    after: i64,
) -> Result<(i64, i64), StoreError> {
    let parameters: Vec<&(dyn ToSql + Sync)> = step
        .given
        .iter()
        .map(|given| -> &(dyn ToSql + Sync) {
            match given {
                Given::User => &values.user,
                Given::Limit => &BATCH,
                Given::After => &after,
                Given::NameHash => &values.name_hash,
                Given::Addresses => &values.addresses,
                Given::Pseudonym => &values.pseudonym,
            }
        })
        .collect();
    let statement = client.prepare_cached(&step.sql).await?;
    let row = client.query_one(&statement, &parameters).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}
