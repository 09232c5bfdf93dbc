//! The life of a running server: serve, drain, stop.
//!
//! The server stops when a stop is requested through [`Shutdown`] (by a signal, by a test, or because actors failed too often).
//! It also stops when its accept pipeline ends. Then readiness is switched off. After the drain delay (none if the server
//! cannot continue), no new connections are accepted, and every socket is closed with 3001 (spread over the drain window). Then
//! unwritten data is written, and every part is stopped. A second signal ends the process at once.

use std::{io, sync::Arc, time::Duration};

use actors::Realtime;
use service::{CertificateExpiry, Services};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    acme::Renewal,
    socket::SocketContext,
    tls::{Renewals, ServerTls},
    unix_socket::SocketFile,
};

/// How long a stop waits for audit events and last-seen values to reach the database. Audit events that did not reach the
/// database in time stay in the spill file.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
/// How often the server checks whether the files of TLS have changed.
const LOOK_FOR_RENEWAL: Duration = Duration::from_secs(1);

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

/// The server stopped because it could not continue. Contains the reason.
#[derive(Debug, thiserror::Error)]
#[error("the server stopped serving: {0}")]
pub struct Died(&'static str);

/// The parts of a server that must be stopped in order.
pub(crate) struct Running {
    pub(crate) server: actix_server::Server,
    /// The server of the metrics. It serves until the other listeners are stopped.
    pub(crate) metrics: Option<actix_server::Server>,
    /// The file of the Unix socket. It is removed when the server has stopped.
    pub(crate) socket_file: Option<SocketFile>,
    /// The certificate of TLS, and the authorities of client certificates.
    pub(crate) tls: Option<Arc<ServerTls>>,
    /// Orders and renews the certificate of TLS by ACME.
    pub(crate) renewal: Option<Renewal>,
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
        let Self {
            server,
            metrics,
            socket_file,
            tls,
            renewal,
            realtime,
            services,
            sockets,
            shutdown,
            drain_delay,
            drain,
        } = self;
        let handle = server.handle();
        let serving = actix_rt::spawn(server);
        let metrics = metrics.map(|server| {
            let handle = server.handle();
            actix_rt::spawn(server);
            handle
        });
        let expiry = services.certificate_expiry.clone();
        let renewals = tls.map(|tls| actix_rt::spawn(watch(tls, expiry)));
        let orders = renewal.map(|renewal| actix_rt::spawn(renewal.run()));
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
            tracing::warn!(
                "not all audit events and last-seen values reached the database in time; unwritten events stay in the spill file"
            );
        }
        services.upkeep.stop().await;
        handle.stop(true).await;
        drop(socket_file);
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        for task in [renewals, orders].into_iter().flatten() {
            task.abort();
        }
        realtime.stop();
        tracing::info!("stopped");
        match stop {
            Stop::Asked(_) => Ok(()),
            Stop::Failed(why) => Err(Died(why)),
        }
    }
}

/// Reads the files of TLS again when they have changed, and notes when the certificate ends.
async fn watch(tls: Arc<ServerTls>, expiry: CertificateExpiry) {
    loop {
        tokio::time::sleep(LOOK_FOR_RENEWAL).await;
        let reading = Arc::clone(&tls);
        // A file of a network may take long to answer, and this thread has other work.
        match actix_rt::task::spawn_blocking(move || reading.reload_if_changed()).await {
            Ok(found) => report(found),
            Err(error) => tracing::error!(%error, "the check of the files of TLS ended unexpectedly"),
        }
        if let Some(life) = tls.certificate().life() {
            expiry.note(life);
        }
    }
}

fn report(Renewals { certificate, clients }: Renewals) {
    match certificate {
        Ok(true) => tracing::info!("the TLS certificate was renewed"),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(%error, "the renewed TLS certificate cannot be used; the server keeps the former one");
        }
    }
    match clients {
        Ok(true) => tracing::info!("the authorities of client certificates were read again"),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(
                %error,
                "the files of client certificates cannot be used; the former authorities and lists still count"
            );
        }
    }
}

/// SIGHUP: the request to read the settings again. From the moment that this value exists, the signal does not end the process.
pub struct Hangups(tokio::signal::unix::Signal);

impl Hangups {
    /// Listens for the signal.
    ///
    /// # Errors
    /// The system does not allow it.
    pub fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Calls `reload` after each signal, on a thread for slow work. Signals that arrive meanwhile count as one.
    pub fn serve(mut self, reload: impl Fn() + Send + Sync + 'static) {
        let reload = Arc::new(reload);
        actix_rt::spawn(async move {
            while self.0.recv().await.is_some() {
                let reload = Arc::clone(&reload);
                if let Err(error) = actix_rt::task::spawn_blocking(move || reload()).await {
                    tracing::error!(%error, "the reload of the settings ended unexpectedly");
                }
            }
        });
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

async fn next_signal() -> &'static str {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        },
        Err(_) => interrupt().await,
    }
}

async fn interrupt() -> &'static str {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    "SIGINT"
}
