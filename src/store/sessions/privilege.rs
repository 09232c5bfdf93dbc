//! Granting privilege to a session after a fresh proof of presence.

use deadpool_postgres::Transaction;
use domain::account::role::Role;
use protocol::{
    audit::AuditEvent,
    id::{SessionId, UserId},
};
use time::OffsetDateTime;

use super::{renewal, session::Session};
use crate::{
    audit,
    error::StoreError,
    factors::second_factors::{self, Proof},
    pool::Store,
    revocation::{acting_session, order::ActingSession},
};

/// The privilege of a fresh proof of presence.
#[derive(Clone, Debug)]
pub struct Privilege {
    /// The session.
    pub session: SessionId,
    /// The user of the session.
    pub user: UserId,
    /// The user's revocation epoch when the proof was checked.
    pub revocation_epoch: i32,
    /// End of the privilege.
    pub until: OffsetDateTime,
    /// The code or passkey that was the proof; `None` for a password. The same transaction spends this proof.
    pub proof: Option<Proof>,
    /// The time of the step-up.
    pub now: OffsetDateTime,
}

/// The outcome of granting privilege.
#[derive(Clone, Debug)]
pub enum PrivilegeOutcome {
    /// The session has the privilege.
    Session(Box<Session>),
    /// Nothing was granted, because the user's revocation epoch has changed since the proof was checked.
    Lapsed,
    /// Nothing was granted, because the proof can no longer be spent (`second_factors::spend` says why).
    Spent,
}

impl Store {
    /// Grants privilege to a session that has not ended, and spends the proof. The revocation epoch of the user must be the
    /// same as when the proof was checked. The session's tokens are renewed: only tokens that are issued from now on carry the
    /// privilege.
    ///
    /// # Errors
    /// `Lapsed` if the session has ended, or if its user is not active or is blocked. `Unavailable` if the database cannot be
    /// reached.
    pub async fn grant_privilege(
        &self,
        privilege: Privilege,
        event: AuditEvent,
    ) -> Result<PrivilegeOutcome, StoreError> {
        self.run(move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let outcome = grant(&transaction, &privilege).await?;
                if matches!(outcome, PrivilegeOutcome::Session(_)) {
                    audit::insert(&transaction, &[event]).await?;
                    transaction.commit().await?;
                }
                Ok(outcome)
            })
        })
        .await
    }
}

async fn grant(transaction: &Transaction<'_>, privilege: &Privilege) -> Result<PrivilegeOutcome, StoreError> {
    let Privilege { session, user, now, .. } = *privilege;
    let acting_session = ActingSession { session, user, role: Role::User, privilege_epoch: None };
    acting_session::require(transaction, &acting_session, now).await?;
    let statement = transaction.prepare_cached("SELECT FROM users WHERE id = $1 AND generation = $2").await?;
    if transaction.query_opt(&statement, &[&user.0, &privilege.revocation_epoch]).await?.is_none() {
        return Ok(PrivilegeOutcome::Lapsed);
    }
    if let Some(proof) = &privilege.proof
        && !second_factors::spend(transaction, user, proof, now).await?
    {
        return Ok(PrivilegeOutcome::Spent);
    }
    let statement =
        transaction.prepare_cached("UPDATE sessions SET privileged_until = $2 WHERE id = $1").await?;
    transaction.execute(&statement, &[&session.0, &privilege.until]).await?;
    let renewed = renewal::renew(transaction, session, now).await?;
    Ok(renewed.map_or(PrivilegeOutcome::Lapsed, |session| PrivilegeOutcome::Session(Box::new(session))))
}
