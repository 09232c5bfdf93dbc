//! What whoever runs the server does to accounts from the command line: roles, status, passwords, sessions.
//!
//! The one who asks has the database's password, so nothing is asked of them here. Running servers hear of it from the
//! database. Events carry no actor and say where they come from.

use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
    id::UserId,
};
use secrecy::SecretString;

use crate::{Failure, Revoked, Services, sign_in::register::parsed};
use domain::account::role::{Role, Status};
use store::{Change, FactorChange, RevocationRequest, Target, User, UserFilter};

impl Services {
    /// The account of this address.
    ///
    /// # Errors
    /// `BadRequest` for what is no address, `NotFound`, `Unavailable`.
    pub async fn find_user(&self, email: &str) -> Result<User, Failure> {
        let found = self.store.user_by_email(parsed(email)?, None).await?;
        found.map(|found| found.user).ok_or_else(no_such_user)
    }

    /// Accounts in the order of their numbers.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn list_users(&self, filter: UserFilter) -> Result<Vec<User>, Failure> {
        Ok(self.store.list_users(filter).await?)
    }

    /// Gives a user another role. Their sessions go on, their sockets come back with it.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn set_role(&self, user: UserId, role: Role) -> Result<Revoked, Failure> {
        let event = self.local("user.role_changed").with("role", role.as_str());
        self.change(user, Cause::RoleChanged, Some(Change::Role(role)), event, "the role was changed").await
    }

    /// Gives a user another status. Any but `active` ends their sessions.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn set_status(&self, user: UserId, status: Status) -> Result<Revoked, Failure> {
        let event = self.local("user.status_changed").with("status", status.as_str());
        if status.is_active() {
            let event = AuditEvent { user: Some(user), ..event };
            let changed = self.store.activate_user(user, self.clock.now(), event).await?;
            return changed.map(|_| Revoked::default()).ok_or_else(no_such_user);
        }
        let change = Some(Change::Status(status));
        self.change(user, Cause::AccountDisabled, change, event, "the account was disabled").await
    }

    /// Gives a user another password and ends their sessions.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` for a weak password, `Unavailable`.
    pub async fn reset_password(&self, user: UserId, password: SecretString) -> Result<Revoked, Failure> {
        let found = self.store.user_by_id(user).await?.ok_or_else(no_such_user)?;
        let hash = self.hasher.hash_if_strong(password, parsed(&found.email)?).await?;
        let change = Some(Change::Password { hash });
        let event = self.local("password.reset");
        self.change(user, Cause::PasswordChanged, change, event, "the password was reset").await
    }

    /// Takes away a user's authenticator app, passkeys and backup codes, and ends their sessions: for whoever has lost them all.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` if there are none or the user has no password, `Unavailable`.
    pub async fn reset_factors(&self, user: UserId) -> Result<Revoked, Failure> {
        let event = self.local("factors.reset");
        let change = Some(Change::Factor(FactorChange::Reset));
        self.change(user, Cause::FactorChanged, change, event, "the second factors were reset").await
    }

    /// Revokes whatever is named.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn revoke_locally(&self, target: Target, reason: String) -> Result<Revoked, Failure> {
        let audit = self.local("session.revoked");
        self.revoke(RevocationRequest {
            reason,
            audit,
            ..RevocationRequest::new(target, Cause::Revoked, self.clock.now())
        })
        .await
    }

    async fn change(
        &self,
        user: UserId,
        cause: Cause,
        change: Option<Change>,
        audit: AuditEvent,
        reason: &str,
    ) -> Result<Revoked, Failure> {
        let reason = reason.to_owned();
        let order = RevocationRequest::new(Target::User(user), cause, self.clock.now());
        let revoked = self.revoke(RevocationRequest { change, audit, reason, ..order }).await?;
        if revoked.id.is_none() {
            return Err(no_such_user());
        }
        Ok(revoked)
    }

    fn local(&self, name: &str) -> AuditEvent {
        AuditEvent::new(name, Outcome::Success, self.clock.now_ms()).with("by", "command line")
    }
}

fn no_such_user() -> Failure {
    Failure::not_found("There is no such user.")
}
