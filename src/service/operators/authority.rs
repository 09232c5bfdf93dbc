//! The one place that decides what a caller may do to the accounts, sessions and data of others.
//!
//! Every use case of this folder asks here before it reads or changes anything:
//!
//! - [`Authority::read`] permits a read, and records it;
//! - [`Authority::change`] permits a change, and returns a [`Mandate`]. The mandate judges the affected user. It also has the
//!   facts that the transaction of the change must check again: the acting session with its lowest role, and the roles that
//!   affected users may have. So the role in the database decides at the commit, not the role in the token.
//!
//! Each refusal is an audit event, and the number of refusals per user is limited (`Refusals`). The demand for a step-up before a
//! change is not a refusal, and is not recorded. The answer to a refusal does not depend on whether the target exists.

use domain::account::role::{Role, Scope};
use protocol::{
    audit::{AuditEvent, Outcome},
    id::UserId,
};
use store::{ActingSession, StoreError, User};

use super::refusals::Refusals;
use crate::core::{
    audit::AuditTrail, caller::Caller, failure::Failure, privilege::PrivilegeCheck,
    request_meta::RequestMeta, throttle::Throttle,
};

/// What a request needs. Each right belongs to a scope, so that a token can lack it although the role has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// To read users, sessions, devices, connections and everything else that operators see.
    Read,
    /// To read the audit trail: auditors and admins.
    ReadAudit,
    /// To end sessions, forget devices and the like, of users that are no admins.
    Operate,
    /// To change roles, status, passwords and factors, and to revoke the sessions of all users.
    Administer,
}

impl Right {
    pub(crate) fn is_held_by(self, caller: &Caller) -> bool {
        let has = |scope| caller.scopes.contains(scope);
        match self {
            Self::Read => has(Scope::Operate) || has(Scope::Audit),
            Self::ReadAudit => has(Scope::Audit),
            Self::Operate => has(Scope::Operate),
            Self::Administer => has(Scope::Operate) && has(Scope::Administer),
        }
    }

    /// The refusal without this right.
    fn refusal(self, caller: &Caller) -> Failure {
        match self {
            Self::Administer if Self::Operate.is_held_by(caller) => {
                Failure::forbidden("admin_required", "Only admins may do this.")
            }
            Self::ReadAudit => {
                Failure::forbidden("auditor_required", "Only auditors and admins may read the audit trail.")
            }
            Self::Read | Self::Operate | Self::Administer => {
                Failure::forbidden("operator_required", "Only operators may do this.")
            }
        }
    }

    /// The lowest role that has this right.
    fn lowest_role(self) -> Role {
        match self {
            Self::Read | Self::ReadAudit => Role::Auditor,
            Self::Operate => Role::Operator,
            Self::Administer => Role::Admin,
        }
    }
}

/// Decides what callers may do to others. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Authority {
    audit: AuditTrail,
    privilege: PrivilegeCheck,
    refusals: Refusals,
}

impl Authority {
    pub(crate) fn new(audit: AuditTrail, privilege: PrivilegeCheck, throttle: Throttle) -> Self {
        let refusals = Refusals::new(audit.clone(), throttle);
        Self { audit, privilege, refusals }
    }

    /// An event of this request, with the outcome `Success` and the acting user and session. The caller adds the affected user,
    /// session and device.
    pub(crate) fn event(&self, caller: &Caller, name: &str, meta: &RequestMeta) -> AuditEvent {
        let event = self.audit.event(name, Outcome::Success, meta);
        let event = AuditEvent { actor: Some(caller.user), device: None, ..event };
        event.with("by_session", caller.session.to_string())
    }

    /// Permits a read of data of others, and records it as `event`, before the data is read.
    ///
    /// # Errors
    /// `Forbidden` without the right, or `TooMany` after too many refusals; `Unavailable` if the event cannot be recorded.
    pub(crate) async fn read(&self, caller: &Caller, right: Right, event: AuditEvent) -> Result<(), Failure> {
        if right.is_held_by(caller) {
            return self.audit.record(event).await;
        }
        Err(self.refusals.refuse(caller.user, event, right.refusal(caller)).await)
    }

    /// Permits a change, if the caller has the right and has recently proved presence. `event` describes the change; the
    /// transaction of the change writes it.
    ///
    /// # Errors
    /// `Forbidden` without the right, `StepUpRequired` without privilege, `TooMany` after too many refusals, `Unavailable`.
    pub(crate) async fn change(
        &self,
        caller: &Caller,
        right: Right,
        event: AuditEvent,
    ) -> Result<Mandate, Failure> {
        if !right.is_held_by(caller) {
            return Err(self.refusals.refuse(caller.user, event, right.refusal(caller)).await);
        }
        self.privilege.require(caller).await?;
        let role = effective_role(caller);
        let lowest = right.lowest_role().max(role);
        Ok(Mandate {
            authority: self.clone(),
            user: caller.user,
            role,
            // If the caller has lost the role meanwhile, the store refuses the change.
            acting_session: ActingSession { role: lowest, ..caller.privileged_acting_session() },
            event,
        })
    }
}

