//! Users, for operators: search, show, create, change role and status, reset password and factors.
//!
//! `authority` decides what a caller may do. The rules of the changes are those of the command line (`account_changes`). All
//! reads are audited, because they show personal data.

use domain::account::{
    account_key::AccountKey,
    role::{Role, Status},
};
use protocol::{audit::AuditEvent, id::UserId};
use secrecy::SecretString;
use store::{Factors, Store, User, UserCounts, UserOrder, UserSearch};

use super::{
    account_changes::{AccountChanges, Commission, NewPassword, generated_password, no_such_user},
    authority::{Authority, Mandate, Right},
};
use crate::{
    core::{
        caller::Caller,
        clock::Clock,
        cursor::{cursor_after_text, read_text_cursor},
        failure::Failure,
        page::{Page, PageRequest},
        request_meta::RequestMeta,
    },
    revocation::revoke::RevocationResult,
};

/// What a list of users searches for. The search also decides the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserQuery {
    /// All users, in this order. If the flag is set, the order is reversed.
    All(UserOrder, bool),
    /// The user with this number.
    Id(UserId),
    /// Users with an address that begins with this text, ordered by address. Case does not count.
    Email(String),
    /// Users with a display name that begins with this text, ordered by name. Case does not count.
    Name(String),
}

/// Which users to list.
#[derive(Clone, Debug)]
pub struct UserListing {
    /// The search, or the order.
    pub query: UserQuery,
    /// Only users with this role.
    pub role: Option<Role>,
    /// Only users with this status.
    pub status: Option<Status>,
    /// The page.
    pub page: PageRequest,
}

/// A user with what belongs to it.
#[derive(Clone, Debug)]
pub struct UserDetail {
    /// The user.
    pub user: User,
    /// The second factors.
    pub factors: Factors,
    /// Sessions and devices.
    pub counts: UserCounts,
}

/// The account to be created.
#[derive(Clone, Debug)]
pub struct UserToCreate {
    /// The e-mail address.
    pub email: String,
    /// The display name.
    pub display_name: Option<String>,
    /// The role.
    pub role: Role,
    /// Whether the user gets a generated password. Otherwise the user gets none.
    pub with_password: bool,
}

/// A change of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// Another role.
    Role(Role),
    /// Another status.
    Status(Status),
}

/// Reads and changes the accounts of users.
pub struct Users {
    store: Store,
    clock: Clock,
    authority: Authority,
    changes: AccountChanges,
}

impl Users {
    pub(super) fn new(store: Store, clock: Clock, authority: Authority, changes: AccountChanges) -> Self {
        Self { store, clock, authority, changes }
    }

    /// A page of users.
    ///
    /// # Errors
    /// The refusals of `authority`; `BadRequest` for an invalid cursor; `Unavailable`.
    pub async fn list(
        &self,
        caller: &Caller,
        listing: UserListing,
        meta: &RequestMeta,
    ) -> Result<Page<User>, Failure> {
        let event = searched(self.authority.event(caller, "users.searched", meta), &listing);
        self.authority.read(caller, Right::Read, event).await?;
        let (order, descending, prefix) = match listing.query {
            UserQuery::Id(id) => return self.only(id, &listing).await,
            UserQuery::All(order, descending) => (order, descending, String::new()),
            UserQuery::Email(prefix) => {
                (UserOrder::Email, false, AccountKey::of(&prefix).as_str().to_owned())
            }
            UserQuery::Name(prefix) => (UserOrder::Name, false, prefix),
        };
        let after = listing.page.after(read_text_cursor)?;
        let search = UserSearch {
            roles: listing.role.map_or_else(|| Role::ALL.to_vec(), |role| vec![role]),
            statuses: listing.status.map_or_else(|| Status::ALL.to_vec(), |status| vec![status]),
            order,
            descending,
            prefix,
            after: after.map(|(text, id)| (text, UserId(id))),
            limit: listing.page.one_more(),
        };
        let found = self.store.search_users(search).await?;
        let page = listing.page.page(found, |last| cursor_after_text(&last.key, last.user.id.0));
        Ok(page.map(|found| found.user))
    }

    /// The list with this user, if the user fits the filters. As every list, it has the canary only if its role is asked for.
    async fn only(&self, id: UserId, listing: &UserListing) -> Result<Page<User>, Failure> {
        let fits = |user: &User| {
            listing.role.map_or_else(|| Role::ALL.contains(&user.role), |role| role == user.role)
                && listing.status.is_none_or(|status| status == user.status)
        };
        let entries = self.store.user_by_id(id).await?.filter(fits).into_iter().collect();
        Ok(Page { entries, next: None })
    }

    /// One user. The read of a user that does not exist is audited, too.
    ///
    /// # Errors
    /// The refusals of `authority`, `NotFound`, `Unavailable`.
    pub async fn show(&self, caller: &Caller, id: UserId, meta: &RequestMeta) -> Result<UserDetail, Failure> {
        let event = AuditEvent { user: Some(id), ..self.authority.event(caller, "user.read", meta) };
        self.authority.read(caller, Right::Read, event).await?;
        self.detail(id).await
    }

