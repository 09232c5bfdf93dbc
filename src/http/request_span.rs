//! The span of a request: its log lines have the ids of the request, and its trace is exported if the settings name a receiver.
//!
//! The middleware uses it. The log and the export have separate spans, because log lines contain addresses and ids of people.
//! The exported span has the method, the route and the status, and never the path or the query, which contain ids.

use actix_web::dev::ServiceResponse;
use domain::request::RequestIds;
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, Status, TraceContextExt as _, TraceState},
};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The spans of one request.
#[derive(Clone)]
pub(super) struct RequestSpan {
    /// The span of the log lines.
    log: Span,
    /// Its parent, which is exported. Without a receiver of traces, it is disabled.
    exported: Span,
}

impl RequestSpan {
    /// Begins the spans. If spans are exported and the request names no trace, the exporter chooses the id of the trace.
    pub(super) fn begin(ids: &mut RequestIds) -> Self {
        let exported = tracing::trace_span!(target: "traces", parent: None, "request", otel.kind = "server");
        if let Some(parent) = ids.parent {
            let (trace, step) = (TraceId::from(parent.trace), SpanId::from(parent.span));
            // Whether this trace is exported depends on the settings alone, and not on the flag of the client.
            let remote = SpanContext::new(trace, step, TraceFlags::NOT_SAMPLED, true, TraceState::default());
            // Fails only if spans are not exported.
            let _ = exported.set_parent(Context::new().with_remote_span_context(remote));
        }
        let trace = exported.context().span().span_context().trace_id();
        if trace != TraceId::INVALID {
            ids.trace_id = trace.to_string();
        }
        let log = exported.in_scope(|| {
            tracing::info_span!("request", request_id = ids.request_id, trace_id = ids.trace_id)
        });
        Self { log, exported }
    }

    /// Handles the request inside both spans. A layer finds the current span among the spans that are entered, so both must be.
    pub(super) fn around<F: Future>(&self, handled: F) -> impl Future<Output = F::Output> + use<F> {
        handled.instrument(self.log.clone()).instrument(self.exported.clone())
    }

    /// Adds the outcome to the exported span.
    pub(super) fn finish(&self, answer: &ServiceResponse) {
        if self.exported.is_disabled() {
            return;
        }
        let (request, status) = (answer.request(), answer.status());
        let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
        let context = self.exported.context();
        let span = context.span();
        span.update_name(format!("{} {route}", request.method()));
        span.set_attribute(KeyValue::new("http.request.method", request.method().to_string()));
        span.set_attribute(KeyValue::new("http.route", route));
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if status.is_server_error() {
            span.set_status(Status::error(""));
        }
    }
}
