//! Requests to erase an account. A request deactivates the account and ends its sessions, by the same revocation as every other
//! change that ends trust. The job `upkeep::erasure` carries it out after the grace period.
//!
//! Called by `account`, `operators` and `upkeep`, which have checked the permission.

use domain::account::erasure::{ErasureRequester, ErasureRules};
use protocol::{audit::AuditEvent, close::Cause, id::UserId};
use store::{Change, Erasure, NewErasure, RevocationRequest, Store, Target};

use super::revoke::{RevocationResult, Revoker};
use crate::core::{
    clock::{Clock, after},
    failure::Failure,
};

/// Requests erasures. Clones are cheap.
#[derive(Clone)]
pub(crate) struct ErasureRequests {
    store: Store,
    clock: Clock,
    revoker: Revoker,
    rules: ErasureRules,
}

/// A request that was accepted, and the sessions that it ended.
#[derive(Clone, Debug)]
pub struct RequestedErasure {
    /// The request.
    pub erasure: Erasure,
    /// The sessions that ended.
    pub revoked: RevocationResult,
}

impl ErasureRequests {
    pub(crate) fn new(store: Store, clock: Clock, revoker: Revoker, rules: ErasureRules) -> Self {
        Self { store, clock, revoker, rules }
    }

    /// Requests the erasure of the account of this user. `own_words` is the reason as the requester gave it; the audit trail and
    /// the revocation have the reason of `order`.
    ///
    /// # Errors
    /// `NotFound` if there is no such user, or if the order does not permit the user's role; `Conflict` for the last active admin,
    /// or if the erasure is requested already; the errors of the acting session; `Unavailable`.
    pub(crate) async fn request(
        &self,
        user: UserId,
        requested_by: ErasureRequester,
        own_words: String,
        order: RevocationRequest,
    ) -> Result<RequestedErasure, Failure> {
        let due_at = after(order.now, self.rules.wait());
        let new = NewErasure { requested_by, actor: order.actor, reason: own_words, due_at };
        let revoked =
            self.revoker.revoke(RevocationRequest { change: Some(Change::Erasure(new)), ..order }).await?;
        if revoked.id.is_none() {
            return Err(no_such_user());
        }
        let erasure = self.store.erasure(user).await?.ok_or_else(no_such_user)?;
        Ok(RequestedErasure { erasure, revoked })
    }

    /// The order of a request, with this reason and event.
    pub(crate) fn order(&self, user: UserId, reason: &str, audit: AuditEvent) -> RevocationRequest {
        RevocationRequest {
            reason: reason.to_owned(),
            keep_an_admin: true,
            audit,
            ..RevocationRequest::new(Target::User(user), Cause::AccountDisabled, self.clock.now())
        }
    }
}

/// The failure for a number without an account.
pub(crate) fn no_such_user() -> Failure {
    Failure::not_found("There is no such user.")
}
