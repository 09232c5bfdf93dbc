//! Logs and metrics of the process.
//!
//! Installed once by the command line. Production logs JSON, one object per line; development logs for people. No secret
//! reaches either: secrets are types that do not print, and request logs leave the query out.

use std::{io::IsTerminal, sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::Environment;

/// What is logged unless `RUST_LOG` says otherwise. What `actix_http` calls errors is what strangers send.
const DEFAULT_FILTER: &str =
    "info,portcullis=info,actix_server=warn,tokio_postgres=warn,refinery_core=warn,actix_http=off";
const DEBUG_FILTER: &str = "info,portcullis=debug,actors=debug,service=debug,store=debug";

const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts logging. Does nothing if something else logs already.
pub fn start_logging(environment: Environment, debug: bool) {
    let default = if debug { DEBUG_FILTER } else { DEFAULT_FILTER };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let layer = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let layer = match environment {
        Environment::Production => layer.json().flatten_event(true).with_current_span(true).boxed(),
        Environment::Development => layer.compact().with_target(false).boxed(),
    };
    // An embedding program, or a test, may have set up its own.
    let _ = tracing_subscriber::registry().with(filter).with(layer).try_init();
}

/// Folds samples into summaries now and then: without it they pile up until somebody asks for the metrics.
fn keep_up(handle: PrometheusHandle) {
    let upkeep = move || {
        loop {
            std::thread::sleep(UPKEEP_INTERVAL);
            handle.run_upkeep();
        }
    };
    if let Err(error) = std::thread::Builder::new().name("metrics".to_owned()).spawn(upkeep) {
        tracing::error!(%error, "metrics are not folded: they take memory until somebody asks for them");
    }
}

/// The process's metrics, in Prometheus text form when rendered. There is one recorder per process.
pub fn metrics() -> PrometheusHandle {
    METRICS
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            // Fails only if another recorder is installed; ours then stays empty.
            let _ = metrics::set_global_recorder(recorder);
            keep_up(handle.clone());
            handle
        })
        .clone()
}
