//! Start, drain, stop: the life of a running server.
//!
//! A stop is said once, through [`Shutdown`], by a signal, a test, or actors that die too often. Then: readiness off, no new
//! connections, every socket closed with 3001 spread over the drain window, what is unwritten written, everything
//! stopped. A second signal ends the process at once.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::app::App;

/// How long a stop waits for audit events and last-seen values to reach the database; what does not stays in the spill file.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);

/// Why the server is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody asked.
    Asked(&'static str),
    /// It cannot go on.
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
    /// Says stop, and why. The first word counts.
    pub fn begin(&self, stop: Stop) {
        self.0.send_if_modified(|said| {
            let first = said.is_none();
            said.get_or_insert(stop);
            first
        });
    }

    /// Waits until somebody says stop, and answers why.
    pub async fn begun(&self) -> Stop {
        let mut said = self.0.subscribe();
        let stop = said.wait_for(Option::is_some).await.ok().and_then(|stop| *stop);
        stop.unwrap_or(Stop::Failed("nobody can say stop any more"))
    }
}

/// Why a server ended on its own.
#[derive(Debug, thiserror::Error)]
#[error("the server stopped serving: {0}")]
pub struct Died(&'static str);

impl App {
    /// Serves until it is told to stop, then stops in good order.
    ///
    /// # Errors
    /// When it stopped because it could not go on.
    pub async fn run(self) -> Result<(), Died> {
        let Self { settings, server, realtime, services, door, shutdown, .. } = self;
        let handle = server.handle();
        let serving = actix_rt::spawn(server);
        let stop = tokio::select! {
            stop = shutdown.begun() => stop,
            _ = serving => Stop::Failed("the accept pipeline ended"),
        };
        tracing::info!(?stop, "draining");
        services.upkeep.stop_accepting();
        handle.pause().await;
        let closed = realtime.drain(settings.drain).await;
        door.close_lobby();
        tracing::info!(sockets = closed.sockets_closed, pending = closed.pending, "sockets closed");
        if !realtime.flush(FLUSH_WITHIN).await {
            tracing::warn!("the database did not take everything: audit events wait in the spill file");
        }
        services.upkeep.stop().await;
        handle.stop(true).await;
        realtime.stop();
        tracing::info!("stopped");
        match stop {
            Stop::Asked(_) => Ok(()),
            Stop::Failed(why) => Err(Died(why)),
        }
    }
}

/// Turns SIGINT and SIGTERM into a stop; a second one ends the process at once.
pub fn stop_on_signals(shutdown: Shutdown) {
    actix_rt::spawn(async move {
        let mut first = true;
        loop {
            let name = next_signal().await;
            if !first {
                tracing::warn!(signal = name, "a second signal: ending at once");
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
