//! The use cases of the command line and the development server: create accounts, change addresses, roles, status and
//! passwords, reset factors, end sessions.
//!
//! The operator of the server has the database's password, so no other proof is required. Running servers read the changes from
//! the database. The audit events have no actor.

use std::sync::Arc;

use domain::{
    account::{
        account_key::AccountKey,
        erasure::ErasureRequester,
        role::{Role, Status},
    },
    crypto::secret_ring::SecretRing,
};
use protocol::{audit::AuditEvent, close::Cause, id::UserId};
use secrecy::SecretString;
use store::{Erasure, RevocationRequest, Store, Target, User, UserFilter};

use super::account_changes::{AccountChanges, Commission, NewPassword, no_such_user};
use crate::{
    access::person_export::PersonExport,
    audit_log::log::AuditLog,
    core::{
        account_fields::parse_email, audit::AuditTrail, clock::Clock, failure::Failure,
        lasting_keys::renew_leaked, password_hasher::PasswordHasher,
    },
    revocation::{
        erasure_requests::{ErasureRequests, RequestedErasure},
        revoke::{RevocationResult, Revoker},
    },
};

/// Administers accounts from the command line.
pub struct LocalAdmin {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) audit: AuditTrail,
    pub(super) hasher: PasswordHasher,
    pub(super) revoker: Revoker,
    pub(super) erasures: ErasureRequests,
    pub(super) changes: AccountChanges,
    pub(super) audit_log: Arc<AuditLog>,
    /// Whether this is a development server.
    pub(super) development: bool,
}

impl LocalAdmin {
    /// Creates an account.
    ///
    /// # Errors
    /// `BadRequest` for an invalid address or name or a weak password, `Conflict` for the address of another account,
    /// `Unavailable`.
    pub async fn create_user(
        &self,
        email: &str,
        password: SecretString,
        role: Role,
        display_name: Option<String>,
    ) -> Result<User, Failure> {
        let commission =
            Commission { event: self.audit.local_event("user.created"), reason: None, mandate: None };
        self.changes.create(email, display_name, role, NewPassword::Given(password), commission).await
    }

    /// Creates a demonstration account if it does not exist. The password may be weak. Only on a development server.
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
        let commission =
            Commission { event: self.audit.local_event("user.created"), reason: None, mandate: None };
        self.changes.insert(email, None, role, hash, commission).await
    }

    /// The account with this address or number. The prefix `id:` marks a number, and the prefix `email:` an address.
    ///
    /// # Errors
    /// `NotFound`. `BadRequest` for `id:` without a number. `Conflict` for digits that are the number of one account and the
    /// address of another. `Unavailable`.
    pub async fn find_user(&self, name: &str) -> Result<User, Failure> {
        let found = self.named_user(name).await?;
        // The canary of drills is not a user: its password and its role cannot be set.
        if found.role == Role::Canary { Err(no_such_user()) } else { Ok(found) }
    }

    async fn named_user(&self, name: &str) -> Result<User, Failure> {
        if let Some(number) = name.strip_prefix("id:") {
            let number = number.parse().map_err(|_| {
                Failure::bad_request("invalid_user", "`id:` must be followed by the number of an account.")
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

    /// Accounts, in the order of their numbers.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn list_users(&self, filter: UserFilter) -> Result<Vec<User>, Failure> {
        Ok(self.store.list_users(filter).await?)
    }

    /// Gives a user another e-mail address. Ends the user's sessions, because their tokens carry the old address.
    ///
    /// # Errors
    /// `NotFound`, `BadRequest` for an invalid address, `Conflict` for the address of another account, `Unavailable`.
    pub async fn set_email(&self, user: UserId, email: &str) -> Result<RevocationResult, Failure> {
        self.changes.set_email(user, email, self.commission("user.email_changed")).await
    }

    /// Changes a user's role. The user's sessions stay. Their sockets are closed, and the clients reconnect with the new role.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn set_role(&self, user: UserId, role: Role) -> Result<RevocationResult, Failure> {
        self.changes.set_role(user, role, self.commission("user.role_changed")).await
    }

    /// Changes a user's status. Every status except `active` ends the user's sessions.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn set_status(&self, user: UserId, status: Status) -> Result<RevocationResult, Failure> {
        self.changes.set_status(user, status, self.commission("user.status_changed")).await
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
        let password = NewPassword::Given(password);
        self.changes.reset_password(user, password, self.commission("password.reset")).await
    }

    /// Removes a user's authenticator app, passkeys and backup codes, and ends the user's sessions. This is for users that have
    /// lost a factor.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` if the user has no such factor or no password, `Unavailable`.
    pub async fn reset_factors(&self, user: UserId) -> Result<RevocationResult, Failure> {
        self.changes.reset_factors(user, self.commission("factors.reset")).await
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

    /// Begins an export of everything that the tables hold about a user.
    ///
    /// # Errors
    /// `Unavailable` if the export cannot be recorded.
    pub async fn export(&self, user: UserId) -> Result<PersonExport, Failure> {
        self.audit.record(AuditEvent { user: Some(user), ..self.event("user.exported") }).await?;
        Ok(PersonExport::new(self.store.clone(), Arc::clone(&self.audit_log), user, self.clock.now(), None))
    }

    /// Requests the erasure of a user's account. It is carried out by a running server, after the grace period.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` for the last active admin or if the erasure is requested already, `Unavailable`.
    pub async fn erase(&self, user: UserId, reason: String) -> Result<RequestedErasure, Failure> {
        let requester = ErasureRequester::CommandLine;
        let event = self.event("erasure.requested").with("requested_by", requester.as_str());
        let order = self.erasures.order(user, &reason, event);
        self.erasures.request(user, requester, reason, order).await
    }

    /// Cancels the erasure of a user's account, if it has not begun.
    ///
    /// # Errors
    /// `NotFound` if nothing can be cancelled, `Unavailable`.
    pub async fn cancel_erasure(&self, user: UserId) -> Result<Erasure, Failure> {
        let event = AuditEvent { user: Some(user), ..self.event("erasure.cancelled") };
        let cancelled = self.store.cancel_erasure(user, None, self.clock.now(), event).await?;
        cancelled.ok_or_else(|| Failure::not_found("No erasure of this account can be cancelled."))
    }

    /// Gives new lasting keys, sealed with these secrets, to the purposes that end with a leak of the data encryption key.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn renew_lasting_keys(&self, data_encryption: &SecretRing) -> Result<(), Failure> {
        renew_leaked(&self.store, data_encryption).await
    }

    /// The commission of the command line.
    fn commission(&self, name: &str) -> Commission {
        Commission { event: self.event(name), reason: None, mandate: None }
    }

    fn event(&self, name: &str) -> AuditEvent {
        self.audit.local_event(name).with("by", "command line")
    }
}