/// The permission for one change. It judges the affected user, and records refusals that come after the permission.
#[derive(Clone)]
pub(crate) struct Mandate {
    authority: Authority,
    user: UserId,
    /// The role that the token permits.
    role: Role,
    /// What the transaction of the change checks.
    pub(crate) acting_session: ActingSession,
    /// The event of the change, with the outcome `Success`.
    pub(crate) event: AuditEvent,
}

impl Mandate {
    /// The acting user.
    pub(crate) fn actor(&self) -> UserId {
        self.user
    }

    /// The roles that affected users may have. The transaction of the change compares them with the role in the
    /// locked row.
    pub(crate) fn roles(&self) -> Vec<Role> {
        Role::ALL.into_iter().filter(|role| self.role.may_act_on(*role)).collect()
    }

    /// Permits an act on this user.
    ///
    /// # Errors
    /// `Forbidden` if the role of the user is above the caller's, `TooMany` after too many refusals, `Unavailable`.
    pub(crate) async fn act_on(&self, target: &User) -> Result<(), Failure> {
        if self.role.may_act_on(target.role) {
            return Ok(());
        }
        Err(self.refuse(beyond_role()).await)
    }

    /// Permits a change of the account of this user. Users change their own accounts under `/api/v1/profile`, with a proof of
    /// presence. So no caller can remove the own role or status, and an admin always remains.
    ///
    /// # Errors
    /// The errors of [`Self::act_on`]; `Forbidden` for the own account.
    pub(crate) async fn change_account_of(&self, target: &User) -> Result<(), Failure> {
        if self.user == target.id {
            let detail = "You cannot change your own account here. Another admin can, or use your profile.";
            return Err(self.refuse(Failure::forbidden("own_account", detail)).await);
        }
        self.act_on(target).await
    }

    /// Permits giving this role to a user. Only admins give a role other than `user`, and no caller gives a role above the
    /// caller's own.
    ///
    /// # Errors
    /// `Forbidden`, `TooMany` after too many refusals, `Unavailable`.
    pub(crate) async fn grant(&self, role: Role) -> Result<(), Failure> {
        if role == Role::User || (self.role == Role::Admin && role <= self.role) {
            return Ok(());
        }
        let refusal = Failure::forbidden("admin_required", "Only admins may give this role.");
        Err(self.refuse(refusal).await)
    }

    /// The failure for an error of the store in the transaction of the change. If the acting session may no longer make the
    /// change, the refusal is recorded.
    pub(crate) async fn failure(&self, error: StoreError) -> Failure {
        let failure = self.authority.privilege.failure(self.user, error).await;
        self.settle(failure).await
    }

    /// Records the failure of the change, if it is a refusal of the caller. Other failures are returned as they are.
    pub(crate) async fn settle(&self, failure: Failure) -> Failure {
        match failure {
            refusal @ (Failure::Invalid { .. }
            | Failure::Forbidden { .. }
            | Failure::StepUpRequired { .. }) => self.refuse(refusal).await,
            failure => failure,
        }
    }

    /// Ends the use case. Records the failure of a permitted change with its code, if the request was wrong, the target does
    /// not exist, or the change conflicts with the present state. Call this once, with the result of the whole use case.
    /// Refusals are recorded where they are made.
    pub(crate) async fn conclude<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(
            Failure::BadRequest { code, .. }
            | Failure::NotFound { code, .. }
            | Failure::Conflict { code, .. },
        ) = &result
        {
            let event = AuditEvent { outcome: Outcome::Failure, ..self.event.clone() };
            self.authority.audit.record(event.with("code", *code)).await?;
        }
        result
    }

    /// Records a change that was permitted and had no effect, because there was nothing to change.
    ///
    /// # Errors
    /// `Unavailable` if the event cannot be recorded.
    pub(crate) async fn note_no_effect(&self, reason: &str) -> Result<(), Failure> {
        let event = self.event.clone().with("reason", reason).with("effect", "none");
        self.authority.audit.record(event).await
    }

    /// Records a refusal and returns it. If it cannot be recorded, returns the failure of the recording instead. After too many
    /// refusals, returns `TooMany`.
    pub(crate) async fn refuse(&self, refusal: Failure) -> Failure {
        self.authority.refusals.refuse(self.user, self.event.clone(), refusal).await
    }
}

/// The role of the caller for changes. Without the scope of admins, this is at most operator. The user of an older token may
/// have become an admin meanwhile, and a token can have fewer rights than the role.
fn effective_role(caller: &Caller) -> Role {
    if caller.scopes.contains(Scope::Administer) { caller.role } else { caller.role.min(Role::Operator) }
}

/// The failure if the role of the user is above the caller's.
pub(super) fn beyond_role() -> Failure {
    Failure::forbidden("not_permitted", "Your role may not act on this.")
}
