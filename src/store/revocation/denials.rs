//! Denials: blocked users and tokens that are no longer accepted.
//!
//! Each denial is a row. It is written with its audit event and announced like a revocation. A later row about a user lifts or
//! replaces the block of this user. Denials of one subject are written one after the other, so the order of the ids is the
//! order of the commits.

use deadpool_postgres::Transaction;
use logic::denials::{Denial, DenialRecord};
use protocol::{audit::AuditEvent, id::Subject};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use crate::{
    error::StoreError,
    pool::Store,
    revocation::order::CHANNEL,
    row_mapping::{clipped, millis_up, moment},
};

/// The maximum length of a reason, in bytes. Longer texts are shortened, because programs do not use them.
const REASON_BYTES: usize = 1_000;
/// The columns that [`ruling`] reads.
pub(crate) const COLUMNS: &str =
    "d.id, d.kind, d.subject, d.token_id, d.issued_before, d.channel, d.lifted, d.expires_at";

/// A denial to be written, or the lifting of a block.
#[derive(Clone, Debug)]
pub struct NewDenial {
    /// A unique id. By this id, the issuing node recognises its own denial in the feed.
    pub origin: Uuid,
    /// What is denied.
    pub denial: Denial,
    /// End of the denial. Only a block without an end, or the lifting of a block, has `None`.
    pub expires_at: Option<OffsetDateTime>,
    /// The reason, for people.
    pub reason: String,
    /// The time of writing.
    pub now: OffsetDateTime,
}

/// A denial as the feed delivers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardDenial {
    /// The content of the row.
    pub ruling: DenialRecord,
    /// The unique id that the issuing node gave the denial.
    pub origin: Uuid,
}

impl Store {
    /// Writes a denial with its audit event.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; the outcome may then be unknown. If the transaction has committed
    /// nevertheless, the revocation feed delivers the denial.
    pub async fn deny(&self, new: NewDenial, event: AuditEvent) -> Result<DenialRecord, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let ruling = write(&transaction, &new).await?;
                crate::audit::insert(&transaction, &[event.with("denial", ruling.id)]).await?;
                transaction.execute("SELECT pg_notify($1, 'denial')", &[&CHANNEL]).await?;
                transaction.commit().await?;
                Ok(ruling)
            })
        })
        .await
    }

    /// Every denial that may concern this subject or token, for a node with a copy of the denials that may be incomplete.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn denials_about(
        &self,
        subject: Subject,
        token_id: Option<String>,
        now: OffsetDateTime,
    ) -> Result<Vec<DenialRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT * FROM denials WHERE subject = $1 OR token_id = $2
                                    UNION ALL SELECT * FROM denials WHERE kind = 'all_issued_before') d
             WHERE (d.kind = 'user' OR d.expires_at IS NULL OR d.expires_at > $3)
             ORDER BY d.id"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client.prepare_cached(&sql).await?;
                let rows = client.query(&statement, &[&subject.as_str(), &token_id, &now]).await?;
                rows.iter().map(ruling).collect()
            })
        })
        .await
    }

    /// The number of blocks of users that have no end. A block is counted until a later ruling on the same user replaces it.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn endless_denials(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM denials WHERE expires_at IS NULL AND replaced_at IS NULL";
        self.run_slow(move |client| {
            Box::pin(async move {
                let count: i64 = client.query_one(sql, &[]).await?.try_get(0)?;
                Ok(u64::try_from(count).unwrap_or(0))
            })
        })
        .await
    }
}

