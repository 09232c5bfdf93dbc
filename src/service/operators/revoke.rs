//! Revokes sessions as an operator. The role of the operator must be allowed to act on the role of the affected user.

use protocol::{audit::AuditEvent, close::Cause};
use store::{Change, RevocationRequest, SessionFilter, Store, Target, User};

use super::authority::{Authority, Mandate, Right, beyond_role};
use crate::{
    core::{caller::Caller, clock::Clock, failure::Failure, request_meta::RequestMeta, subject::account_of},
    revocation::revoke::{RevocationResult, Revoker},
};

/// Revokes sessions as an operator.
pub struct OperatorRevocation {
    store: Store,
    clock: Clock,
    authority: Authority,
    revoker: Revoker,
}

impl OperatorRevocation {
    pub(crate) fn new(store: Store, clock: Clock, authority: Authority, revoker: Revoker) -> Self {
        Self { store, clock, authority, revoker }
    }

    /// Revokes as an operator. The caller needs the operator scope and privilege, and the caller's role must be allowed to act
    /// on the target. If the target covers sessions of several users, the sessions of higher roles are left and counted. With
    /// `lock_password`, the users also lose their passwords, which only admins may request.
    ///
    /// # Errors
    /// `Forbidden` or `StepUpRequired` if the caller may not do this. `Invalid` if the caller's session has ended meanwhile.
    /// `NotFound` if there is no such target. `BadRequest` for a subject that is the number of an account. `TooMany` after too
    /// many refusals. `Unavailable`.
    pub async fn revoke(
        &self,
        caller: &Caller,
        target: Target,
        reason: String,
        lock_password: bool,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        let right = if target == Target::All || lock_password { Right::Administer } else { Right::Operate };
        let event = of_target(self.authority.event(caller, "session.revoked", meta), &target);
        let event = if lock_password { event.with("password_locked", true) } else { event };
        let mandate = self.authority.change(caller, right, event).await?;
        let revoked = self.revoke_permitted(&mandate, target, reason, lock_password).await;
        mandate.conclude(revoked).await
    }

    async fn revoke_permitted(
        &self,
        mandate: &Mandate,
        target: Target,
        reason: String,
        lock_password: bool,
    ) -> Result<RevocationResult, Failure> {
        self.check_target(&target).await?;
        if lock_password {
            self.check_lock(mandate, &target).await?;
        }
        let change = lock_password.then_some(Change::LockPassword);
        let order = RevocationRequest { change, ..self.order(mandate, target.clone(), reason.clone()) };
        let revoked = match self.revoker.revoke(order).await {
            Ok(revoked) => revoked,
            Err(failure) => return Err(mandate.settle(failure).await),
        };
        if revoked.id.is_none() {
            self.explain(mandate, &target, &revoked).await?;
            mandate.note_no_effect(&reason).await?;
        }
        Ok(revoked)
    }

    /// Refuses a moment in the future, and a subject that is the number of an account. The revocation of such a subject would
    /// end only external sessions with this subject, and no session of the account.
    async fn check_target(&self, target: &Target) -> Result<(), Failure> {
        if let Target::OpenedSince(moment) = target
            && *moment > self.clock.now()
        {
            return Err(Failure::bad_request(
                "moment_in_future",
                "`opened_since` must not be in the future.",
            ));
        }
        if let Target::Subject(subject) = target
            && let Some(user) = account_of(subject)
            && self.store.user_by_id(user).await?.is_some()
        {
            let detail = "This is the number of an account. Revoke it as `user`, or name one session.";
            return Err(Failure::bad_request("subject_is_account", detail));
        }
        Ok(())
    }

    /// Refuses to lock the passwords of targets that are no users, and the caller's own password.
    async fn check_lock(&self, mandate: &Mandate, target: &Target) -> Result<(), Failure> {
        let own = match target {
            Target::User(user) => *user == mandate.actor(),
            Target::Users(users) => users.contains(&mandate.actor()),
            _ => {
                let detail = "Only the passwords of `user` or `users` can be locked.";
                return Err(Failure::bad_request("lock_needs_users", detail));
            }
        };
        if own {
            let detail = "You cannot lock your own password.";
            return Err(mandate.refuse(Failure::forbidden("own_account", detail)).await);
        }
        Ok(())
    }

    fn order(&self, mandate: &Mandate, target: Target, reason: String) -> RevocationRequest {
        RevocationRequest {
            acting_session: Some(mandate.acting_session),
            // Only an admin revokes all sessions, and an admin may act on every role.
            only_roles: (target != Target::All).then(|| mandate.roles()),
            reason,
            actor: Some(mandate.actor()),
            audit: mandate.event.clone(),
            reported_by: Some(self.revoker.node()),
            ..RevocationRequest::new(target, Cause::Revoked, self.clock.now())
        }
    }

    /// The failure that says why nothing was revoked. `Ok` if the target exists and had no session to end.
    async fn explain(
        &self,
        mandate: &Mandate,
        target: &Target,
        revoked: &RevocationResult,
    ) -> Result<(), Failure> {
        let user: Option<User> = match *target {
            Target::Session(session) => self.store.session_with_user(session).await?.map(|found| found.user),
            Target::User(user) => self.store.user_by_id(user).await?,
            Target::Device(device) => {
                let filter = SessionFilter { device: Some(device), limit: 1, ..SessionFilter::default() };
                self.store.search_sessions(filter).await?.pop().map(|found| found.user)
            }
            // Users of external issuers have no role. They may exist even if they have no sessions.
            Target::Subject(_) | Target::All => return Ok(()),
            // If the role excludes everything that the target covers, the request is refused.
            Target::Users(_) | Target::Network(_) | Target::OpenedSince(_) if revoked.left.excluded > 0 => {
                return Err(mandate.refuse(beyond_role()).await);
            }
            Target::Users(_) | Target::Network(_) | Target::OpenedSince(_) => return Ok(()),
        };
        match user {
            None => Err(Failure::not_found("There is no such session, device or user.")),
            Some(user) => mandate.act_on(&user).await,
        }
    }
}

/// The event with the target that the request names.
fn of_target(mut event: AuditEvent, target: &Target) -> AuditEvent {
    match target {
        Target::Session(session) => event.session = Some(*session),
        Target::Device(device) => event.device = Some(*device),
        Target::User(user) => event.user = Some(*user),
        Target::Subject(subject) => event.subject = Some(subject.as_str().to_owned()),
        Target::Users(_) | Target::Network(_) | Target::OpenedSince(_) | Target::All => {}
    }
    event.with("scope", target.scope())
}
