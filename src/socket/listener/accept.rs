//! Accepts connections: listener → TLS → HTTP/1.1 → the REST application, or the WebSocket handshake.
//!
//! Upgrade requests do not reach actix-web: the upgrade service receives the parsed request and the raw stream, so that an open
//! socket holds neither a dispatcher nor its buffers. The composition root calls [`serve`]. Each worker has one `HttpService`
//! per listener.

use std::{
    fmt::Debug, future::Ready, io, net::TcpListener, os::fd::AsRawFd as _, rc::Rc, sync::Arc, time::Duration,
};

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
    emulation::peer,
    listener::{
        declined_upgrade,
        http_deadline::{
            request_tracker,
            state::{HttpDeadline, serve_until_deadline},
            stream::DeadlineStream,
        },
        plain_connection_limit::PlainConnectionLimit,
        plain_connections,
    },
    shared::SocketContext,
    websocket::{handshake, tcp::SocketStream},
};

const REQUEST_HEAD_WITHIN: Duration = Duration::from_secs(5);
const DISCONNECT_WITHIN: Duration = Duration::from_secs(1);
const TLS_HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// Maximum number of connections that wait to be accepted; the kernel may limit it further.
const BACKLOG: u32 = 4096;

/// A bound address.
pub struct Listener {
    /// The listening socket.
    pub socket: TcpListener,
    /// The encryption of its connections.
    pub security: Security,
}

/// The encryption of connections.
#[derive(Clone)]
pub enum Security {
    /// None: on loopback, or behind a proxy.
    Plain,
    /// TLS.
    Tls(Arc<ServerConfig>),
}

/// Stores in the data of a connection whether it is encrypted, for the REST application.
pub type Mark = fn(encrypted: bool, data: &mut Extensions);

/// A server for these listeners. `app` answers REST requests, `context` serves sockets. While `plain_connections` plain connections
/// are open, no more connections are accepted. The server runs when it is awaited.
///
/// # Errors
/// If a listener cannot be used.
pub fn serve<F, I, S, B>(
    listeners: Vec<Listener>,
    workers: usize,
    plain_connections: usize,
    context: &Arc<SocketContext>,
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
    let of_worker = (plain_connections / workers.max(1)).max(16);
    let mut builder = Server::build()
        .workers(workers)
        .backlog(BACKLOG)
        .max_concurrent_connections(of_worker)
        .disable_signals()
        .shutdown_timeout(5);
    for listener in listeners {
        builder = listen(builder, listener, Arc::clone(context), mark, of_worker, app.clone())?;
    }
    Ok(builder.run())
}

fn listen<F, I, S, B>(
    builder: ServerBuilder,
    listener: Listener,
    context: Arc<SocketContext>,
    mark: Mark,
    of_worker: usize,
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
    let http_timeouts = context.settings.http_timeouts;
    macro_rules! http_service {
        ($io:ty) => {{
            let app = app().into_factory().map_err(|error| {
                let error: Error = error.into();
                error.error_response()
            });
            let app = map_config(app, |()| AppConfig::default());
            let app = apply_fn_factory(app, declined_upgrade::answer);
            let http = HttpService::build()
                .keep_alive(KeepAlive::Timeout(http_timeouts.keep_alive))
                .client_request_timeout(REQUEST_HEAD_WITHIN)
                .client_disconnect_timeout(DISCONNECT_WITHIN)
                .on_connect_ext(move |io: &DeadlineStream<$io>, data| {
                    mark(encrypted, data);
                    peer::store_descriptor(io.get_ref(), data);
                    data.insert(Rc::clone(io.deadline()));
                })
                .upgrade(upgrade(Arc::clone(&context)))
                .finish(apply_fn_factory(app, {
                    let context = Arc::clone(&context);
                    move |request, app: &_| request_tracker::answer(request, app, &context)
                }));
            apply_fn_factory(http, move |io: $io, http| {
                // Without TCP_NODELAY, a second frame waits for the delayed acknowledgement of the first one.
                let _ = io.tcp().set_nodelay(true);
                let connection = plain_connections::of(io.tcp().as_raw_fd());
                let deadline = Rc::new(HttpDeadline::new(http_timeouts, connection));
                let peer_address = io.tcp().peer_addr().ok();
                let served =
                    http.call((DeadlineStream::new(io, Rc::clone(&deadline)), Protocol::Http1, peer_address));
                async move { serve_until_deadline(deadline, served).await.unwrap_or(Ok(())) }
            })
        }};
    }
    match listener.security {
        Security::Plain => builder.listen("http", listener.socket, move || {
            PlainConnectionLimit::around(http_service!(TcpStream), Arc::clone(&context), of_worker)
        }),
        Security::Tls(config) => builder.listen("https", listener.socket, move || {
            let mut acceptor = Acceptor::new(http_only(&config));
            acceptor.set_handshake_timeout(TLS_HANDSHAKE_WITHIN);
            let acceptor = acceptor.map_init_err(|()| ()).map_err(TlsError::into_service_error);
            let service = acceptor.and_then(http_service!(TlsStream<TcpStream>).map_err(TlsError::Service));
            PlainConnectionLimit::around(service, Arc::clone(&context), of_worker)
        }),
    }
}

/// The same configuration, with HTTP/1.1 as the only negotiated protocol (RFC 7301).
fn http_only(config: &ServerConfig) -> ServerConfig {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// Handles every WebSocket handshake in a task of its own, so that the dispatcher of the request can be dropped.
fn upgrade<T: SocketStream>(
    context: Arc<SocketContext>,
) -> impl ServiceFactory<
    (Request, Framed<DeadlineStream<T>, Codec>),
    Config = (),
    Response = (),
    Error = NoError,
    InitError = (),
> {
    fn_service(
        move |(request, framed): (Request, Framed<DeadlineStream<T>, Codec>)| -> Ready<Result<(), NoError>> {
            let framed = framed.into_map_io(DeadlineStream::into_inner);
            actix_rt::spawn(handshake::open(Arc::clone(&context), request, framed));
            std::future::ready(Ok(()))
        },
    )
}

/// The error type of the upgrade service, which cannot fail. The HTTP service requires one that can be displayed and answered.
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
