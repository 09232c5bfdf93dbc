//! The server: it is built from the settings and runs until it is stopped.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_http::Extensions;
use actix_server::Server;
use actix_web::web;
use actors::Realtime;
use parking_lot::Mutex;
use service::{Clock, Services};
use store::{RoleStanding, Store};
use tokio::runtime::Handle;

use super::{
    database_start,
    demonstration::demonstration_users,
    error::StartError,
    listeners::{self, Bound},
    reload::Reloader,
    wiring::{
        effective_settings, http_settings, keys, origins, own_origins, service_settings, start_realtime,
    },
};
use crate::{
    acme::Renewal,
    config::{Environment, SettingValues, Settings},
    drill::{DrillClient, Entrance},
    fd_limits::FdLimits,
    http::{self, HttpChallenges},
    lifecycle::{Died, Running, Shutdown},
    pages::{self, PageRoutes, Site},
    socket::{self, ConnectionFacts, Mark, SocketContext, emulation::StreamRegistry},
    telemetry,
    tls::{self, ServerTls},
};

/// A server that has bound its listeners and is ready to run.
pub struct App {
    running: Running,
    /// The number of sockets that the limit of open files allows.
    sockets: usize,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    console: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

impl App {
    /// Binds the listeners, connects to the database, checks its schema and the role of the server, and starts every part. Must be
    /// called inside an actix system.
    ///
    /// # Errors
    /// See [`StartError`]. After an error no part keeps running.
    pub async fn build(settings: Settings) -> Result<Self, StartError> {
        // The metrics are installed before the first part uses them.
        telemetry::metrics();
        let bound = listeners::bind(&settings)?;
        let store = Store::connect(&settings.database)?;
        let powerful = database_start::prepare(&settings, &store).await?;
        let clock = Clock::default();
        if let Some(unfinished) = store.take_into_service(clock.now()).await? {
            return Err(unfinished.into());
        }
        if settings.environment == Environment::Production
            && let Some(found) = demonstration_users(&store).await?
        {
            return Err(found.into());
        }
        let (shutdown, descriptors) = (Shutdown::default(), FdLimits::claim());
        let realtime =
            start_realtime(&settings, &store, clock.clone(), shutdown.clone(), descriptors.sockets)
                .map_err(|error| StartError::Spill(settings.realtime.spill_file.clone(), error))?;
        let built =
            Self::start(&settings, bound, store, realtime.clone(), clock, shutdown, descriptors).await;
        match &built {
            Ok(app) => app.services().database_role.note(powerful.is_some()),
            Err(_) => realtime.stop(),
        }
        if let Some(RoleStanding { role, excess, .. }) = powerful {
            let reasons = excess.join("; ");
            tracing::warn!(role, reasons, "the database role of the server can change the audit log");
        }
        built
    }

    /// Starts the jobs, and then the listeners. The actors run already.
    async fn start(
        settings: &Settings,
        bound: Bound,
        store: Store,
        realtime: Realtime,
        clock: Clock,
        shutdown: Shutdown,
        descriptors: FdLimits,
    ) -> Result<Self, StartError> {
        let secrets = &settings.secrets;
        let lasting = service::lasting_keys_or_derived(&store, &clock, &secrets.data_encryption).await?;
        let services = Services::new(
            service_settings(settings, &own_origins(settings, &bound.web_addresses()))?,
            store.clone(),
            realtime.clone(),
            keys(secrets, &settings.web.domain, &lasting),
            clock,
        );
        services.operators.settings.fill(effective_settings(settings));
        services.upkeep.prepare().await?;
        services.upkeep.start();
        let listening =
            Self::listen(settings, bound, &services, (store, realtime), shutdown, descriptors).await;
        if listening.is_err() {
            services.upkeep.stop().await;
        }
        listening
    }

    /// Starts the listeners. The actors and the jobs run already.
    async fn listen(
        settings: &Settings,
        bound: Bound,
        services: &Services,
        (store, realtime): (Store, Realtime),
        shutdown: Shutdown,
        descriptors: FdLimits,
    ) -> Result<Self, StartError> {
        let origins = origins(settings, &bound.web_addresses());
        let Bound { listeners, http, https, console, socket_file, metrics, tls } = bound;
        let sockets =
            SocketContext::new(services.clone(), realtime.clone(), settings.socket.clone(), origins.clone());
        let challenges = HttpChallenges::default();
        let rest = {
            let http_settings =
                web::Data::new(http_settings(settings, origins, realtime.live(), challenges.clone()));
            let (services, sockets) =
                (web::Data::new(services.clone()), web::Data::from(Arc::clone(&sockets)));
            let streams = Arc::clone(&services.server_api.emulated_streams);
            let streams = web::Data::new(StreamRegistry::new(streams));
            let pages = page_routes(settings);
            move || {
                let app = http::app(services.clone(), http_settings.clone());
                app.configure(|routes| {
                    socket::emulation::configure(routes, sockets.clone(), streams.clone());
                    if let Some(pages) = &pages {
                        pages::configure(routes, pages.clone());
                    }
                })
            }
        };
        let (workers, connections) = (settings.listen.workers, descriptors.plain_connections);
        let server = socket::serve(listeners, workers, connections, &sockets, &mark(tls.as_deref()), rest);
        let server = server.map_err(StartError::Server)?;
        let (metrics_server, metrics) = match serve_metrics(metrics) {
            Ok(served) => served.unzip(),
            Err(error) => {
                stop_unserved(server).await;
                return Err(error);
            }
        };
        if let Some(life) = tls.as_ref().and_then(|tls| tls.certificate().life()) {
            services.certificate_expiry.note(life);
        }
        let plain = http.filter(|_| !settings.listen.redirect);
        let socket = settings.listen.socket.as_ref().map(|(path, _)| path.clone());
        let encrypted = https.zip(tls.as_ref().map(|tls| Arc::clone(tls.certificate())));
        let entrance = Entrance::choose(plain, socket, encrypted);
        services.drills.fill(Arc::new(DrillClient::new(entrance, realtime.live().clone())));
        let renewal = renewal(settings, tls.as_deref(), challenges, store, services);
        let running = Running {
            server,
            metrics: metrics_server,
            socket_file,
            tls,
            renewal,
            realtime,
            services: services.clone(),
            sockets,
            shutdown,
            drain_delay: settings.drain_delay,
            drain: settings.drain,
        };
        Ok(Self { running, sockets: descriptors.sockets, http, https, console, metrics })
    }

