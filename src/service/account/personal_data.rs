//! The use cases of users with all data that the server holds about them: export, and erasure of the account.

use std::sync::Arc;

use domain::account::{erasure::ErasureRequester, role::Scope};
use protocol::audit::Outcome;
use store::{RevocationRequest, Store};

use crate::{
    access::{person_export::PersonExport, stream_permission::StreamPermissions},
    audit_log::log::AuditLog,
    core::{
        audit::AuditTrail, caller::Caller, clock::Clock, failure::Failure, privilege::PrivilegeCheck,
        request_meta::RequestMeta, throttle::Throttle,
    },
    revocation::erasure_requests::{ErasureRequests, RequestedErasure},
};

/// The caller's own data.
pub struct PersonalData(Parts);

/// The parts of [`PersonalData`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) privilege: PrivilegeCheck,
    pub(crate) erasures: ErasureRequests,
    pub(crate) audit_log: Arc<AuditLog>,
    pub(crate) permissions: StreamPermissions,
}

impl PersonalData {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Begins an export of everything that the tables hold about the caller. The export is recorded before it begins.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` without privilege, `TooMany`, `Unavailable`.
    pub async fn export(&self, caller: &Caller, meta: &RequestMeta) -> Result<PersonExport, Failure> {
        let Parts { store, clock, audit, throttle, privilege, audit_log, permissions, .. } = &self.0;
        privilege.require(caller).await?;
        throttle.spend(throttle.limits().export_user, &caller.user.to_string()).await?;
        audit.record(audit.caller_event(caller, "profile.exported", Outcome::Success, meta)).await?;
        let permission = permissions.of(caller, Scope::Read);
        Ok(PersonExport::new(
            store.clone(),
            Arc::clone(audit_log),
            caller.user,
            clock.now(),
            Some(permission),
        ))
    }

    /// Requests the erasure of the caller's account: deactivates it, and ends all of its sessions. Until the erasure begins, the
    /// user cancels it by signing in.
    ///
    /// # Errors
    /// `StepUpRequired` or `Forbidden` without privilege. `Conflict` for the last active admin. `Invalid` if the caller's
    /// session has ended meanwhile. `Unavailable`.
    pub async fn erase(
        &self,
        caller: &Caller,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<RequestedErasure, Failure> {
        let Parts { audit, privilege, erasures, .. } = &self.0;
        privilege.require(caller).await?;
        let event = audit.caller_event(caller, "erasure.requested", Outcome::Success, meta);
        let event = event.with("requested_by", ErasureRequester::User.as_str());
        let order = RevocationRequest {
            acting_session: Some(caller.privileged_acting_session()),
            actor: Some(caller.user),
            ..erasures.order(caller.user, "the user requested the erasure of the account", event)
        };
        erasures.request(caller.user, ErasureRequester::User, reason, order).await
    }
}
