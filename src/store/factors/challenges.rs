//! Challenges for second factors and passkeys. Only the client that received a challenge can answer it, before it expires. One
//! right answer is accepted.
//!
//! Called by services for the second step of a sign-in and for WebAuthn ceremonies. Counting an attempt and taking a
//! challenge are one conditional statement each. A challenge of a sign-in is spent by the transaction that opens the
//! session.

use deadpool_postgres::Transaction;
use domain::factors::challenge::ChallengeKind;
use protocol::id::{SessionId, UserId};
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{error::StoreError, pool::Store, row_mapping};

/// The client that may answer a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeOwner {
    /// The client that holds this pre-session cookie.
    PreSession(Uuid),
    /// This session.
    Session(SessionId),
}

impl ChallengeOwner {
    fn columns(self) -> (Option<Uuid>, Option<Uuid>) {
        match self {
            Self::PreSession(id) => (Some(id), None),
            Self::Session(session) => (None, Some(session.0)),
        }
    }
}

/// A challenge.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// Its id.
    pub id: Uuid,
    /// Its kind.
    pub kind: ChallengeKind,
    /// The user; `None` if only the answer of a passkey will name the user.
    pub user: Option<UserId>,
    /// The client that may answer the challenge.
    pub answerer: ChallengeOwner,
    /// The user's revocation epoch when the first factor was checked; 0 for ceremonies.
    pub revocation_epoch: i32,
    /// The id of the last revocation of all sessions when the first factor was checked; 0 for ceremonies.
    pub revoked_all: i64,
    /// State that depends on the kind.
    pub state: Value,
    /// Time of expiry.
    pub expires_at: OffsetDateTime,
}

/// The outcome of an attempt at a challenge.
#[derive(Clone, Debug)]
pub enum ChallengeAttempt {
    /// The attempt is counted. The caller must now verify the answer.
    Counted(Box<Challenge>),
    /// All attempts are used up.
    Exhausted {
        /// Expiry of the challenge.
        until: OffsetDateTime,
    },
    /// This client has no open challenge of this kind with this id. The challenge was never issued, has expired, was spent, is
    /// of another kind, or was issued to another client.
    Unknown,
}

const COLUMNS: &str =
    "id, kind, user_id, presession_id, session_id, generation, revoked_all, state, expires_at";

impl Store {
    /// Stores a challenge.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn insert_challenge(&self, new: Challenge, now: OffsetDateTime) -> Result<(), StoreError> {
        self.run_quick(move |client| {
            Box::pin(async move {
                let statement = client
                    .prepare_cached(
                        "INSERT INTO two_factor_challenges (id, kind, user_id, presession_id, session_id, generation,
                                                            revoked_all, state, created_at, expires_at)
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    )
                    .await?;
                let (presession, session) = new.answerer.columns();
                client
                    .execute(
                        &statement,
                        &[
                            &new.id,
                            &new.kind.as_str(),
                            &new.user.map(|id| id.0),
                            &presession,
                            &session,
                            &new.revocation_epoch,
                            &new.revoked_all,
                            &new.state,
                            &now,
                            &new.expires_at,
                        ],
                    )
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Counts an attempt, before the answer is verified, and returns the challenge. `most` is the largest number of attempts.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn attempt_challenge(
        &self,
        id: Uuid,
        kind: ChallengeKind,
        answerer: ChallengeOwner,
        most: u32,
        now: OffsetDateTime,
    ) -> Result<ChallengeAttempt, StoreError> {
        let sql = format!(
            "UPDATE two_factor_challenges SET attempts = attempts + 1
             WHERE id = $1 AND kind = $2 AND presession_id IS NOT DISTINCT FROM $3
               AND session_id IS NOT DISTINCT FROM $4 AND expires_at > $5 AND attempts < $6
             RETURNING {COLUMNS}"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let (presession, session) = answerer.columns();
                let most = i32::try_from(most).unwrap_or(i32::MAX);
                let statement = client.prepare_cached(&sql).await?;
                let row = client
                    .query_opt(&statement, &[&id, &kind.as_str(), &presession, &session, &now, &most])
                    .await?;
                if let Some(row) = row {
                    return Ok(ChallengeAttempt::Counted(Box::new(challenge(&row)?)));
                }
                let sql = "SELECT expires_at FROM two_factor_challenges
                           WHERE id = $1 AND kind = $2 AND presession_id IS NOT DISTINCT FROM $3
                             AND session_id IS NOT DISTINCT FROM $4 AND expires_at > $5";
                let statement = client.prepare_cached(sql).await?;
                let row =
                    client.query_opt(&statement, &[&id, &kind.as_str(), &presession, &session, &now]).await?;
                Ok(match row {
                    Some(row) => ChallengeAttempt::Exhausted { until: row.try_get(0)? },
                    None => ChallengeAttempt::Unknown,
                })
            })
        })
        .await
    }

