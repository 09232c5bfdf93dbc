//! The accept pipeline: listener → TLS → HTTP/1.1 → the REST application, or the WebSocket handshake.
//!
//! Upgrade requests leave before actix-web sees them: the upgrade service gets the parsed request and the raw stream, so
//! an open socket carries neither a dispatcher nor its buffers. Made by the composition root; one `HttpService` per
//! worker and listener.

use std::{fmt::Debug, future::Ready, io, net::TcpListener, sync::Arc, time::Duration};

use actix_codec::Framed;
use actix_http::{Extensions, HttpService, KeepAlive, Request, Response, TlsAcceptorConfig, h1::Codec};
use actix_rt::net::TcpStream;
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::AppConfig,
};
use rustls::ServerConfig;

use super::{door::Door, emulation, gate::Gate, handshake, transport::Transport};

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
    macro_rules! http_service {
        ($io:ty) => {
            HttpService::build()
                .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
                .client_request_timeout(REQUEST_HEAD_WITHIN)
                .client_disconnect_timeout(DISCONNECT_WITHIN)
                // Otherwise a frame that follows another waits for the peer's delayed acknowledgement of it.
                .tcp_nodelay(true)
                .on_connect_ext(move |io: &$io, data| {
                    mark(encrypted, data);
                    emulation::note_wire(io, data);
                })
                .upgrade(upgrade(Arc::clone(&door)))
                .finish(map_config(
                    app().into_factory().map_err(|error| {
                        let error: Error = error.into();
                        error.error_response()
                    }),
                    |()| AppConfig::default(),
                ))
        };
    }
    match listener.security {
        Security::Plain => builder.listen("http", listener.socket, move || {
            Gate::before(http_service!(TcpStream).tcp(), Arc::clone(&door.permits))
        }),
        Security::Tls(config) => builder.listen("https", listener.socket, move || {
            let acceptor = TlsAcceptorConfig::default().handshake_timeout(TLS_HANDSHAKE_WITHIN);
            let service = http_service!(TlsStream<TcpStream>)
                .rustls_0_23_with_config(ServerConfig::clone(&config), acceptor);
            Gate::before(service, Arc::clone(&door.permits))
        }),
    }
}

/// Hands every WebSocket handshake to the door as a task of its own, so that the dispatcher it came through can go.
fn upgrade<T: Transport>(
    door: Arc<Door>,
) -> impl ServiceFactory<(Request, Framed<T, Codec>), Config = (), Response = (), Error = NoError, InitError = ()>
{
    fn_service(move |(request, framed): (Request, Framed<T, Codec>)| -> Ready<Result<(), NoError>> {
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
