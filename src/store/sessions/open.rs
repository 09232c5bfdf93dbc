//! Opening a session: the only place where a sign-in becomes a session.
//!
//! Called by every kind of sign-in, after its proofs were verified. A revocation may commit between that verification and this
//! transaction. So the transaction takes the same locks as revocations, checks the state of the user again, and opens no
//! session if anything has changed.

use deadpool_postgres::Transaction;
use domain::{
    account::role::{Role, Status},
    client::device::Trust,
    session::SignInMethod,
};
use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
    id::{SessionId, UserId},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::session;
use crate::{
    abuse::attempts::{self, Attempt},
    accounts::devices::{self, DeviceSeen},
    audit,
    error::StoreError,
    factors::{
        challenges,
        second_factors::{self, Proof},
    },
    personal_data::cancellation,
    pool::Store,
    revocation::{
        acting_session, commit, denials,
        order::{CommittedRevocation, RevocationRequest, Target},
    },
    row_mapping::{self, clipped},
    sessions::session::{NOT_REVOKED, SESSION_COLUMNS, Session},
};

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// The id of the new session.
    pub id: SessionId,
    /// The user of the session.
    pub user: UserId,
    /// The user's revocation epoch when the first factor was checked.
    pub revocation_epoch: i32,
    /// The id of the last revocation of all sessions when the first factor was checked.
    pub revoked_all: i64,
    /// The device.
    pub device: DeviceSeen,
    /// The method of the sign-in.
    pub method: SignInMethod,
    /// The absolute end.
    pub expires_at: OffsetDateTime,
    /// When the first refresh token expires.
    pub refresh_expires_at: OffsetDateTime,
    /// The time until which the sign-in counts as a fresh proof of presence.
    pub privileged_until: OffsetDateTime,
    /// The challenge that the sign-in answers. The same transaction spends the challenge.
    pub challenge: Option<Uuid>,
    /// The second factor or passkey; `None` after a password alone. The same transaction spends this proof.
    pub proof: Option<Proof>,
    /// The trust that the proof gives the device, and its end.
    pub trust: Option<(Trust, OffsetDateTime)>,
    /// The attempt, which is written with the session. The risk of the attempt becomes the risk of the session.
    pub attempt: Option<Attempt>,
    /// Maximum number of sessions of the user, including this one.
    pub per_user_limit: u32,
    /// If the user has more devices than this, surplus devices are removed (`devices::remove_surplus` says which).
    pub device_limit: u32,
    /// The time of the sign-in.
    pub now: OffsetDateTime,
}

/// The outcome of opening a session.
#[derive(Clone, Debug)]
pub enum OpenOutcome {
    /// The session is open. The second field has the revocations of evicted sessions. The caller closes the sockets of these
    /// sessions.
    Session(Box<Session>, Vec<CommittedRevocation>),
    /// No session was opened. After the check of the first factor, the user's sessions were revoked, or the user was changed,
    /// blocked or deactivated.
    Superseded,
    /// No session was opened. The challenge has expired or was spent before, or the proof can no longer be spent
    /// (`second_factors::spend` says why).
    Spent,
}

impl Store {
    /// Opens a session if nothing that the sign-in relied on has changed.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. Whether the session was opened is then unknown, but its
    /// tokens were never issued.
    pub async fn open_session(
        &self,
        open: OpenSession,
        event: AuditEvent,
    ) -> Result<OpenOutcome, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                if !nothing_changed(&transaction, &open, &event).await? {
                    return Ok(OpenOutcome::Superseded);
                }
                if !spend_proofs(&transaction, &open).await? {
                    return Ok(OpenOutcome::Spent);
                }
                devices::upsert(&transaction, open.user, &open.device, open.now).await?;
                if let Some((trust, until)) = open.trust {
                    devices::trust(&transaction, open.user, open.device.id, trust, until, open.now).await?;
                }
                let evicted = evict_sessions(&transaction, &open, &event).await?;
                devices::remove_surplus(&transaction, open.user, open.device.id, open.device_limit, open.now)
                    .await?;
                let session = insert(&transaction, &open).await?;
                write_attempt(&transaction, &open).await?;
                let statement =
                    transaction.prepare_cached("UPDATE users SET last_login_at = $2 WHERE id = $1").await?;
                transaction.execute(&statement, &[&open.user.0, &open.now]).await?;
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(OpenOutcome::Session(Box::new(session), evicted))
            })
        })
        .await
    }
}

