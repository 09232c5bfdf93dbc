//! The server: it is built from the settings and runs until it is stopped.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_http::Extensions;
use actix_server::Server;
use actix_web::web;
use actors::Realtime;
use rustls::ServerConfig;
use service::{Clock, Services};
use store::Store;

use super::{
    error::StartError,
    listeners::{self, Bound},
    wiring::{http_settings, keys, origins, own_origins, service_settings, start_realtime},
};
use crate::{
    config::Settings,
    fd_limits::FdLimits,
    http,
    lifecycle::{Died, Running, Shutdown},
    socket::{self, SocketContext, emulation::StreamRegistry},
    telemetry,
};

/// A server that is bound and ready to run.
pub struct App {
    running: Running,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

impl App {
    /// Binds the listeners, connects to the database, migrates it and starts every part. Must be called inside an actix
    /// system. `certificate` overrides the one in the settings.
    ///
    /// # Errors
    /// See [`StartError`]. After an error no part keeps running.
    pub async fn build(settings: Settings, certificate: Option<ServerConfig>) -> Result<Self, StartError> {
        // Install the metrics before the first part uses them.
        telemetry::metrics();
        let bound = listeners::bind(&settings, certificate)?;
        let store = Store::connect(&settings.database)?;
        store.migrate().await?;
        let shutdown = Shutdown::default();
        let realtime = start_realtime(&settings, &store, shutdown.clone())
            .map_err(|error| StartError::Spill(settings.realtime.spill_file.clone(), error))?;
        let built = Self::start(&settings, bound, store, realtime.clone(), shutdown).await;
        if built.is_err() {
            realtime.stop();
        }
        built
    }

    /// Starts the jobs and the listeners beside the actors.
    async fn start(
        settings: &Settings,
        bound: Bound,
        store: Store,
        realtime: Realtime,
        shutdown: Shutdown,
    ) -> Result<Self, StartError> {
        let services = Services::new(
            service_settings(settings, &own_origins(settings, bound.http, bound.https))?,
            store,
            realtime.clone(),
            keys(settings),
            Clock::default(),
        );
        services.upkeep.prepare().await?;
        services.upkeep.start();
        let listening = Self::listen(settings, bound, &services, realtime, shutdown).await;
        if listening.is_err() {
            services.upkeep.stop().await;
        }
        listening
    }

    /// Starts the listeners, beside the jobs.
    async fn listen(
        settings: &Settings,
        bound: Bound,
        services: &Services,
        realtime: Realtime,
        shutdown: Shutdown,
    ) -> Result<Self, StartError> {
        let Bound { listeners, http, https, metrics, certificate } = bound;
        let origins = origins(settings, http, https);
        let descriptors = FdLimits::claim();
        let sockets = SocketContext::new(
            services.clone(),
            realtime.clone(),
            settings.socket_settings(descriptors.sockets),
            origins.clone(),
            settings.web.trusted_proxies.clone(),
        );
        let rest = {
            let http_settings = web::Data::new(http_settings(settings, origins));
            let (services, sockets) =
                (web::Data::new(services.clone()), web::Data::from(Arc::clone(&sockets)));
            let streams = Arc::clone(&services.server_api.emulated_streams);
            let streams = web::Data::new(StreamRegistry::new(streams));
            move || {
                let app = http::app(services.clone(), http_settings.clone());
                app.configure(|routes| {
                    socket::emulation::configure(routes, sockets.clone(), streams.clone());
                })
            }
        };
        let (workers, connections) = (settings.listen.workers, descriptors.plain_connections);
        let server = socket::serve(listeners, workers, connections, &sockets, mark, rest);
        let server = server.map_err(StartError::Server)?;
        let (metrics_server, metrics) = match serve_metrics(metrics) {
            Ok(served) => served.unzip(),
            Err(error) => {
                stop_unserved(server).await;
                return Err(error);
            }
        };
        let running = Running {
            server,
            metrics: metrics_server,
            certificate,
            realtime,
            services: services.clone(),
            sockets,
            shutdown,
            drain_delay: settings.drain_delay,
            drain: settings.drain,
        };
        Ok(Self { running, http, https, metrics })
    }

    /// Serves until a stop is requested, then stops the parts in order.
    ///
    /// # Errors
    /// The server stopped because it could not continue.
    pub async fn run(self) -> Result<(), Died> {
        self.running.serve().await
    }

    /// The address at which plain HTTP is served.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// The address at which TLS is served.
    #[must_use]
    pub fn https(&self) -> Option<SocketAddr> {
        self.https
    }

    /// The address at which metrics are served.
    #[must_use]
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// The use cases, for tools and tests that run beside the server.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.running.services
    }

    /// The actors.
    #[must_use]
    pub fn realtime(&self) -> &Realtime {
        &self.running.realtime
    }

    /// The state that all sockets share.
    #[must_use]
    pub fn sockets(&self) -> &Arc<SocketContext> {
        &self.running.sockets
    }

    /// The switch that stops the server.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.running.shutdown.clone()
    }
}

fn serve_metrics(
    bound: Option<(TcpListener, SocketAddr)>,
) -> Result<Option<(Server, SocketAddr)>, StartError> {
    let metrics = telemetry::metrics();
    let Some((listener, address)) = bound else { return Ok(None) };
    let server = http::serve_metrics(listener, metrics).map_err(StartError::Server)?;
    Ok(Some((server, address)))
}

/// Stops a server that was started and is not served. Its threads would accept connections on and on.
async fn stop_unserved(server: Server) {
    let handle = server.handle();
    let served = actix_rt::spawn(server);
    handle.stop(false).await;
    let _ = served.await;
}

fn mark(encrypted: bool, data: &mut Extensions) {
    data.insert(http::Encrypted(encrypted));
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, net::TcpStream};

    use super::*;

    #[actix_web::test]
    async fn a_server_that_is_stopped_before_it_was_served_frees_its_port() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let server = http::serve_metrics(listener, telemetry::metrics()).expect("a server");
        TcpStream::connect(address).expect("it listens");
        stop_unserved(server).await;
        let refused = TcpStream::connect(address).expect_err("it does not listen any more");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
