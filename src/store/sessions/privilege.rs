//! Granting privilege to a session after a fresh proof of presence.

use protocol::{
    audit::AuditEvent,
    id::{SessionId, UserId},
};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;

use super::session::{self, SESSION_COLUMNS, Session};
use crate::{
    audit,
    error::StoreError,
    factors::second_factors::{self, Proof},
    pool::Store,
};

/// The privilege of a fresh proof of presence.
#[derive(Clone, Debug)]
pub struct Privilege {
    /// The session.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
    /// The user's revocation epoch when the proof was checked.
    pub revocation_epoch: i32,
    /// End of the privilege.
    pub until: OffsetDateTime,
    /// The proof beside a password. It is spent with the grant.
    pub proof: Option<Proof>,
    /// The time.
    pub now: OffsetDateTime,
}

/// The outcome of granting privilege.
#[derive(Clone, Debug)]
pub enum PrivilegeOutcome {
    /// The session has the privilege.
    Session(Box<Session>),
    /// The session has ended, or its user has changed in the meantime.
    Lapsed,
    /// The proof was spent before, perhaps a moment ago.
    Spent,
}

impl Store {
    /// Grants privilege to a session that has not ended, unless its user changed since the proof was checked, and
    /// spends the proof. The privilege epoch rises, so earlier tokens do not carry the privilege.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn grant_privilege(
        &self,
        privilege: Privilege,
        event: AuditEvent,
    ) -> Result<PrivilegeOutcome, StoreError> {
        let sql = format!(
            "UPDATE sessions s SET privilege_epoch = s.privilege_epoch + 1, privileged_until = $3
             FROM (SELECT id FROM users WHERE generation = $2 AND is_active
                                          AND id = (SELECT user_id FROM sessions WHERE id = $1) FOR SHARE) AS u
             WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > $4 AND u.id = s.user_id
             RETURNING {SESSION_COLUMNS}"
        );
        self.run(move |client| {
            Box::pin(async move {
                let Privilege { session, user, revocation_epoch, until, proof, now } = privilege;
                let transaction = client.transaction().await?;
                let statement = transaction.prepare_cached(&sql).await?;
                let arguments: [&(dyn ToSql + Sync); 4] = [&session.0, &revocation_epoch, &until, &now];
                let Some(row) = transaction.query_opt(&statement, &arguments).await? else {
                    return Ok(PrivilegeOutcome::Lapsed);
                };
                if let Some(proof) = proof
                    && !second_factors::spend(&transaction, user, &proof, now).await?
                {
                    return Ok(PrivilegeOutcome::Spent);
                }
                audit::insert(&transaction, &[event]).await?;
                transaction.commit().await?;
                Ok(PrivilegeOutcome::Session(Box::new(session::from_row(&row)?)))
            })
        })
        .await
    }
}