    async fn detail(&self, id: UserId) -> Result<UserDetail, Failure> {
        let user = self.store.user_by_id(id).await?.ok_or_else(no_such_user)?;
        let factors = self.store.factors_of(id).await?;
        let counts = self.store.user_counts(id, self.clock.now()).await?;
        Ok(UserDetail { user, factors, counts })
    }

    /// Creates an active account. Operators create accounts with the role `user`, and admins with any role. Returns the
    /// generated password, if there is one.
    ///
    /// # Errors
    /// The refusals of `authority`; `BadRequest` for an invalid address or name, `Conflict` for the address of another account;
    /// `Unavailable`.
    pub async fn create(
        &self,
        caller: &Caller,
        new: UserToCreate,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<(User, Option<SecretString>), Failure> {
        let event = self.authority.event(caller, "user.created", meta).with("role", new.role.as_str());
        let mandate = self.authority.change(caller, Right::Operate, event).await?;
        mandate.grant(new.role).await?;
        let generated = new.with_password.then(generated_password);
        let password = generated.clone().map_or(NewPassword::None, NewPassword::Given);
        let commission = commission(&mandate, reason);
        let created = self.changes.create(&new.email, new.display_name, new.role, password, commission).await;
        Ok((mandate.conclude(created).await?, generated))
    }

    /// Changes the role or the status of a user. Only admins do this, and not for the own account.
    ///
    /// # Errors
    /// The refusals of `authority`, `NotFound`, `Conflict` for the last admin, `Unavailable`.
    pub async fn change(
        &self,
        caller: &Caller,
        id: UserId,
        change: UserChange,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<(UserDetail, RevocationResult), Failure> {
        let (name, word) = match change {
            UserChange::Role(role) => ("user.role_changed", ("role", role.as_str())),
            UserChange::Status(status) => ("user.status_changed", ("status", status.as_str())),
        };
        let event = self.authority.event(caller, name, meta).with(word.0, word.1);
        let mandate = self.mandate_for(caller, id, event).await?;
        if let UserChange::Role(role) = change {
            mandate.grant(role).await?;
        }
        let commission = commission(&mandate, reason);
        let revoked = match change {
            UserChange::Role(role) => self.changes.set_role(id, role, commission).await,
            UserChange::Status(status) => self.changes.set_status(id, status, commission).await,
        };
        let revoked = mandate.conclude(revoked).await?;
        Ok((self.detail(id).await?, revoked))
    }

    /// Takes the password from a user, and ends the user's sessions. With `with_password`, the user gets a generated password,
    /// which is returned.
    ///
    /// # Errors
    /// The refusals of `authority`, `NotFound`, `Unavailable`.
    pub async fn reset_password(
        &self,
        caller: &Caller,
        id: UserId,
        with_password: bool,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<(RevocationResult, Option<SecretString>), Failure> {
        let event = self.authority.event(caller, "password.reset", meta);
        let mandate = self.mandate_for(caller, id, event).await?;
        let generated = with_password.then(generated_password);
        let password = generated.clone().map_or(NewPassword::None, NewPassword::Given);
        let revoked = self.changes.reset_password(id, password, commission(&mandate, reason)).await;
        Ok((mandate.conclude(revoked).await?, generated))
    }

    /// Removes the second factors of a user, and ends the user's sessions.
    ///
    /// # Errors
    /// The refusals of `authority`, `NotFound`, `Conflict` if the user has no second factor or no password, `Unavailable`.
    pub async fn reset_factors(
        &self,
        caller: &Caller,
        id: UserId,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        let event = self.authority.event(caller, "factors.reset", meta);
        let mandate = self.mandate_for(caller, id, event).await?;
        let revoked = self.changes.reset_factors(id, commission(&mandate, reason)).await;
        mandate.conclude(revoked).await
    }

    /// The permission to change the account of this user.
    async fn mandate_for(&self, caller: &Caller, id: UserId, event: AuditEvent) -> Result<Mandate, Failure> {
        let event = AuditEvent { user: Some(id), ..event };
        let mandate = self.authority.change(caller, Right::Administer, event).await?;
        let found = self.store.user_by_id(id).await?.ok_or_else(no_such_user);
        let user = mandate.conclude(found).await?;
        mandate.change_account_of(&user).await?;
        Ok(mandate)
    }
}

fn commission(mandate: &Mandate, reason: String) -> Commission {
    Commission { event: mandate.event.clone(), reason: Some(reason), mandate: Some(mandate.clone()) }
}

/// The event of a list, with the filters. The searched text is not in it: the trail must not keep an address that an erasure
/// removes elsewhere.
fn searched(event: AuditEvent, listing: &UserListing) -> AuditEvent {
    let mut event = match &listing.query {
        UserQuery::All(..) => event,
        UserQuery::Id(id) => AuditEvent { user: Some(*id), ..event },
        UserQuery::Email(_) => event.with("by", "email"),
        UserQuery::Name(_) => event.with("by", "name"),
    };
    if let Some(role) = listing.role {
        event = event.with("role", role.as_str());
    }
    if let Some(status) = listing.status {
        event = event.with("status", status.as_str());
    }
    event
}
