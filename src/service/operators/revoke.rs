//! Revokes sessions as an operator: only sessions of users whose role the operator's role may act on.

use domain::account::role::{Role, Scope};
use protocol::{audit::Outcome, close::Cause};
use store::{ActingSession, RevocationRequest, SessionFilter, Store, Target, User};

use super::refusals::Refusals;
use crate::{
    core::{
        audit::AuditTrail, caller::Caller, clock::Clock, failure::Failure, privilege::PrivilegeCheck,
        request_meta::RequestMeta, subject::account_of,
    },
    revocation::revoke::{RevocationResult, Revoker},
};

/// Revokes sessions as an operator.
pub struct OperatorRevocation {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    refusals: Refusals,
    privilege: PrivilegeCheck,
    revoker: Revoker,
}

impl OperatorRevocation {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        audit: AuditTrail,
        refusals: Refusals,
        privilege: PrivilegeCheck,
        revoker: Revoker,
    ) -> Self {
        Self { store, clock, audit, refusals, privilege, revoker }
    }

    /// Revokes as an operator. Needs the scope, a recent step-up, and a target that the role may act on.
    ///
    /// # Errors
    /// `Forbidden` or `StepUpRequired` if the caller may not, `Invalid` if the caller's session has ended meanwhile,
    /// `NotFound` if there is no such target, `BadRequest` for a subject that is the number of an account, `Unavailable`.
    pub async fn revoke(
        &self,
        caller: &Caller,
        target: Target,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        if !caller.scopes.contains(Scope::Operate) {
            return Err(self.refuse(caller, &target, meta, operator_required()).await);
        }
        if target == Target::All && !caller.scopes.contains(Scope::Administer) {
            let refusal = Failure::forbidden("admin_required", "Only admins may revoke everyone's sessions.");
            return Err(self.refuse(caller, &target, meta, refusal).await);
        }
        self.privilege.require(caller).await?;
        self.check_subject(&target).await?;
        let order = self.order(caller, target.clone(), reason, meta);
        let revoked = match self.revoker.revoke(order).await {
            Ok(revoked) => revoked,
            Err(
                refusal @ (Failure::Invalid { .. }
                | Failure::Forbidden { .. }
                | Failure::StepUpRequired { .. }),
            ) => {
                return Err(self.refuse(caller, &target, meta, refusal).await);
            }
            Err(failure) => return Err(failure),
        };
        if revoked.id.is_none() {
            self.explain(caller, &target, meta).await?;
        }
        Ok(revoked)
    }

    /// Refuses a subject that is the number of an account: revoking it would end connections of outside issuers' users only, and
    /// leave the sessions of the account.
    async fn check_subject(&self, target: &Target) -> Result<(), Failure> {
        if let Target::Subject(subject) = target
            && let Some(user) = account_of(subject)
            && self.store.user_by_id(user).await?.is_some()
        {
            let detail = "This is the number of an account. Revoke it as `user`, or name one session.";
            return Err(Failure::bad_request("subject_is_account", detail));
        }
        Ok(())
    }

    fn order(
        &self,
        caller: &Caller,
        target: Target,
        reason: String,
        meta: &RequestMeta,
    ) -> RevocationRequest {
        let within = Role::ALL.into_iter().filter(|role| caller.role.may_act_on(*role)).collect();
        let mut event = self.audit.event("session.revoked", Outcome::Success, meta);
        event.actor = Some(caller.user);
        event.device = None;
        RevocationRequest {
            // If the caller has lost the role meanwhile, the store refuses the order.
            acting_session: Some(ActingSession { role: caller.role, ..caller.privileged_acting_session() }),
            // Only an admin revokes all sessions, and an admin may act on every role.
            only_roles: (target != Target::All).then_some(within),
            reason,
            actor: Some(caller.user),
            audit: event.with("by_session", caller.session.to_string()),
            ..RevocationRequest::new(target, Cause::Revoked, self.clock.now())
        }
    }

    /// The failure that says why nothing was revoked. `Ok` if the target exists and had no open sessions.
    async fn explain(&self, caller: &Caller, target: &Target, meta: &RequestMeta) -> Result<(), Failure> {
        let user: Option<User> = match *target {
            Target::Session(session) => self.store.session_with_user(session).await?.map(|found| found.user),
            Target::User(user) => self.store.user_by_id(user).await?,
            Target::Device(device) => {
                let filter = SessionFilter { device: Some(device), limit: 1, ..SessionFilter::default() };
                self.store.search_sessions(filter).await?.pop().map(|found| found.user)
            }
            // Users of external issuers have no role, and may exist without sessions.
            Target::Subject(_) | Target::All => return Ok(()),
        };
        match user {
            None => Err(Failure::not_found("There is no such session, device or user.")),
            Some(user) if !caller.role.may_act_on(user.role) => {
                Err(self.refuse(caller, target, meta, beyond_role()).await)
            }
            Some(_) => Ok(()),
        }
    }

    /// Records a refusal and returns it. If it cannot be recorded, returns that failure instead.
    async fn refuse(
        &self,
        caller: &Caller,
        target: &Target,
        meta: &RequestMeta,
        refusal: Failure,
    ) -> Failure {
        let mut event = self.refusals.event(caller, "session.revoked", meta);
        match *target {
            Target::Session(session) => event.session = Some(session),
            Target::Device(device) => event.device = Some(device),
            Target::User(user) => event.user = Some(user),
            Target::Subject(_) | Target::All => {}
        }
        self.refusals.refuse(caller.user, event.with("scope", target.scope()), refusal).await
    }
}

/// The failure for callers without the operator scope.
pub(crate) fn operator_required() -> Failure {
    Failure::forbidden("operator_required", "Only operators may do this.")
}

fn beyond_role() -> Failure {
    Failure::forbidden("not_permitted", "Your role may not act on this.")
}
