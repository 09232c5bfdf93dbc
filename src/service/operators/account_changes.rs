//! The rules of changes to the account of another user: the same on the command line and over REST.
//!
//! `local_admin` calls this for the command line, which needs no permission, and `users` for an operator with a [`Mandate`].
//! Each change that ends trust is one revocation.

use domain::account::{
    email::Email,
    password::NO_PASSWORD,
    role::{Role, Status},
};
use protocol::{audit::AuditEvent, close::Cause, id::UserId};
use secrecy::SecretString;
use store::{Change, FactorChange, NewUser, RevocationRequest, Store, StoreError, Target, User};

use super::authority::Mandate;
use crate::{
    core::{
        account_fields::{parse_display_name, parse_email},
        clock::Clock,
        failure::Failure,
        password_hasher::PasswordHasher,
    },
    revocation::revoke::{RevocationResult, Revoker},
};

/// The party that changes an account, and the reason.
pub(super) struct Commission {
    /// The event of the change.
    pub(super) event: AuditEvent,
    /// The reason. Without a given reason, the change has a fixed one.
    pub(super) reason: Option<String>,
    /// The permission of an operator. The command line has none and needs none.
    pub(super) mandate: Option<Mandate>,
}

/// The password that a user gets.
pub(super) enum NewPassword {
    /// This password, which must be strong.
    Given(SecretString),
    /// No password: the user signs in with a passkey, or not at all.
    None,
}

/// Changes accounts. Clones are cheap.
#[derive(Clone)]
pub(crate) struct AccountChanges {
    store: Store,
    clock: Clock,
    hasher: PasswordHasher,
    revoker: Revoker,
}

impl AccountChanges {
    pub(super) fn new(store: Store, clock: Clock, hasher: PasswordHasher, revoker: Revoker) -> Self {
        Self { store, clock, hasher, revoker }
    }

    /// Creates an active account.
    ///
    /// # Errors
    /// `BadRequest` for an invalid address or name or a weak password. `Conflict` for the address of another account. The
    /// refusals of the acting session. `Unavailable`.
    pub(super) async fn create(
        &self,
        email: &str,
        display_name: Option<String>,
        role: Role,
        password: NewPassword,
        commission: Commission,
    ) -> Result<User, Failure> {
        check_role(role)?;
        let email = parse_email(email)?;
        let display_name = parse_display_name(display_name)?;
        let password_hash = self.hash(password, email.as_str()).await?;
        self.insert(email, display_name, role, password_hash, commission).await
    }

