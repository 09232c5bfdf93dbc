//! Logs, traces and metrics of the process.
//!
//! The command line starts the logs; `app` starts the metrics. In production each log line is a JSON object; in
//! development it is text for people. Secrets are never logged: their types do not print them, and request logs leave
//! out the query.

use std::{io::IsTerminal, sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, filter_fn},
    fmt,
    prelude::*,
    reload,
};

use crate::{
    config::{Environment, TraceSettings},
    metric_table, traces,
};

/// The filter of logs, if `RUST_LOG` has no valid filter. `actix_http` logs malformed requests of clients as errors, so its logs
/// are off.
/// The pool of database connections would log each lost connection as a warning. It logs only errors, because the parts that
/// use the database log an outage themselves.
const DEFAULT_FILTER: &str = "info,actix_server=warn,tokio_postgres=warn,deadpool.postgres=error,refinery_core=warn,actix_http=off,opentelemetry=off,opentelemetry_sdk=warn,opentelemetry_otlp=warn";
/// The filter of logs with `DEBUG=true`. It selects every line that [`DEFAULT_FILTER`] selects, and more.
pub const DEBUG_FILTER: &str = "info,portcullis=debug,actors=debug,service=debug,store=debug,actix_http=off";

/// The filter of tools. Tools print their results, so the log is only for problems.
const TOOL_FILTER: &str = "warn,deadpool.postgres=error,actix_http=off";

const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Replaces the filter of logs; set when logging starts.
static FILTER: OnceLock<Box<dyn Fn(EnvFilter) + Send + Sync>> = OnceLock::new();
/// The exporter of traces; set when logging starts, if the settings name a receiver.
static TRACES: OnceLock<SdkTracerProvider> = OnceLock::new();
static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts the logging of a server. Does nothing if logging has already been started.
pub fn start_logging(environment: Environment, debug: bool, traces: Option<&TraceSettings>) {
    start(environment, server_filter(debug), traces);
}

/// Sends the traces that wait, for at most a few seconds. Call this when the server has stopped.
pub fn send_last_traces() {
    if let Some(exporter) = TRACES.get() {
        // Fails only if the receiver is away. The traces are lost then.
        let _ = exporter.shutdown();
    }
}

/// Changes the level of the logs of a server. `RUST_LOG` ranks above the level, as at the start.
pub fn set_debug(debug: bool) {
    if let Some(replace) = FILTER.get() {
        replace(filter(server_filter(debug)));
    }
}

fn server_filter(debug: bool) -> &'static str {
    if debug { DEBUG_FILTER } else { DEFAULT_FILTER }
}

fn filter(default: &str) -> EnvFilter {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // Without a receiver of traces, their spans are not even made.
    let level = if TRACES.get().is_some() { LevelFilter::TRACE } else { LevelFilter::OFF };
    match format!("{}={level}", traces::TARGET).parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    }
}

/// Starts the logging of a tool of the command line, for people and on standard error.
pub fn start_tool_logging() {
    start(Environment::Development, TOOL_FILTER, None);
}

fn start(environment: Environment, default: &str, traces: Option<&TraceSettings>) {
    let exported = traces.map(traces::export);
    let (exporter, refused) = match exported {
        None => (None, None),
        Some(Ok((layer, provider))) => {
            let _ = TRACES.set(provider);
            (Some(layer.with_filter(filter_fn(|span| span.target() == traces::TARGET))), None)
        }
        Some(Err(error)) => (None, Some(error)),
    };
    let (filter, handle) = reload::Layer::new(filter(default));
    let layer = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let layer = match environment {
        Environment::Production => layer.json().flatten_event(true).with_current_span(true).boxed(),
        Environment::Development => layer.compact().with_target(false).boxed(),
    };
    let layer = layer.with_filter(filter_fn(|line| line.target() != traces::TARGET));
    // Fails only if there is a subscriber already: of an earlier call, of an embedding program, or of a test.
    if tracing_subscriber::registry().with(exporter).with(filter).with(layer).try_init().is_ok() {
        let _ = FILTER.set(Box::new(move |filter| {
            // Fails only if the subscriber is gone.
            let _ = handle.reload(filter);
        }));
    }
    if let Some(error) = refused {
        tracing::error!(error, "traces are not exported");
    }
}

/// Starts a thread that folds the samples of histograms into their buckets every few seconds. Without this thread, the samples take
/// more and more memory until the metrics are scraped.
fn start_upkeep(handle: PrometheusHandle) {
    let upkeep = move || {
        loop {
            std::thread::sleep(UPKEEP_INTERVAL);
            handle.run_upkeep();
        }
    };
    if let Err(error) = std::thread::Builder::new().name("metrics".to_owned()).spawn(upkeep) {
        tracing::error!(%error, "the thread that folds metrics did not start; histograms take more memory until they are scraped");
    }
}

/// The metrics of the process. The handle renders them in the text format of Prometheus. There is one recorder per process.
pub fn metrics() -> PrometheusHandle {
    METRICS
        .get_or_init(|| {
            // The lists of buckets are constants that are not empty, so this cannot fail.
            let builder = metric_table::with_buckets(PrometheusBuilder::new()).unwrap_or_default();
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            // Fails only if another recorder is installed; then this recorder stays empty.
            let _ = metrics::set_global_recorder(recorder);
            metric_table::describe();
            start_upkeep(handle.clone());
            handle
        })
        .clone()
}
