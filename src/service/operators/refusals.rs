//! Refusals of operators' requests. Each refusal is an audit event, and the number of refusals per user is limited.
//!
//! Only `authority` uses this.

use protocol::{
    audit::{AuditEvent, Outcome},
    id::UserId,
};

use crate::core::{audit::AuditTrail, failure::Failure, throttle::Throttle};

/// Records refusals. Clones are cheap.
#[derive(Clone)]
pub(super) struct Refusals {
    audit: AuditTrail,
    throttle: Throttle,
}

impl Refusals {
    pub(super) fn new(audit: AuditTrail, throttle: Throttle) -> Self {
        Self { audit, throttle }
    }

    /// Records the event with the outcome `Denied` and the code of the refusal, and returns the refusal. If the event cannot be
    /// recorded, returns the failure of the recording instead. If the user has had too many refusals, records no event and
    /// returns `TooMany`.
    pub(super) async fn refuse(&self, user: UserId, event: AuditEvent, refusal: Failure) -> Failure {
        let limit = self.throttle.limits().refused_user;
        if let Err(too_many) = self.throttle.spend(limit, &user.to_string()).await {
            return too_many;
        }
        let mut event = AuditEvent { outcome: Outcome::Denied, ..event };
        match &refusal {
            Failure::Forbidden { code, .. } | Failure::Invalid { code, .. } => {
                event = event.with("refusal", *code);
            }
            Failure::StepUpRequired { .. } => event = event.with("refusal", "step_up_required"),
            _ => {}
        }
        match self.audit.record(event).await {
            Ok(()) => refusal,
            Err(failure) => failure,
        }
    }
}
