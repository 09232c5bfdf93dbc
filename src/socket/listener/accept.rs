//! Accepts connections: listener → TLS → HTTP/1.1 → the REST application, or the WebSocket handshake.
//!
//! WebSocket handshakes do not reach actix-web: the upgrade service receives the parsed request and the raw stream. So an open
//! socket holds neither actix-web's dispatcher nor its buffers. The composition root calls [`serve`]. Each worker has one
//! `HttpService` per listener.

use std::{
    fmt::Debug,
    future::Ready,
    io,
    net::TcpListener,
    os::{fd::AsRawFd as _, unix::net::UnixListener},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_codec::Framed;
use actix_http::{Extensions, HttpService, KeepAlive, Protocol, Request, Response, h1::Codec};
use actix_rt::net::{TcpStream, UnixStream};
use actix_server::{Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service, map_config,
};
use actix_tls::accept::{TlsError, rustls_0_23::TlsStream};
use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::AppConfig,
};
use rustls::pki_types::CertificateDer;

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
        tls_handshakes::{TlsConfig, TlsHandshakes},
        worker_lag,
    },
    shared::SocketContext,
    websocket::{handshake, socket_stream::SocketStream},
};

const REQUEST_HEAD_WITHIN: Duration = Duration::from_secs(5);
const DISCONNECT_WITHIN: Duration = Duration::from_secs(1);
/// Maximum number of connections that wait to be accepted; the kernel may limit it further.
const BACKLOG: u32 = 4096;

/// A bound listening socket, and how its connections are served.
pub enum Listener {
    /// Plain HTTP: on loopback, or behind a proxy.
    Plain {
        /// The listening socket.
        socket: TcpListener,
        /// Whether requests are only redirected to HTTPS, and WebSockets are refused.
        redirects: bool,
        /// Whether this is the listener of the console.
        console: bool,
    },
    /// TLS.
    Tls {
        /// The listening socket.
        socket: TcpListener,
        /// The TLS settings, which can be replaced: each new connection uses those of its moment.
        config: TlsConfig,
        /// Whether this is the listener of the console.
        console: bool,
    },
    /// Plain HTTP over a Unix socket.
    Unix(UnixListener),
}

/// Facts about a connection, from the listener to the REST application.
pub struct ConnectionFacts<'a> {
    /// Whether the connection uses TLS.
    pub encrypted: bool,
    /// Whether requests over it are only redirected to HTTPS.
    pub redirects: bool,
    /// Whether the listener is that of the console.
    pub console: bool,
    /// The certificate that the client has shown in the TLS handshake, and the certificates that lead to its authority. The
    /// handshake has verified them, or has resumed an earlier session whose handshake did. Empty without a certificate.
    pub client_certificates: &'a [CertificateDer<'static>],
}

/// Stores these facts in the data of a connection.
pub type Mark = Arc<dyn Fn(&ConnectionFacts<'_>, &mut Extensions) + Send + Sync>;

/// A server for these listeners. `app` answers REST requests, `context` serves sockets. `plain_connections` is the maximum
/// number of plain connections. Each worker may have an equal part of this number, but at least 16 connections. A worker that
/// has this many accepts no further connection. The server runs when it is awaited.
///
/// # Errors
/// If a listener cannot be used.
pub fn serve<F, I, S, B>(
    listeners: Vec<Listener>,
    workers: usize,
    plain_connections: usize,
    context: &Arc<SocketContext>,
    mark: &Mark,
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
        builder = listen(builder, listener, Arc::clone(context), Arc::clone(mark), of_worker, app.clone())?;
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
    let encrypted = matches!(listener, Listener::Tls { .. });
    let redirects = matches!(listener, Listener::Plain { redirects: true, .. });
    let console =
        matches!(listener, Listener::Plain { console: true, .. } | Listener::Tls { console: true, .. });
    let http_timeouts = context.settings.http_timeouts;
    macro_rules! http_service {
        ($io:ty) => {{
            worker_lag::watch();
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
                .on_connect_ext({
                    let mark = Arc::clone(&mark);
                    move |io: &DeadlineStream<$io>, data| {
                        let client_certificates = io.get_ref().client_certificates();
                        mark(&ConnectionFacts { encrypted, redirects, console, client_certificates }, data);
                        peer::store_descriptor(io.get_ref(), data);
                        data.insert(Rc::clone(io.deadline()));
                    }
                })
                .upgrade(upgrade(Arc::clone(&context), redirects))
                .finish(apply_fn_factory(app, {
                    let context = Arc::clone(&context);
                    move |request, app: &_| request_tracker::answer(request, app, &context)
                }));
            apply_fn_factory(http, move |io: $io, http| {
                io.send_at_once();
                let connection = plain_connections::of(io.descriptor().as_raw_fd());
                let deadline = Rc::new(HttpDeadline::new(http_timeouts, connection));
                let peer_address = io.peer();
                let served =
                    http.call((DeadlineStream::new(io, Rc::clone(&deadline)), Protocol::Http1, peer_address));
                async move { serve_until_deadline(deadline, served).await.unwrap_or(Ok(())) }
            })
        }};
    }
    match listener {
        Listener::Plain { socket, .. } => builder.listen("http", socket, move || {
            PlainConnectionLimit::around(http_service!(TcpStream), Arc::clone(&context), of_worker)
        }),
        Listener::Unix(socket) => builder.listen_uds("http over a Unix socket", socket, move || {
            PlainConnectionLimit::around(http_service!(UnixStream), Arc::clone(&context), of_worker)
        }),
        Listener::Tls { socket, config, .. } => builder.listen("https", socket, move || {
            let acceptor = TlsHandshakes::factory(Arc::clone(&config)).map_err(|error| {
                note_refused_certificate(&error);
                error.into_service_error()
            });
            let service = acceptor.and_then(http_service!(TlsStream<TcpStream>).map_err(TlsError::Service));
            PlainConnectionLimit::around(service, Arc::clone(&context), of_worker)
        }),
    }
}

/// Reports a client certificate that the handshake has refused. The client learns this only as a TLS alert, or as a connection
/// that ends.
fn note_refused_certificate<S>(error: &TlsError<io::Error, S>) {
    let TlsError::Tls(error) = error else { return };
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::InvalidCertificate(reason)) = cause {
        metrics::counter!("client_certificates_refused_total").increment(1);
        tracing::info!(%reason, "the TLS handshake refused a client certificate");
    }
}

/// Handles every WebSocket handshake in a task of its own, so that the dispatcher of the request can be dropped. A listener that
/// redirects to HTTPS refuses handshakes, because clients of WebSockets follow no redirects.
fn upgrade<T: SocketStream>(
    context: Arc<SocketContext>,
    redirects: bool,
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
            actix_rt::spawn(handshake::open(Arc::clone(&context), request, framed, redirects));
            std::future::ready(Ok(()))
        },
    )
}

/// The error type of the upgrade service, which cannot fail. The HTTP service requires an error type that can be displayed and
/// turned into a response.
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
