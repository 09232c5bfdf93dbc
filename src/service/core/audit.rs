//! The audit trail: makes audit events that describe their request, and records events that belong to no change in the
//! database.
//!
//! The use cases make their events with an [`AuditTrail`]. The event of a change is written in the transaction of the change.
//! Other events, for example refusals, are recorded here. The sockets make their own events.

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

    /// An event with the time now and the outcome `Success`, which belongs to no request: for example, an event of the command
    /// line.
    pub(crate) fn local_event(&self, name: &str) -> AuditEvent {
        AuditEvent::new(name, Outcome::Success, self.clock.now_ms())
    }

    /// An event of this request, with the time now. If the client has shown a certificate, the event contains the subject of
    /// the certificate.
    pub(crate) fn event(&self, name: &str, outcome: Outcome, meta: &RequestMeta) -> AuditEvent {
        let event = AuditEvent {
            device: meta.device,
            address: Some(meta.address),
            request_id: Some(meta.request_id.clone()),
            ..AuditEvent::new(name, outcome, self.clock.now_ms())
        };
        match &meta.certificate {
            Some(certificate) => event.with("client_certificate", certificate.subject.as_str()),
            None => event,
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

    /// Records an event that belongs to no change in the database, such as a refused sign-in.
    ///
    /// # Errors
    /// `Unavailable` if the event cannot be recorded. Then the request must fail, too.
    pub(crate) async fn record(&self, event: AuditEvent) -> Result<(), Failure> {
        self.realtime.record(event).await.map_err(|_| {
            tracing::error!("an audit event could not be recorded; its request fails");
            Failure::unavailable()
        })
    }
}
