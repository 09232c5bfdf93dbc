//! The export of traces in the protocol of OpenTelemetry (OTLP over HTTP), if the settings name a receiver.
//!
//! `telemetry` adds the layer to the logs. Only spans with the target [`TARGET`] are exported, and no log line. Spans wait in a queue of 2,048 spans; when it is full, further spans are dropped. A
//! thread of its own sends them every few seconds, so a receiver that is slow or away delays no request.

use std::{collections::HashMap, time::Duration};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use secrecy::ExposeSecret as _;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

use crate::config::TraceSettings;

/// The target of the spans that exist only for traces. They have no lines in the log.
pub(crate) const TARGET: &str = "traces";

/// How long one export may take.
const EXPORT_WITHIN: Duration = Duration::from_secs(5);

/// The layer that turns spans into exported spans, and the exporter, which sends the last spans when it is shut down.
///
/// # Errors
/// Settings that the exporter refuses, in words.
pub(crate) fn export<S>(
    settings: &TraceSettings,
) -> Result<(OpenTelemetryLayer<S, SdkTracer>, SdkTracerProvider), String>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let headers = settings.headers.iter();
    let headers: HashMap<_, _> =
        headers.map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect();
    // The HTTP client of the exporter needs it. Fails only if there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&settings.url)
        .with_timeout(EXPORT_WITHIN)
        .with_headers(headers)
        .build()
        .map_err(|error| error.to_string())?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::TraceIdRatioBased(settings.share))
        .with_resource(Resource::builder().with_service_name(settings.service.clone()).build())
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("portcullis"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        // Work goes on on other threads, so the current span counts, and not the context of the thread.
        .with_context_activation(false);
    Ok((layer, provider))
}
