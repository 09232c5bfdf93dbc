//! Refusals of operators' requests: each is an audit event, and each user has few of them.

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

    /// The event of a refused request of this caller, about no user yet.
    pub(crate) fn event(&self, caller: &Caller, name: &str, meta: &RequestMeta) -> AuditEvent {
        let event = self.audit.event(name, Outcome::Denied, meta);
        AuditEvent { actor: Some(caller.user), device: None, ..event }
    }

    /// Records the event, and returns the refusal. If it cannot be recorded, returns that failure. A user with too many refusals
    /// is refused without an event.
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