    /// Serves until a stop is requested, then stops the parts in order.
    ///
    /// # Errors
    /// The server stopped because it could not continue.
    pub async fn run(self) -> Result<(), Died> {
        self.running.serve().await
    }

    /// What reloads the settings of this server. `values` are the values that it was started with.
    #[must_use]
    pub fn reloader(&self, values: SettingValues) -> Reloader {
        Reloader {
            live: self.running.realtime.live().clone(),
            services: self.running.services.clone(),
            runtime: Handle::current(),
            sockets: self.sockets,
            has_unix_socket: self.running.socket_file.is_some(),
            tls: self.running.tls.clone(),
            values: Mutex::new(values),
        }
    }

    /// The address for plain HTTP.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// The address for TLS.
    #[must_use]
    pub fn https(&self) -> Option<SocketAddr> {
        self.https
    }

    /// The address of the console's own listener.
    #[must_use]
    pub fn console(&self) -> Option<SocketAddr> {
        self.console
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

/// The part that orders and renews the certificate, if it is ordered by ACME.
fn renewal(
    settings: &Settings,
    tls: Option<&ServerTls>,
    challenges: HttpChallenges,
    store: Store,
    services: &Services,
) -> Option<Renewal> {
    let (acme, tls) = (settings.listen.acme.clone()?, tls?);
    let answers = Arc::new(move |token: &str, answer| challenges.set(token, answer));
    Some(Renewal::new(
        acme,
        Arc::clone(tls.certificate()),
        answers,
        store,
        services.certificate_expiry.clone(),
    ))
}

/// The pages and their files; `None` if there are no pages.
fn page_routes(settings: &Settings) -> Option<web::Data<PageRoutes>> {
    if !settings.pages.on {
        return None;
    }
    let site = settings.pages.directory.clone().map_or_else(Site::embedded, Site::directory);
    Some(web::Data::new(PageRoutes { site, console_apart: settings.listen.console.is_some() }))
}

fn serve_metrics(
    bound: Option<(TcpListener, SocketAddr)>,
) -> Result<Option<(Server, SocketAddr)>, StartError> {
    let metrics = telemetry::metrics();
    let Some((listener, address)) = bound else { return Ok(None) };
    let server = http::serve_metrics(listener, metrics).map_err(StartError::Server)?;
    Ok(Some((server, address)))
}

/// Stops a server that was started, but that nothing awaits. Without this, its threads would continue to accept connections.
async fn stop_unserved(server: Server) {
    let handle = server.handle();
    let served = actix_rt::spawn(server);
    handle.stop(false).await;
    let _ = served.await;
}

/// Stores in the data of a connection whether the connection is encrypted, whether its requests are redirected, whether its
/// listener is that of the console, and the certificate of the client. The handlers of its requests read these values.
fn mark(tls: Option<&ServerTls>) -> Mark {
    let authority = tls.and_then(ServerTls::clients).cloned();
    Arc::new(move |facts: &ConnectionFacts<'_>, data: &mut Extensions| {
        data.insert(http::Encrypted(facts.encrypted));
        if facts.redirects {
            data.insert(http::RedirectsToHttps);
        }
        if facts.console {
            data.insert(pages::ConsoleListener);
        }
        if let (Some(certificate), Some(authority)) = (facts.client_certificates.first(), &authority) {
            let standing = authority.standing(facts.client_certificates.to_vec());
            data.insert(http::ShownCertificate::new(tls::subject(certificate), standing));
        }
    })
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, net::TcpStream};

    use super::*;

    #[actix_web::test]
    async fn a_server_that_is_stopped_before_it_is_awaited_frees_its_port() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let server = http::serve_metrics(listener, telemetry::metrics()).expect("a server");
        TcpStream::connect(address).expect("it listens");
        stop_unserved(server).await;
        let refused = TcpStream::connect(address).expect_err("it does not listen any more");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
