//! The use cases of operators with all data about another user: export it, request the erasure of the account, cancel the
//! request, and list the requests.

use std::sync::Arc;

use domain::account::{
    erasure::{ErasureRequester, ErasureState},
    role::Scope,
};
use protocol::id::UserId;
use store::{Erasure, ErasureFilter, RevocationRequest, Store, User};

use super::authority::{Authority, Mandate, Right};
use crate::{
    access::{person_export::PersonExport, stream_permission::StreamPermissions},
    audit_log::log::AuditLog,
    core::{
        audit::AuditTrail,
        caller::Caller,
        clock::Clock,
        cursor::{cursor_after, read_cursor},
        failure::Failure,
        page::{Page, PageRequest},
        request_meta::RequestMeta,
        throttle::Throttle,
    },
    revocation::erasure_requests::{ErasureRequests, RequestedErasure, no_such_user},
};

/// Exports and erasures of other users.
pub struct Erasures(Parts);

/// The parts of [`Erasures`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) authority: Authority,
    pub(crate) requests: ErasureRequests,
    pub(crate) audit_log: Arc<AuditLog>,
    pub(crate) permissions: StreamPermissions,
}

impl Erasures {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Begins an export of everything that the tables hold about a user. An export needs the same right and the same proof of
    /// presence as a change, because it gives away messages, too.
    ///
    /// # Errors
    /// `Forbidden` or `StepUpRequired` if the caller may not do this, `NotFound`, `TooMany`, `Unavailable`.
    pub async fn export(
        &self,
        caller: &Caller,
        user: UserId,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<PersonExport, Failure> {
        let Parts { store, clock, audit, throttle, audit_log, permissions, .. } = &self.0;
        let (mandate, target) = self.permit(caller, user, "user.exported", &reason, meta).await?;
        throttle.spend(throttle.limits().export_operator, &caller.user.to_string()).await?;
        audit.record(mandate.event).await?;
        let permission = permissions.of(caller, Scope::Operate);
        Ok(PersonExport::new(store.clone(), Arc::clone(audit_log), target.id, clock.now(), Some(permission)))
    }

    /// Requests the erasure of a user's account. Only an operator cancels this request.
    ///
    /// # Errors
    /// `Forbidden` or `StepUpRequired` if the caller may not do this. `NotFound`. `Conflict` for the last active admin or if
    /// the erasure is requested already. `TooMany` after too many refusals. `Unavailable`.
    pub async fn request(
        &self,
        caller: &Caller,
        user: UserId,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<RequestedErasure, Failure> {
        let requests = &self.0.requests;
        let (mandate, target) = self.permit(caller, user, "erasure.requested", "", meta).await?;
        let event = mandate.event.clone().with("requested_by", ErasureRequester::Operator.as_str());
        let order = RevocationRequest {
            acting_session: Some(mandate.acting_session),
            only_roles: Some(mandate.roles()),
            actor: Some(mandate.actor()),
            ..requests.order(target.id, &reason, event)
        };
        match requests.request(target.id, ErasureRequester::Operator, reason, order).await {
            Ok(requested) => Ok(requested),
            Err(failure) => mandate.conclude(Err(mandate.settle(failure).await)).await,
        }
    }

    /// Cancels a request that has not begun. The account has its earlier status again.
    ///
    /// # Errors
    /// `Forbidden` or `StepUpRequired` if the caller may not do this, `NotFound` if nothing can be cancelled, `TooMany` after too
    /// many refusals, `Unavailable`.
    pub async fn cancel(
        &self,
        caller: &Caller,
        user: UserId,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<Erasure, Failure> {
        let Parts { store, clock, .. } = &self.0;
        let (mandate, target) = self.permit(caller, user, "erasure.cancelled", &reason, meta).await?;
        let event = mandate.event.clone().with("by", "operator");
        let acting = Some((mandate.acting_session, mandate.roles()));
        match store.cancel_erasure(target.id, acting, clock.now(), event).await {
            Ok(cancelled) => mandate.conclude(cancelled.ok_or_else(nothing_to_cancel)).await,
            Err(error) => Err(mandate.failure(error).await),
        }
    }

    /// Requests and records of erasures, newest first.
    ///
    /// # Errors
    /// `Forbidden` without the right, `BadRequest` for an invalid cursor, `TooMany` after too many refusals, `Unavailable`.
    pub async fn list(
        &self,
        caller: &Caller,
        state: Option<ErasureState>,
        page: &PageRequest,
        meta: &RequestMeta,
    ) -> Result<Page<Erasure>, Failure> {
        let Parts { store, authority, .. } = &self.0;
        let event = authority.event(caller, "erasures.listed", meta);
        authority.read(caller, Right::Read, event).await?;
        let filter = ErasureFilter { state, before: page.after(read_cursor)?, limit: page.one_more() };
        let erasures = store.erasures(filter).await?;
        Ok(page.page(erasures, |last| cursor_after(last.requested_at, last.user)))
    }

    /// Permits an act on this user. The event has the user, and the reason unless it is empty.
    async fn permit(
        &self,
        caller: &Caller,
        user: UserId,
        name: &str,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<(Mandate, User), Failure> {
        let Parts { store, authority, .. } = &self.0;
        let mut event = authority.event(caller, name, meta);
        event.user = Some(user);
        if !reason.is_empty() {
            event = event.with("reason", reason);
        }
        let mandate = authority.change(caller, Right::Operate, event).await?;
        let found = store.user_by_id(user).await?.ok_or_else(no_such_user);
        let target = mandate.conclude(found).await?;
        mandate.change_account_of(&target).await?;
        Ok((mandate, target))
    }
}

fn nothing_to_cancel() -> Failure {
    Failure::not_found("No erasure of this account can be cancelled.")
}
