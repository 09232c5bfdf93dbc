//! Logs and metrics of the process.
//!
//! The command line starts the logs; `app` starts the metrics. In production each log line is a JSON object; in
//! development it is text for people. Secrets are never logged: their types do not print them, and request logs leave
//! out the query.

use std::{io::IsTerminal, sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::Environment;

/// The filter unless `RUST_LOG` gives another one. `actix_http` logs malformed requests of clients as errors, so it is off.
const DEFAULT_FILTER: &str =
    "info,portcullis=info,actix_server=warn,tokio_postgres=warn,refinery_core=warn,actix_http=off";
const DEBUG_FILTER: &str = "info,portcullis=debug,actors=debug,service=debug,store=debug,actix_http=off";

/// The filter of tools. Tools print their results, so the log is only for problems.
const TOOL_FILTER: &str = "warn,actix_http=off";

const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts the logging of a server. Does nothing if logging has already been started.
pub fn start_logging(environment: Environment, debug: bool) {
    start(environment, if debug { DEBUG_FILTER } else { DEFAULT_FILTER });
}

/// Starts the logging of a tool of the command line, for people and on standard error.
pub fn start_tool_logging() {
    start(Environment::Development, TOOL_FILTER);
}

fn start(environment: Environment, default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let layer = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let layer = match environment {
        Environment::Production => layer.json().flatten_event(true).with_current_span(true).boxed(),
        Environment::Development => layer.compact().with_target(false).boxed(),
    };
    // Fails only if an embedding program, or a test, has installed its own subscriber.
    let _ = tracing_subscriber::registry().with(filter).with(layer).try_init();
}

/// Folds the samples of histograms into summaries every few seconds. Without this, they take more and more memory until the
/// metrics are scraped.
fn start_upkeep(handle: PrometheusHandle) {
    let upkeep = move || {
        loop {
            std::thread::sleep(UPKEEP_INTERVAL);
            handle.run_upkeep();
        }
    };
    if let Err(error) = std::thread::Builder::new().name("metrics".to_owned()).spawn(upkeep) {
        tracing::error!(%error, "metrics upkeep thread did not start; histogram memory grows until scraped");
    }
}

/// The metrics of the process, which are rendered in the text format of Prometheus. There is one recorder per process.
pub fn metrics() -> PrometheusHandle {
    METRICS
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            // Fails only if another recorder is installed; then this one stays empty.
            let _ = metrics::set_global_recorder(recorder);
            start_upkeep(handle.clone());
            handle
        })
        .clone()
}