pub(crate) async fn write(
    transaction: &Transaction<'_>,
    new: &NewDenial,
) -> Result<DenialRecord, StoreError> {
    let mut row = Columns::default();
    match &new.denial {
        Denial::User { subject, lifted } => {
            (row.kind, row.subject, row.lifted) = ("user", Some(subject.as_str()), *lifted);
        }
        Denial::Token { id } => (row.kind, row.token_id) = ("token", Some(&**id)),
        Denial::IssuedBefore { subject, moment_ms, channel } => {
            (row.kind, row.subject, row.channel) =
                ("issued_before", Some(subject.as_str()), channel.as_deref());
            row.issued_before = Some(moment(*moment_ms)?);
        }
        Denial::AllIssuedBefore { moment_ms } => {
            (row.kind, row.issued_before) = ("all_issued_before", Some(moment(*moment_ms)?));
        }
    }
    lock(transaction, row.subject).await?;
    let statement = transaction
        .prepare_cached(
            "INSERT INTO denials (kind, subject, token_id, issued_before, channel, lifted, expires_at, reason, created_at,
                                  origin)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        )
        .await?;
    let reason = clipped(&new.reason, REASON_BYTES);
    let arguments: [&(dyn ToSql + Sync); 10] = [
        &row.kind,
        &row.subject,
        &row.token_id,
        &row.issued_before,
        &row.channel,
        &row.lifted,
        &new.expires_at,
        &reason,
        &new.now,
        &new.origin,
    ];
    let id = transaction.query_one(&statement, &arguments).await?.try_get(0)?;
    Ok(DenialRecord { id, denial: new.denial.clone(), until_ms: new.expires_at.map(millis_up) })
}

#[derive(Default)]
struct Columns<'d> {
    kind: &'static str,
    subject: Option<&'d str>,
    token_id: Option<&'d str>,
    issued_before: Option<OffsetDateTime>,
    channel: Option<&'d str>,
    lifted: bool,
}

/// Takes a lock, so that denials of one subject are written one after the other. If the subject is an account of this server,
/// the user's row is locked as well. So a change by this account, or a new session of it, commits either before or after the
/// denial.
async fn lock(transaction: &Transaction<'_>, subject: Option<&str>) -> Result<(), StoreError> {
    let Some(subject) = subject else { return Ok(()) };
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended('denial ' || $1, 0))";
    transaction.execute(sql, &[&subject]).await?;
    if let Ok(user) = subject.parse::<i64>() {
        transaction.execute("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", &[&user]).await?;
    }
    Ok(())
}

/// Whether this account is blocked. The caller has locked the row of the user.
pub(crate) async fn blocked(
    transaction: &Transaction<'_>,
    user: i64,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let statement = transaction
        .prepare_cached(
            "SELECT NOT lifted AND (expires_at IS NULL OR expires_at > $2) FROM denials
             WHERE subject = $1 AND kind = 'user' ORDER BY id DESC LIMIT 1",
        )
        .await?;
    let row = transaction.query_opt(&statement, &[&user.to_string(), &now]).await?;
    row.map_or(Ok(false), |row| Ok(row.try_get(0)?))
}

/// Maps a row of [`COLUMNS`].
pub(crate) fn ruling(row: &Row) -> Result<DenialRecord, StoreError> {
    let missing = || StoreError::internal("a denial without its subject");
    let subject = row.try_get::<_, Option<&str>>("subject")?.map(Subject::new);
    let denial = match row.try_get::<_, &str>("kind")? {
        "user" => Denial::User { subject: subject.ok_or_else(missing)?, lifted: row.try_get("lifted")? },
        "token" => Denial::Token { id: row.try_get::<_, &str>("token_id")?.into() },
        "issued_before" => Denial::IssuedBefore {
            subject: subject.ok_or_else(missing)?,
            moment_ms: millis_up(row.try_get("issued_before")?),
            channel: row.try_get::<_, Option<&str>>("channel")?.map(Into::into),
        },
        "all_issued_before" => {
            Denial::AllIssuedBefore { moment_ms: millis_up(row.try_get("issued_before")?) }
        }
        other => return Err(StoreError::internal(format!("unknown kind of denial `{other}`"))),
    };
    let until = row.try_get::<_, Option<OffsetDateTime>>("expires_at")?;
    Ok(DenialRecord { id: row.try_get("id")?, denial, until_ms: until.map(millis_up) })
}
