//! What the command line and the development server do with accounts: create them, change roles, status and passwords, end
//! sessions.
//!
//! The operator of the server has the database's password, so no other proof is required. Running servers read the changes from
//! the database. The audit events have no actor.

use domain::account::{
    account_key::AccountKey,
    email::Email,
    role::{Role, Status},
};
use protocol::{audit::AuditEvent, close::Cause, id::UserId};
use secrecy::SecretString;
use store::{Change, FactorChange, NewUser, RevocationRequest, Store, StoreError, Target, User, UserFilter};

use crate::{
    core::{
        account_fields::{parse_display_name, parse_email},
        audit::AuditTrail,
        clock::Clock,
        failure::Failure,
        password_hasher::PasswordHasher,
    },
    revocation::revoke::{RevocationResult, Revoker},
};

/// Administers accounts from the command line.
pub struct LocalAdmin {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    hasher: PasswordHasher,
    revoker: Revoker,
    /// Whether this is a development server.
    development: bool,
}

impl LocalAdmin {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        audit: AuditTrail,
        hasher: PasswordHasher,
        revoker: Revoker,
        development: bool,
    ) -> Self {
        Self { store, clock, audit, hasher, revoker, development }
    }

    /// Creates an account.
    ///
    /// # Errors
    /// `BadRequest` for an invalid address or name or a weak password, `Conflict` for a known address, `Unavailable`.
    pub async fn create_user(
        &self,
        email: &str,
        password: SecretString,
        role: Role,
        display_name: Option<String>,
    ) -> Result<User, Failure> {
        let email = parse_email(email)?;
        let display_name = parse_display_name(display_name)?;
        let hash = self.hasher.hash_if_strong(password, email.as_str().to_owned()).await?;
        self.insert(email, hash, role, display_name).await
    }

    /// Creates a demonstration account if it does not exist, with any password. Only on a development server.
    ///
    /// # Errors
    /// `Forbidden` on any other server, `Unavailable`.
    pub async fn seed_user(&self, email: &str, password: &SecretString, role: Role) -> Result<User, Failure> {
        if !self.development {
            return Err(Failure::forbidden("development_only", "Only a development server seeds users."));
        }
        let email = parse_email(email)?;
        if let Some(found) = self.store.user_by_key(email.key(), None).await? {
            return Ok(found.user);
        }
        let hash = self.hasher.hash(password.clone()).await?;
        self.insert(email, hash, role, None).await
    }

    /// The account with this address, or with this number. With `id:` in front it is a number, with `email:` an address.
    ///
    /// # Errors
    /// `NotFound`; `BadRequest` for `id:` without a number; `Conflict` for digits that are the number of one account and the
    /// address of another; `Unavailable`.
    pub async fn find_user(&self, name: &str) -> Result<User, Failure> {
        if let Some(number) = name.strip_prefix("id:") {
            let number = number.parse().map_err(|_| {
                Failure::bad_request("invalid_user", "After `id:` there is the number of an account.")
            })?;
            return self.store.user_by_id(UserId(number)).await?.ok_or_else(no_such_user);
        }
        if let Some(address) = name.strip_prefix("email:") {
            return self.user_by_address(address).await?.ok_or_else(no_such_user);
        }
        let by_number = match name.parse() {
            Ok(number) => self.store.user_by_id(UserId(number)).await?,
            Err(_) => None,
        };
        match (by_number, self.user_by_address(name).await?) {
            (Some(one), Some(other)) if one.id != other.id => Err(Failure::Conflict {
                code: "ambiguous_user",
                detail: format!(
                    "`{name}` is the number of one account and the address of account {}. Write `id:{name}` or `email:{name}`.",
                    other.id
                )
                .into(),
            }),
            (found, other) => found.or(other).ok_or_else(no_such_user),
        }
    }

    async fn user_by_address(&self, address: &str) -> Result<Option<User>, Failure> {
        let found = self.store.user_by_key(AccountKey::of(address), None).await?;
        Ok(found.map(|found| found.user))
    }

    /// Accounts, by their numbers.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn list_users(&self, filter: UserFilter) -> Result<Vec<User>, Failure> {
        Ok(self.store.list_users(filter).await?)
    }

    /// Gives a user another e-mail address and ends their sessions, whose tokens carry the former one.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` for an invalid address, `Conflict` for the address of another account, `Unavailable`.
    pub async fn set_email(&self, user: UserId, email: &str) -> Result<RevocationResult, Failure> {
        let change = Some(Change::Email(parse_email(email)?));
        let event = self.event("user.email_changed");
        self.change(user, Cause::Revoked, change, event, "the e-mail address was changed").await
    }

    /// Changes a user's role. Their sessions stay; their sockets close and reconnect with the new role.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn set_role(&self, user: UserId, role: Role) -> Result<RevocationResult, Failure> {
        let event = self.event("user.role_changed").with("role", role.as_str());
        self.change(user, Cause::RoleChanged, Some(Change::Role(role)), event, "the role was changed").await
    }

    /// Changes a user's status. Every status except `active` ends the user's sessions.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn set_status(&self, user: UserId, status: Status) -> Result<RevocationResult, Failure> {
        let event = self.event("user.status_changed").with("status", status.as_str());
        if status.is_active() {
            let event = AuditEvent { user: Some(user), ..event };
            let changed = self.store.activate_user(user, self.clock.now(), event).await?;
            return changed.map(|_| RevocationResult::default()).ok_or_else(no_such_user);
        }
        let change = Some(Change::Status(status));
        self.change(user, Cause::AccountDisabled, change, event, "the account was disabled").await
    }

    /// Sets a user's password and ends the user's sessions.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` for a weak password, `Unavailable`.
    pub async fn reset_password(
        &self,
        user: UserId,
        password: SecretString,
    ) -> Result<RevocationResult, Failure> {
        let found = self.store.user_by_id(user).await?.ok_or_else(no_such_user)?;
        let hash = self.hasher.hash_if_strong(password, found.email).await?;
        let change = Some(Change::Password { hash });
        let event = self.event("password.reset");
        self.change(user, Cause::PasswordChanged, change, event, "the password was reset").await
    }

    /// Removes a user's authenticator app, passkeys and backup codes, and ends the user's sessions. For users that lost a factor.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` if there are none or the user has no password, `Unavailable`.
    pub async fn reset_factors(&self, user: UserId) -> Result<RevocationResult, Failure> {
        let event = self.event("factors.reset");
        let change = Some(Change::Factor(FactorChange::Reset));
        self.change(user, Cause::FactorChanged, change, event, "the second factors were reset").await
    }

    /// Revokes the sessions of the target.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn revoke(&self, target: Target, reason: String) -> Result<RevocationResult, Failure> {
        let audit = self.event("session.revoked");
        let order = RevocationRequest {
            reason,
            audit,
            ..RevocationRequest::new(target, Cause::Revoked, self.clock.now())
        };
        self.revoker.revoke(order).await
    }

    async fn change(
        &self,
        user: UserId,
        cause: Cause,
        change: Option<Change>,
        audit: AuditEvent,
        reason: &str,
    ) -> Result<RevocationResult, Failure> {
        let reason = reason.to_owned();
        let order = RevocationRequest::new(Target::User(user), cause, self.clock.now());
        let revoked = self.revoker.revoke(RevocationRequest { change, audit, reason, ..order }).await?;
        if revoked.id.is_none() {
            return Err(no_such_user());
        }
        Ok(revoked)
    }

    async fn insert(
        &self,
        email: Email,
        password_hash: SecretString,
        role: Role,
        display_name: Option<String>,
    ) -> Result<User, Failure> {
        let new = NewUser {
            email,
            display_name,
            password_hash,
            role,
            status: Status::Active,
            device: None,
            now: self.clock.now(),
        };
        let event = self.audit.local_event("user.created").with("role", role.as_str());
        match self.store.insert_user(new, event).await {
            Err(StoreError::Conflict(_)) => Err(Failure::email_taken()),
            created => Ok(created?),
        }
    }

    fn event(&self, name: &str) -> AuditEvent {
        self.audit.local_event(name).with("by", "command line")
    }
}

fn no_such_user() -> Failure {
    Failure::not_found("There is no such user.")
}
