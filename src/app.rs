//! The only place where the parts are put together.
//!
//! `App::build` binds the listeners and starts everything in the order in which it depends on each other; `App::run` serves
//! until it is told to stop, and stops in the reverse order. The command line and every test use the same two.

mod bind;
mod parts;
mod ports;

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use actix_http::Extensions;
use actix_web::web;
use actors::{Realtime, runtime::Ports};
use rustls::ServerConfig;

use crate::{
    config::{Environment, Settings},
    files::Files,
    http::{self, HttpSettings},
    lifecycle::{Shutdown, Stop},
    socket::{self, Door},
    telemetry, tls,
};
use domain::client::origin::Origins;
use service::{Clock, Services};
use store::{Store, StoreError};

pub(crate) use parts::{keys, service_settings};
use parts::{origins, own_origins};
use ports::StorePorts;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The database cannot be used.
    #[error("the database cannot be used: {0}")]
    Database(#[from] StoreError),
    /// The certificate cannot be used.
    #[error("the TLS certificate cannot be used: {0}")]
    Tls(#[from] tls::TlsError),
    /// The actors did not start.
    #[error("the audit spill file cannot be opened: {0}")]
    Spill(#[source] io::Error),
    /// The names that passkeys belong to do not fit together.
    #[error("passkeys: {0}")]
    Passkeys(String),
    /// The accept pipeline did not start.
    #[error("the server cannot start: {0}")]
    Server(#[source] io::Error),
}

/// A server that is bound and ready to run.
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) server: actix_server::Server,
    pub(crate) realtime: Realtime,
    pub(crate) services: Services,
    pub(crate) door: Arc<Door>,
    pub(crate) shutdown: Shutdown,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
}

impl App {
    /// Binds, connects, migrates and starts. Must be called inside an actix system. `certificate` overrides the one in the
    /// settings.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    pub async fn build(settings: Settings, certificate: Option<ServerConfig>) -> Result<Self, StartError> {
        let metrics = telemetry::metrics();
        let (listeners, http, https) = bind::bind(&settings, certificate)?;
        let store = Store::connect(&settings.database)?;
        store.migrate().await?;
        let shutdown = Shutdown::default();
        let realtime = start_realtime(&settings, &store, shutdown.clone()).map_err(StartError::Spill)?;
        let services = Services::new(
            service_settings(&settings, &own_origins(&settings, http, https))?,
            store,
            realtime.clone(),
            keys(&settings),
            Clock::default(),
        );
        services.upkeep.prepare().await?;
        services.upkeep.start();
        let origins = origins(&settings, http, https);
        let files = Files::claim();
        let mut sockets = settings.socket.clone();
        sockets.limits.total = sockets.limits.total.min(files.sockets);
        let dialogue = Arc::make_mut(&mut sockets.dialogue);
        dialogue.commands = settings.limits.frame_connection;
        dialogue.allow_anonymous = settings.allow_anonymous;
        // One table for the rules and for the shards.
        dialogue.namespaces = Arc::clone(&settings.realtime.namespaces);
        let door = Door::new(
            services.clone(),
            realtime.clone(),
            sockets,
            origins.clone(),
            settings.surface.trusted_proxies.clone(),
        );
        let http_settings = web::Data::new(http_settings(&settings, origins));
        let rest = {
            let services = web::Data::new(services.clone());
            let metrics = web::Data::new(metrics);
            let door = web::Data::from(Arc::clone(&door));
            move || {
                http::app(services.clone(), http_settings.clone(), metrics.clone())
                    .configure(|routes| socket::emulation::configure(routes, door.clone()))
            }
        };
        let server =
            socket::serve(listeners, settings.listen.workers, files.plain_connections, &door, mark, rest)
                .map_err(StartError::Server)?;
        Ok(Self { settings, server, realtime, services, door, shutdown, http, https })
    }

    /// Where plain HTTP is served.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where TLS is served.
    #[must_use]
    pub fn https(&self) -> Option<SocketAddr> {
        self.https
    }

    /// The use cases, for tools and tests that run beside the server.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// The actors.
    #[must_use]
    pub fn realtime(&self) -> &Realtime {
        &self.realtime
    }

    /// What every socket shares.
    #[must_use]
    pub fn door(&self) -> &Arc<Door> {
        &self.door
    }

    /// The switch that stops it.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }
}

/// Starts the actors over this store.
///
/// # Errors
/// When the audit spill file cannot be opened.
pub(crate) fn start_realtime(settings: &Settings, store: &Store, shutdown: Shutdown) -> io::Result<Realtime> {
    if let Some(directory) = settings.realtime.spill_file.parent().filter(|path| *path != Path::new("")) {
        std::fs::create_dir_all(directory)?;
    }
    let ports = Ports {
        audit: Arc::new(StorePorts(store.clone())),
        devices: Arc::new(StorePorts(store.clone())),
        journal: Arc::new(StorePorts(store.clone())),
        escalate: Box::new(move || shutdown.begin(Stop::Failed("actors died too often"))),
    };
    Realtime::start(settings.realtime.clone(), ports)
}

fn http_settings(settings: &Settings, origins: Origins) -> HttpSettings {
    HttpSettings {
        development: settings.environment == Environment::Development,
        cookie_domain: settings.surface.cookie_domain.clone(),
        access_cookie_readable: settings.surface.access_cookie_readable,
        origins,
        trusted_proxies: settings.surface.trusted_proxies.clone(),
        security_headers: settings.surface.security_headers,
    }
}

fn mark(encrypted: bool, data: &mut Extensions) {
    data.insert(http::Encrypted(encrypted));
}