    /// Creates an active account with a hashed password.
    ///
    /// # Errors
    /// `Conflict` for the address of another account, the refusals of the acting session, `Unavailable`.
    pub(super) async fn insert(
        &self,
        email: Email,
        display_name: Option<String>,
        role: Role,
        password_hash: SecretString,
        commission: Commission,
    ) -> Result<User, Failure> {
        let new = NewUser {
            email,
            display_name,
            password_hash,
            role,
            status: Status::Active,
            device: None,
            language: None,
            now: self.clock.now(),
        };
        let Commission { event, reason, mandate } = commission;
        let event = with_reason(event.with("role", role.as_str()), reason);
        let created = match &mandate {
            Some(mandate) => self.store.insert_user_for(mandate.acting_session, new, event).await,
            None => self.store.insert_user(new, event).await,
        };
        match (created, mandate) {
            (Ok(user), _) => Ok(user),
            (Err(StoreError::Conflict(_)), _) => Err(Failure::email_taken()),
            (Err(error), Some(mandate)) => Err(mandate.failure(error).await),
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Gives a user another e-mail address. Ends the user's sessions, because their tokens carry the old address.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` for an invalid address, `Conflict` for the address of another account, `Unavailable`.
    pub(super) async fn set_email(
        &self,
        user: UserId,
        email: &str,
        commission: Commission,
    ) -> Result<RevocationResult, Failure> {
        let change = Change::Email(parse_email(email)?);
        self.change(user, Cause::Revoked, change, commission, "the e-mail address was changed").await
    }

    /// Changes a user's role. The user's sessions stay. Their sockets are closed, and the clients reconnect with the new role.
    ///
    /// # Errors
    /// `NotFound`. `BadRequest` for the role of the canary. The refusals of the acting session. `Conflict` for the last admin.
    /// `Unavailable`.
    pub(super) async fn set_role(
        &self,
        user: UserId,
        role: Role,
        mut commission: Commission,
    ) -> Result<RevocationResult, Failure> {
        check_role(role)?;
        commission.event = commission.event.with("role", role.as_str());
        self.change(user, Cause::RoleChanged, Change::Role(role), commission, "the role was changed").await
    }

    /// Changes a user's status. Every status except `active` ends the user's sessions.
    ///
    /// # Errors
    /// `NotFound`, the refusals of the acting session, `Conflict` for the last admin, `Unavailable`.
    pub(super) async fn set_status(
        &self,
        user: UserId,
        status: Status,
        mut commission: Commission,
    ) -> Result<RevocationResult, Failure> {
        commission.event = commission.event.with("status", status.as_str());
        if status.is_active() {
            return self.activate(user, commission).await;
        }
        let change = Change::Status(status);
        self.change(user, Cause::AccountDisabled, change, commission, "the account was disabled").await
    }

    async fn activate(&self, user: UserId, commission: Commission) -> Result<RevocationResult, Failure> {
        let Commission { event, reason, mandate } = commission;
        let (event, now) = (with_reason(AuditEvent { user: Some(user), ..event }, reason), self.clock.now());
        let changed = match mandate {
            Some(mandate) => {
                let changed =
                    self.store.activate_user_for(mandate.acting_session, user, mandate.roles(), now, event);
                match changed.await {
                    Ok(changed) => changed,
                    Err(error) => return Err(mandate.failure(error).await),
                }
            }
            None => self.store.activate_user(user, now, event).await?,
        };
        changed.map(|_| RevocationResult::default()).ok_or_else(no_such_user)
    }

    /// Sets a user's password and ends the user's sessions.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` for a weak password, the refusals of the acting session, `Unavailable`.
    pub(super) async fn reset_password(
        &self,
        user: UserId,
        password: NewPassword,
        commission: Commission,
    ) -> Result<RevocationResult, Failure> {
        let found = self.store.user_by_id(user).await?.ok_or_else(no_such_user)?;
        let hash = self.hash(password, &found.email).await?;
        let change = Change::Password { hash };
        self.change(user, Cause::PasswordChanged, change, commission, "the password was reset").await
    }

    /// Removes a user's authenticator app, passkeys and backup codes, and ends the user's sessions. This is for users that have
    /// lost a factor.
    ///
    /// # Errors
    /// `NotFound`. `Conflict` if the user has no such factor or no password. The refusals of the acting session. `Unavailable`.
    pub(super) async fn reset_factors(
        &self,
        user: UserId,
        commission: Commission,
    ) -> Result<RevocationResult, Failure> {
        let change = Change::Factor(FactorChange::Reset);
        self.change(user, Cause::FactorChanged, change, commission, "the second factors were reset").await
    }

    async fn hash(&self, password: NewPassword, email: &str) -> Result<SecretString, Failure> {
        match password {
            NewPassword::Given(password) => self.hasher.hash_if_strong(password, email.to_owned()).await,
            NewPassword::None => Ok(NO_PASSWORD.into()),
        }
    }

    async fn change(
        &self,
        user: UserId,
        cause: Cause,
        change: Change,
        commission: Commission,
        fixed_reason: &str,
    ) -> Result<RevocationResult, Failure> {
        let Commission { event, reason, mandate } = commission;
        let takes_an_admin = match &change {
            Change::Role(role) => *role != Role::Admin,
            Change::Status(status) => !status.is_active(),
            _ => false,
        };
        let order = RevocationRequest {
            change: Some(change),
            audit: event,
            reason: reason.unwrap_or_else(|| fixed_reason.to_owned()),
            actor: mandate.as_ref().map(Mandate::actor),
            acting_session: mandate.as_ref().map(|mandate| mandate.acting_session),
            only_roles: mandate.as_ref().map(Mandate::roles),
            // On the command line, the owner of the server may remove the last admin, and can make another.
            keep_an_admin: takes_an_admin && mandate.is_some(),
            ..RevocationRequest::new(Target::User(user), cause, self.clock.now())
        };
        let revoked = match (self.revoker.revoke(order).await, mandate) {
            (Ok(revoked), _) => revoked,
            (Err(failure), Some(mandate)) => return Err(mandate.settle(failure).await),
            (Err(failure), None) => return Err(failure),
        };
        if revoked.id.is_none() {
            return Err(no_such_user());
        }
        Ok(revoked)
    }
}

/// A password of 122 random bits, as 32 hexadecimal digits.
#[must_use]
pub fn generated_password() -> SecretString {
    SecretString::from(uuid::Uuid::new_v4().simple().to_string())
}

/// Refuses the role of the canary: only the server has such an account.
fn check_role(role: Role) -> Result<(), Failure> {
    if role == Role::Canary {
        let detail = "The role is user, auditor, operator or admin.";
        return Err(Failure::bad_request("invalid_role", detail));
    }
    Ok(())
}

fn with_reason(event: AuditEvent, reason: Option<String>) -> AuditEvent {
    match reason {
        Some(reason) => event.with("reason", reason),
        None => event,
    }
}

/// The failure for a user that does not exist.
pub(super) fn no_such_user() -> Failure {
    Failure::not_found("There is no such user.")
}
