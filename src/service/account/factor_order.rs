//! The revocation request for a change of second factors by their user. Its transaction changes the factor and ends the user's
//! other sessions.
//!
//! Such a request requires privilege (a recent sign-in or step-up). The user's other sessions are not trusted after the change,
//! so the revoker ends them.

use protocol::{audit::Outcome, close::Cause};
use store::{Change, FactorChange, RevocationRequest, Target};

use crate::core::{audit::AuditTrail, caller::Caller, clock::Clock, request_meta::RequestMeta};

/// Makes requests to change factors. Clones are cheap.
#[derive(Clone)]
pub(crate) struct FactorOrders {
    clock: Clock,
    audit: AuditTrail,
}

impl FactorOrders {
    pub(crate) fn new(clock: Clock, audit: AuditTrail) -> Self {
        Self { clock, audit }
    }

    /// The request for a change of factors by their user, the caller. `event` is the name of the audit event.
    pub(crate) fn order(
        &self,
        caller: &Caller,
        change: FactorChange,
        event: &str,
        reason: &str,
        meta: &RequestMeta,
    ) -> RevocationRequest {
        RevocationRequest {
            acting_session: Some(caller.privileged_acting_session()),
            except: Some(caller.session),
            reason: reason.to_owned(),
            actor: Some(caller.user),
            change: Some(Change::Factor(change)),
            audit: self.audit.caller_event(caller, event, Outcome::Success, meta),
            ..RevocationRequest::new(Target::User(caller.user), Cause::FactorChanged, self.clock.now())
        }
    }
}
