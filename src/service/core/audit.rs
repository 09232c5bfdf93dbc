//! The audit trail: makes audit events that describe their request, and records refusals.
//!
//! Every use case has one. The transaction that makes a change records the change; this file records refusals.

use actors::Realtime;
use protocol::audit::{AuditEvent, Outcome};

use super::{caller::Caller, clock::Clock, failure::Failure, request_meta::RequestMeta};

/// Makes and records audit events. Clones are cheap.
#[derive(Clone)]
pub(crate) struct AuditTrail {
    realtime: Realtime,
    clock: Clock,
}

impl AuditTrail {
    pub(crate) fn new(realtime: Realtime, clock: Clock) -> Self {
        Self { realtime, clock }
    }

    /// A successful event, now, that belongs to no request: for example, an event of the command line.
    pub(crate) fn local_event(&self, name: &str) -> AuditEvent {
        AuditEvent::new(name, Outcome::Success, self.clock.now_ms())
    }

    /// An event of this request, now.
    pub(crate) fn event(&self, name: &str, outcome: Outcome, meta: &RequestMeta) -> AuditEvent {
        AuditEvent {
            device: meta.device,
            address: Some(meta.address),
            request_id: Some(meta.request_id.clone()),
            ..AuditEvent::new(name, outcome, self.clock.now_ms())
        }
    }

    /// An event of a caller's request about the caller's own account.
    pub(crate) fn caller_event(
        &self,
        caller: &Caller,
        name: &str,
        outcome: Outcome,
        meta: &RequestMeta,
    ) -> AuditEvent {
        AuditEvent {
            actor: Some(caller.user),
            user: Some(caller.user),
            session: Some(caller.session),
            device: Some(caller.device),
            ..self.event(name, outcome, meta)
        }
    }

    /// Records an event that comes with no change in the database, such as a refused sign-in.
    ///
    /// # Errors
    /// `Unavailable` if the event cannot be recorded. Then the request must fail, too.
    pub(crate) async fn record(&self, event: AuditEvent) -> Result<(), Failure> {
        self.realtime.record(event).await.map_err(|_| {
            tracing::error!(
                "an audit event could not be written, neither to the actor nor to the spill file"
            );
            Failure::unavailable()
        })
    }
}
