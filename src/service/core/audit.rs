//! What is written down about requests: events with what is known of whoever made them.
//!
//! Called by every use case. What changes something is written by the transaction that changes it; what is refused, here.

use protocol::audit::{AuditEvent, Outcome};

use crate::{Caller, Failure, Meta, Services};

impl Services {
    /// An event of a caller's request about themselves.
    pub(crate) fn event_of(&self, caller: &Caller, name: &str, outcome: Outcome, meta: &Meta) -> AuditEvent {
        AuditEvent {
            actor: Some(caller.user),
            user: Some(caller.user),
            session: Some(caller.session),
            device: Some(caller.device),
            ..self.event(name, outcome, meta)
        }
    }

    /// An event of this request, now.
    pub(crate) fn event(&self, name: &str, outcome: Outcome, meta: &Meta) -> AuditEvent {
        AuditEvent {
            device: meta.device,
            address: Some(meta.address),
            request_id: Some(meta.request_id.clone()),
            ..AuditEvent::new(name, outcome, self.clock.now_ms())
        }
    }

    /// Writes down what changes nothing by itself, such as a refused sign-in. What cannot be written down is not answered.
    pub(crate) async fn record(&self, event: AuditEvent) -> Result<(), Failure> {
        self.realtime.record(event).await.map_err(|_| {
            tracing::error!("an audit event could not be written anywhere");
            Failure::unavailable()
        })
    }
}
