//! The accept pipeline: listener → TLS → HTTP/1.1 → the REST application, or the WebSocket handshake.
//!
//! Upgrade requests leave before actix-web sees them: the upgrade service gets the parsed request and the raw stream, so
//! an open socket carries neither a dispatcher nor its buffers. Made by the composition root; one `HttpService` per
//! worker and listener.

use std::{fmt::Debug, future::Ready, io, net::TcpListener, rc::Rc, sync::Arc, time::Duration};

use actix_codec::Framed;
use actix_http::{Extensions, HttpService, KeepAlive, Protocol, Request, Response, h1::Codec};
use actix_rt::net::TcpStream;
use actix_server::{Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service, map_config,
};
use actix_tls::accept::{
    TlsError,
    rustls_0_23::{Acceptor, TlsStream},
};
use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::AppConfig,
};
use rustls::ServerConfig;

use crate::socket::{
    emulation,
    listener::{
        http_deadline::{
            request_tracker,
            state::{self as watch, Watch},
            stream::Watched,
        },
        plain_connection_limit::Gate,
    },
    shared::Door,
    websocket::{handshake, tcp::Transport},
};

const KEEP_ALIVE: Duration = Duration::from_secs(15);
const REQUEST_HEAD_WITHIN: Duration = Duration::from_secs(5);
const DISCONNECT_WITHIN: Duration = Duration::from_secs(1);
const TLS_HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// Connections waiting to be accepted, as far as the kernel allows.
const BACKLOG: u32 = 4096;

/// A bound address.
pub struct Listener {
    /// The listening socket.
    pub socket: TcpListener,
    /// How its connections are protected.
    pub security: Security,
}

/// How connections are protected.
#[derive(Clone)]
pub enum Security {
    /// Not at all: loopback, or behind a proxy.
    Plain,
    /// TLS.
    Tls(Arc<ServerConfig>),
}

/// Tells the REST application whether a connection is encrypted, in the connection's data.
pub type Mark = fn(encrypted: bool, data: &mut Extensions);

/// A server over these listeners: `app` answers REST, `door` opens sockets. With `plain_connections` open that are no
/// sockets, no more are accepted until some end. Runs when awaited.
///
/// # Errors
/// When a listener cannot be used.
pub fn serve<F, I, S, B>(
    listeners: Vec<Listener>,
    workers: usize,
    plain_connections: usize,
    door: &Arc<Door>,
    mark: Mark,
    app: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Future: 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let mut builder = Server::build()
        .workers(workers)
        .backlog(BACKLOG)
        .max_concurrent_connections((plain_connections / workers.max(1)).max(16))
        .disable_signals()
        .shutdown_timeout(5);
    for listener in listeners {
        builder = listen(builder, listener, Arc::clone(door), mark, app.clone())?;
    }
    Ok(builder.run())
}

fn listen<F, I, S, B>(
    builder: ServerBuilder,
    listener: Listener,
    door: Arc<Door>,
    mark: Mark,
    app: F,
) -> io::Result<ServerBuilder>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Future: 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let encrypted = matches!(listener.security, Security::Tls(_));
    let patience = door.settings.patience;
    macro_rules! http_service {
        ($io:ty) => {{
            let app = app().into_factory().map_err(|error| {
                let error: Error = error.into();
                error.error_response()
            });
            let app = map_config(app, |()| AppConfig::default());
            let http = HttpService::build()
                .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
                .client_request_timeout(REQUEST_HEAD_WITHIN)
                .client_disconnect_timeout(DISCONNECT_WITHIN)
                .on_connect_ext(move |io: &Watched<$io>, data| {
                    mark(encrypted, data);
                    emulation::note_wire(io.get_ref(), data);
                    data.insert(Rc::clone(io.watch()));
                })
                .upgrade(upgrade(Arc::clone(&door)))
                .finish(apply_fn_factory(app, request_tracker::answer));
            apply_fn_factory(http, move |io: $io, http| {
                // Otherwise a frame that follows another waits for the peer's delayed acknowledgement of it.
                let _ = io.tcp().set_nodelay(true);
                let (watch, peer) = (Rc::new(Watch::new(patience)), io.tcp().peer_addr().ok());
                let served = http.call((Watched::new(io, Rc::clone(&watch)), Protocol::Http1, peer));
                async move { watch::keep(&watch, served).await.unwrap_or(Ok(())) }
            })
        }};
    }
    match listener.security {
        Security::Plain => builder.listen("http", listener.socket, move || {
            Gate::before(http_service!(TcpStream), Arc::clone(&door.permits))
        }),
        Security::Tls(config) => builder.listen("https", listener.socket, move || {
            let mut acceptor = Acceptor::new(http_only(&config));
            acceptor.set_handshake_timeout(TLS_HANDSHAKE_WITHIN);
            let acceptor = acceptor.map_init_err(|()| ()).map_err(TlsError::into_service_error);
            let service = acceptor.and_then(http_service!(TlsStream<TcpStream>).map_err(TlsError::Service));
            Gate::before(service, Arc::clone(&door.permits))
        }),
    }
}

/// The same, and HTTP/1.1 is what is agreed upon (RFC 7301).
fn http_only(config: &ServerConfig) -> ServerConfig {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// Hands every WebSocket handshake to the door as a task of its own, so that the dispatcher it came through can go.
fn upgrade<T: Transport>(
    door: Arc<Door>,
) -> impl ServiceFactory<
    (Request, Framed<Watched<T>, Codec>),
    Config = (),
    Response = (),
    Error = NoError,
    InitError = (),
> {
    fn_service(move |(request, framed): (Request, Framed<Watched<T>, Codec>)| -> Ready<Result<(), NoError>> {
        let framed = framed.into_map_io(Watched::into_inner);
        actix_rt::spawn(handshake::open(Arc::clone(&door), request, framed));
        std::future::ready(Ok(()))
    })
}

/// The upgrade service cannot fail; the pipeline wants an error that can be shown and answered.
#[derive(Debug)]
enum NoError {}

impl std::fmt::Display for NoError {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

impl From<NoError> for actix_http::Response<BoxBody> {
    fn from(never: NoError) -> Self {
        match never {}
    }
}
