//! Refusals of operators' requests. Each refusal is an audit event, and the number of refusals per user is limited.

use protocol::{
    audit::{AuditEvent, Outcome},
    id::UserId,
};

use crate::core::{
    audit::AuditTrail, caller::Caller, failure::Failure, request_meta::RequestMeta, throttle::Throttle,
};

/// Records refusals. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Refusals {
    audit: AuditTrail,
    throttle: Throttle,
}

impl Refusals {
    pub(crate) fn new(audit: AuditTrail, throttle: Throttle) -> Self {
        Self { audit, throttle }
    }

    /// The event for a refused request of this caller. The affected user is not filled in yet.
    pub(crate) fn event(&self, caller: &Caller, name: &str, meta: &RequestMeta) -> AuditEvent {
        let event = self.audit.event(name, Outcome::Denied, meta);
        AuditEvent { actor: Some(caller.user), device: None, ..event }
    }

    /// Records the event, and returns the refusal. If the event cannot be recorded, returns that failure instead. If the user has had
    /// too many refusals, records no event and returns `TooMany`.
    pub(crate) async fn refuse(&self, user: UserId, event: AuditEvent, refusal: Failure) -> Failure {
        let limit = self.throttle.limits().refused_user;
        if let Err(too_many) = self.throttle.spend(limit, &user.to_string()).await {
            return too_many;
        }
        match self.audit.record(event).await {
            Ok(()) => refusal,
            Err(failure) => failure,
        }
    }
}
