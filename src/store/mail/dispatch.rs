//! Sending mails: the next mails, the lease of an attempt, the result of an attempt, and mails that are too old.
//!
//! Every node may send. An attempt holds its mail until the lease ends: if its node is killed, another attempt begins after that.

use domain::mail::{kind::MailKind, link::LinkPurpose};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use crate::{
    error::StoreError,
    pool::Store,
    row_mapping::{clipped, word},
};

/// The longest text of a failure, in bytes.
const FAILURE_BYTES: usize = 500;
/// Counts of waiting mails stop at this number.
const COUNTED: i64 = 100_000;

/// The columns that [`outgoing`] reads.
pub(super) const OUTGOING: &str =
    "id, kind, address, language, detail, created_at, link, link_expires_at, attempts, repetitions";

/// A mail as it is composed.
#[derive(Clone, Debug)]
pub struct OutgoingMail {
    /// The id.
    pub id: Uuid,
    /// What it is about.
    pub kind: MailKind,
    /// The address of the recipient.
    pub address: String,
    /// The language that the user reads, if it is known.
    pub language: Option<String>,
    /// What it says.
    pub detail: Map<String, Value>,
    /// When its cause happened.
    pub created_at: OffsetDateTime,
    /// What its link permits, and until when.
    pub link: Option<(LinkPurpose, OffsetDateTime)>,
    /// The attempts, this one included.
    pub attempts: u32,
    /// How often an operator had it sent again.
    pub repetitions: u32,
}

/// An attempt that claims mails.
#[derive(Clone, Copy, Debug)]
pub struct MailAttempt {
    /// Its id.
    pub id: Uuid,
    /// The time now.
    pub now: OffsetDateTime,
    /// Until when the attempt holds its mails.
    pub until: OffsetDateTime,
}

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailSettlement {
    /// The mail server has taken the mail.
    Sent,
    /// The mail waits for the next attempt.
    Again {
        /// The next attempt is not before this time.
        due_at: OffsetDateTime,
        /// Why this attempt failed.
        failure: String,
    },
    /// The mail is given up, for this reason.
    Failed(String),
}

/// How many mails wait, and since when.
#[derive(Clone, Copy, Debug, Default)]
pub struct MailFigures {
    /// The mails that wait or are being sent, at most 100,000.
    pub waiting: u64,
    /// Since when the oldest of them waits.
    pub oldest: Option<OffsetDateTime>,
}

