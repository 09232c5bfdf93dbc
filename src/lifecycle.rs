//! The life of a running server: serve, drain, stop.
//!
//! A stop is requested once, through [`Shutdown`]: by a signal, by a test, or because actors died too often. Then
//! readiness is switched off. After the drain delay no new connections are accepted, every socket is closed with 3001
//! (spread over the drain window), unwritten data is written, and every part is stopped. A second signal ends the process
//! at once.

use std::{sync::Arc, time::Duration};

use actors::Realtime;
use service::Services;
use tokio::sync::watch;

use crate::{socket::SocketContext, tls::OperatorCertificate};

/// How long a stop waits for audit events and last-seen values to reach the database. Audit events that did not reach
/// it in time stay in the spill file.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
/// How often to look whether the TLS certificate was renewed.
const LOOK_FOR_RENEWAL: Duration = Duration::from_secs(60);

/// Why the server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A stop was requested by the signal of this name, or by a test.
    Asked(&'static str),
    /// The server cannot continue.
    Failed(&'static str),
}

/// The switch that stops the server; clones are the same switch.
#[derive(Clone)]
pub struct Shutdown(Arc<watch::Sender<Option<Stop>>>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Shutdown {
    /// Requests a stop. Only the first request counts.
    pub fn begin(&self, stop: Stop) {
        self.0.send_if_modified(|requested| {
            let first = requested.is_none();
            requested.get_or_insert(stop);
            first
        });
    }

    /// Waits until a stop is requested.
    pub async fn begun(&self) -> Stop {
        let mut requested = self.0.subscribe();
        let stop = requested.wait_for(Option::is_some).await.ok().and_then(|stop| *stop);
        stop.unwrap_or(Stop::Failed("the switch that stops the server is gone"))
    }
}

/// Why a server ended without a request.
#[derive(Debug, thiserror::Error)]
#[error("the server stopped serving: {0}")]
pub struct Died(&'static str);

/// The parts of a server that must be stopped in order.
pub(crate) struct Running {
    pub(crate) server: actix_server::Server,
    /// The listener of the metrics, which serves until the end.
    pub(crate) metrics: Option<actix_server::Server>,
    /// The certificate of the operator.
    pub(crate) certificate: Option<Arc<OperatorCertificate>>,
    pub(crate) realtime: Realtime,
    pub(crate) services: Services,
    pub(crate) sockets: Arc<SocketContext>,
    pub(crate) shutdown: Shutdown,
    /// How long the server still serves after readiness is off.
    pub(crate) drain_delay: Duration,
    /// The time over which the closing of sockets is spread.
    pub(crate) drain: Duration,
}

impl Running {
    /// Serves until a stop is requested, then stops the parts in order.
    pub(crate) async fn serve(self) -> Result<(), Died> {
        let Self { server, metrics, certificate, realtime, services, sockets, shutdown, drain_delay, drain } =
            self;
        let handle = server.handle();
        let serving = actix_rt::spawn(server);
        let metrics = metrics.map(|server| {
            let handle = server.handle();
            actix_rt::spawn(server);
            handle
        });
        let renewals = certificate.map(|certificate| actix_rt::spawn(read_renewed(certificate)));
        let stop = tokio::select! {
            stop = shutdown.begun() => stop,
            _ = serving => Stop::Failed("the accept pipeline ended"),
        };
        tracing::info!(?stop, "draining");
        services.upkeep.stop_accepting();
        if matches!(stop, Stop::Asked(_)) {
            tokio::time::sleep(drain_delay).await;
        }
        handle.pause().await;
        let closed = realtime.drain(drain).await;
        sockets.close_unregistered();
        tracing::info!(sockets = closed.sockets_closed, pending = closed.pending, "sockets closed");
        if !realtime.flush(FLUSH_TIMEOUT).await {
            tracing::warn!("not every audit event reached the database; the rest stays in the spill file");
        }
        services.upkeep.stop().await;
        handle.stop(true).await;
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        if let Some(renewals) = renewals {
            renewals.abort();
        }
        realtime.stop();
        tracing::info!("stopped");
        match stop {
            Stop::Asked(_) => Ok(()),
            Stop::Failed(why) => Err(Died(why)),
        }
    }
}

/// Reads a certificate again when its files have changed.
async fn read_renewed(certificate: Arc<OperatorCertificate>) {
    loop {
        tokio::time::sleep(LOOK_FOR_RENEWAL).await;
        match certificate.reload_if_changed() {
            Ok(true) => tracing::info!("the TLS certificate was renewed"),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "the renewed TLS certificate cannot be used; the server keeps the former one");
            }
        }
    }
}

/// SIGINT and SIGTERM request a stop. A second signal ends the process at once.
pub fn stop_on_signals(shutdown: Shutdown) {
    actix_rt::spawn(async move {
        let mut first = true;
        loop {
            let name = next_signal().await;
            if !first {
                tracing::warn!(signal = name, "second signal: exiting at once");
                std::process::exit(130);
            }
            first = false;
            shutdown.begin(Stop::Asked(name));
        }
    });
}

#[cfg(unix)]
async fn next_signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        },
        Err(_) => interrupt().await,
    }
}

#[cfg(not(unix))]
async fn next_signal() -> &'static str {
    interrupt().await
}

async fn interrupt() -> &'static str {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    "SIGINT"
}