/// Takes the locks, and compares the state of the user with the state at the check of the first factor. A revocation of all
/// sessions holds its lock exclusively until it commits, and a revocation of the user holds the lock of the user's row. So this
/// transaction either sees such a revocation, or commits before it.
///
/// If the account waits for its erasure at the user's own request, this cancels the request and activates the account.
async fn nothing_changed(
    transaction: &Transaction<'_>,
    open: &OpenSession,
    event: &AuditEvent,
) -> Result<bool, StoreError> {
    acting_session::hold_off_revoking_all(transaction).await?;
    let statement = transaction
        .prepare_cached("SELECT generation, status, role FROM users WHERE id = $1 FOR NO KEY UPDATE")
        .await?;
    let Some(row) = transaction.query_opt(&statement, &[&open.user.0]).await? else {
        return Ok(false);
    };
    // Only a drill opens sessions of the canary, and it opens no others. So no password, factor or passkey opens them, however the
    // account got it.
    let is_canary = row_mapping::word::<Role>(&row, "role")? == Role::Canary;
    if is_canary != (open.method == SignInMethod::Drill) {
        return Ok(false);
    }
    let same_epoch = row.try_get::<_, i32>("generation")? == open.revocation_epoch;
    let active = match row_mapping::word::<Status>(&row, "status")? {
        Status::Active => true,
        Status::Deactivated => cancellation::by_sign_in(transaction, open.user, event, open.now).await?,
        Status::Pending | Status::Suspended => false,
    };
    let statement = transaction
        .prepare_cached("SELECT coalesce(max(id), 0) FROM revocations WHERE scope = 'all'")
        .await?;
    let revoked_all: i64 = transaction.query_one(&statement, &[]).await?.try_get(0)?;
    let holds = same_epoch && active && revoked_all == open.revoked_all;
    Ok(holds && !denials::blocked(transaction, open.user.0, open.now).await?)
}

/// Spends the challenge and the proof of the sign-in. `false` if the challenge has expired or was spent before, or if the proof
/// can no longer be spent.
async fn spend_proofs(transaction: &Transaction<'_>, open: &OpenSession) -> Result<bool, StoreError> {
    if let Some(challenge) = open.challenge
        && !challenges::spend(transaction, challenge, open.now).await?
    {
        return Ok(false);
    }
    match &open.proof {
        Some(proof) => second_factors::spend(transaction, open.user, proof, open.now).await,
        None => Ok(true),
    }
}

/// Writes the attempt with the ids of the session and the device.
async fn write_attempt(transaction: &Transaction<'_>, open: &OpenSession) -> Result<(), StoreError> {
    let Some(attempt) = open.attempt.clone() else {
        return Ok(());
    };
    let (device, session) = (Some(open.device.id), Some(open.id));
    attempts::insert(transaction, &Attempt { device, session, ..attempt }).await
}

/// Revokes the oldest sessions of the user, so that the new session does not exceed the limit. The user's row is locked, so no
/// other session of the user is opened in the meantime.
async fn evict_sessions(
    transaction: &Transaction<'_>,
    open: &OpenSession,
    opening: &AuditEvent,
) -> Result<Vec<CommittedRevocation>, StoreError> {
    let statement = transaction
        .prepare_cached(&format!(
            "SELECT id FROM (SELECT s.id FROM sessions s WHERE s.user_id = $1 AND {NOT_REVOKED}
                             ORDER BY s.created_at DESC, s.id OFFSET $2) AS oldest ORDER BY id"
        ))
        .await?;
    let keep = i64::from(open.per_user_limit.max(1)) - 1;
    let rows = transaction.query(&statement, &[&open.user.0, &keep]).await?;
    let mut evicted = Vec::with_capacity(rows.len());
    for row in rows {
        let session = SessionId(row.try_get("id")?);
        let event = AuditEvent {
            actor: None,
            user: Some(open.user),
            session: Some(session),
            device: None,
            ..AuditEvent::new("session.revoked", Outcome::Success, opening.at_ms)
        };
        let order = RevocationRequest {
            reason: "the user has too many sessions".to_owned(),
            audit: AuditEvent { request_id: opening.request_id.clone(), address: opening.address, ..event },
            ..RevocationRequest::new(Target::Session(session), Cause::SessionLimit, open.now)
        };
        let committed = commit::write(transaction, &order).await?;
        evicted.extend(committed.id.is_some().then_some(committed));
    }
    Ok(evicted)
}

async fn insert(transaction: &Transaction<'_>, open: &OpenSession) -> Result<Session, StoreError> {
    let sql = format!(
        "INSERT INTO sessions AS s (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_expires_at,
                                    privileged_until, method, address, user_agent, risk_score,
                                    risk_reasons, revoked_all)
         VALUES ($1, $2, $3, $4, $4, $5::timestamptz, least($6::timestamptz, $5), $7, $8, $9, $10, $11, $12, $13)
         RETURNING {SESSION_COLUMNS}"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let risk = open.attempt.as_ref().and_then(|attempt| attempt.risk.as_ref());
    let (score, reasons) = attempts::risk_columns(risk);
    let user_agent = open.device.user_agent.as_deref().map(|text| clipped(text, 1024));
    let row = transaction
        .query_one(
            &statement,
            &[
                &open.id.0,
                &open.user.0,
                &open.device.id.0,
                &open.now,
                &open.expires_at,
                &open.refresh_expires_at,
                &open.privileged_until,
                &open.method.as_str(),
                &open.device.address,
                &user_agent,
                &score,
                &reasons,
                &open.revoked_all,
            ],
        )
        .await?;
    session::from_row(&row)
}