impl Store {
    /// Claims mails that are due and that no other attempt holds, the longest due first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn claim_mails(
        &self,
        attempt: MailAttempt,
        limit: u32,
    ) -> Result<Vec<OutgoingMail>, StoreError> {
        let sql = format!(
            "UPDATE mails SET state = 'sending', attempt_id = $2, leased_until = $3, attempts = attempts + 1
             WHERE id IN (SELECT id FROM mails
                          WHERE state IN ('waiting', 'sending') AND due_at <= $1
                            AND (leased_until IS NULL OR leased_until <= $1)
                          ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
             RETURNING {OUTGOING}"
        );
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let MailAttempt { id, now, until } = attempt;
                let rows = client.query(&statement, &[&now, &id, &until, &i64::from(limit)]).await?;
                rows.iter().map(outgoing).collect()
            })
        })
        .await
    }

    /// Writes the result of an attempt. `false` if another attempt holds the mail meanwhile, or if the mail is gone.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn settle_mail(
        &self,
        mail: Uuid,
        attempt: Uuid,
        now: OffsetDateTime,
        settlement: MailSettlement,
    ) -> Result<bool, StoreError> {
        let (state, due_at, failure) = match settlement {
            MailSettlement::Sent => ("sent", None, None),
            MailSettlement::Again { due_at, failure } => ("waiting", Some(due_at), Some(failure)),
            MailSettlement::Failed(failure) => ("failed", None, Some(failure)),
        };
        let failure = failure.map(|failure| clipped(&failure, FAILURE_BYTES));
        let settled_at = due_at.is_none().then_some(now);
        let sql = "UPDATE mails SET state = $3, due_at = coalesce($4, due_at), settled_at = $5, failure = $6,
                          attempt_id = NULL, leased_until = NULL
                   WHERE id = $1 AND attempt_id = $2 AND state = 'sending'";
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let arguments: [&(dyn ToSql + Sync); 6] =
                    [&mail, &attempt, &state, &due_at, &settled_at, &failure];
                Ok(client.execute(&statement, &arguments).await? == 1)
            })
        })
        .await
    }

    /// Gives up mails that wait since before `oldest`, and mails with a link that has ended. One call gives up at most `limit`
    /// mails. Returns their number. The last failure stays as the reason.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn expire_mails(
        &self,
        oldest: OffsetDateTime,
        now: OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let sql = "UPDATE mails SET state = 'expired', settled_at = $2, attempt_id = NULL, leased_until = NULL,
                          failure = coalesce(failure, 'it was not sent in time')
                   WHERE id IN (SELECT id FROM mails
                                WHERE state IN ('waiting', 'sending') AND (leased_until IS NULL OR leased_until <= $2)
                                  AND (waiting_from < $1 OR link_expires_at <= $2)
                                ORDER BY waiting_from LIMIT $3 FOR UPDATE SKIP LOCKED)";
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                Ok(client.execute(&statement, &[&oldest, &now, &i64::from(limit)]).await?)
            })
        })
        .await
    }

    /// Gives up mails that wait since before `oldest`, for this reason. One call gives up at most `limit` mails. Returns their
    /// number.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn fail_mails(
        &self,
        reason: String,
        oldest: OffsetDateTime,
        now: OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let sql = "UPDATE mails SET state = 'failed', settled_at = $2, attempt_id = NULL, leased_until = NULL, failure = $4
                   WHERE id IN (SELECT id FROM mails
                                WHERE state IN ('waiting', 'sending') AND (leased_until IS NULL OR leased_until <= $2)
                                  AND waiting_from < $1
                                ORDER BY waiting_from LIMIT $3 FOR UPDATE SKIP LOCKED)";
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let failure = clipped(&reason, FAILURE_BYTES);
                Ok(client.execute(&statement, &[&oldest, &now, &i64::from(limit), &failure]).await?)
            })
        })
        .await
    }

    /// How many mails wait, and since when.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn mail_figures(&self) -> Result<MailFigures, StoreError> {
        let sql = "SELECT (SELECT waiting_from FROM mails WHERE state IN ('waiting', 'sending')
                           ORDER BY waiting_from LIMIT 1) AS oldest,
                          (SELECT count(*) FROM (SELECT FROM mails WHERE state IN ('waiting', 'sending')
                                                 LIMIT $1) waiting) AS waiting";
        self.run_slow(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(sql).await?;
                let row = client.query_one(&statement, &[&COUNTED]).await?;
                let waiting: i64 = row.try_get("waiting")?;
                Ok(MailFigures { waiting: waiting.unsigned_abs(), oldest: row.try_get("oldest")? })
            })
        })
        .await
    }
}

/// Maps a row of [`OUTGOING`].
pub(super) fn outgoing(row: &Row) -> Result<OutgoingMail, StoreError> {
    let Value::Object(detail) = row.try_get("detail")? else {
        return Err(StoreError::internal("the detail of a mail is no object"));
    };
    let count = |column| Ok::<_, StoreError>(u32::try_from(row.try_get::<_, i32>(column)?).unwrap_or(0));
    Ok(OutgoingMail {
        id: row.try_get("id")?,
        kind: word(row, "kind")?,
        address: row.try_get("address")?,
        language: row.try_get("language")?,
        detail,
        created_at: row.try_get("created_at")?,
        link: link(row)?,
        attempts: count("attempts")?,
        repetitions: count("repetitions")?,
    })
}

fn link(row: &Row) -> Result<Option<(LinkPurpose, OffsetDateTime)>, StoreError> {
    let end: Option<OffsetDateTime> = row.try_get("link_expires_at")?;
    end.map(|end| Ok((word(row, "link")?, end))).transpose()
}