    /// Reads a challenge without counting an attempt.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn challenge(
        &self,
        id: Uuid,
        kind: ChallengeKind,
        answerer: ChallengeOwner,
        now: OffsetDateTime,
    ) -> Result<Option<Challenge>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM two_factor_challenges
             WHERE id = $1 AND kind = $2 AND presession_id IS NOT DISTINCT FROM $3
               AND session_id IS NOT DISTINCT FROM $4 AND expires_at > $5"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let (presession, session) = answerer.columns();
                let statement = client.prepare_cached(&sql).await?;
                let row =
                    client.query_opt(&statement, &[&id, &kind.as_str(), &presession, &session, &now]).await?;
                row.map(|row| challenge(&row)).transpose()
            })
        })
        .await
    }

    /// Takes a challenge, before its answer is verified. Only one of several concurrent callers gets the challenge. An expired
    /// challenge is deleted and not returned.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn take_challenge(
        &self,
        id: Uuid,
        answerer: ChallengeOwner,
        now: OffsetDateTime,
    ) -> Result<Option<Challenge>, StoreError> {
        let sql = format!(
            "DELETE FROM two_factor_challenges
             WHERE id = $1 AND presession_id IS NOT DISTINCT FROM $2 AND session_id IS NOT DISTINCT FROM $3
             RETURNING {COLUMNS}"
        );
        self.run_quick(move |client| {
            Box::pin(async move {
                let (presession, session) = answerer.columns();
                let statement = client.prepare_cached(&sql).await?;
                let row = client.query_opt(&statement, &[&id, &presession, &session]).await?;
                let found = row.map(|row| challenge(&row)).transpose()?;
                Ok(found.filter(|found| found.expires_at > now))
            })
        })
        .await
    }
}

/// Spends a challenge within the transaction of the act that it permits. `false` if the challenge has expired, or if another
/// caller has spent it.
pub(crate) async fn spend(
    transaction: &Transaction<'_>,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM two_factor_challenges WHERE id = $1 AND expires_at > $2";
    let statement = transaction.prepare_cached(sql).await?;
    Ok(transaction.execute(&statement, &[&id, &now]).await? == 1)
}

fn challenge(row: &Row) -> Result<Challenge, StoreError> {
    let presession: Option<Uuid> = row.try_get("presession_id")?;
    let session: Option<Uuid> = row.try_get("session_id")?;
    let answerer = match (presession, session) {
        (Some(id), None) => ChallengeOwner::PreSession(id),
        (None, Some(id)) => ChallengeOwner::Session(SessionId(id)),
        _ => return Err(StoreError::internal("a challenge must belong to exactly one client")),
    };
    Ok(Challenge {
        id: row.try_get("id")?,
        kind: row_mapping::word(row, "kind")?,
        user: row.try_get::<_, Option<i64>>("user_id")?.map(UserId),
        answerer,
        revocation_epoch: row.try_get::<_, Option<i32>>("generation")?.unwrap_or_default(),
        revoked_all: row.try_get::<_, Option<i64>>("revoked_all")?.unwrap_or_default(),
        state: row.try_get("state")?,
        expires_at: row.try_get("expires_at")?,
    })
}
