//! [`TlsHandshakes`]: accepts TLS connections with settings that can be replaced while the server runs. `accept` puts it in front
//! of HTTP.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::ready,
    io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_rt::net::TcpStream;
use actix_service::{Service, ServiceFactory, fn_factory};
use actix_tls::accept::{
    TlsError,
    rustls_0_23::{Acceptor, AcceptorService, TlsStream},
};
use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use rustls::ServerConfig;

const TLS_HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);

/// The place of the TLS settings. A handshake uses the settings that are there when it begins.
pub type TlsConfig = Arc<ArcSwap<ServerConfig>>;

/// The handshakes of one worker. The library bounds how many of them are in progress at once.
pub(super) struct TlsHandshakes {
    config: TlsConfig,
    /// The acceptor of the library, and the settings that it was made from.
    acceptor: RefCell<(Arc<ServerConfig>, AcceptorService)>,
}

impl TlsHandshakes {
    pub(super) fn factory(
        config: TlsConfig,
    ) -> impl ServiceFactory<
        TcpStream,
        Config = (),
        Response = TlsStream<TcpStream>,
        Error = TlsError<io::Error, Infallible>,
        InitError = (),
        Service = Self,
    > {
        fn_factory(move || ready(Ok(Self::new(Arc::clone(&config)))))
    }

    fn new(config: TlsConfig) -> Self {
        let current = config.load_full();
        let acceptor = RefCell::new((Arc::clone(&current), acceptor(&current)));
        Self { config, acceptor }
    }
}

impl Service<TcpStream> for TlsHandshakes {
    type Response = TlsStream<TcpStream>;
    type Error = TlsError<io::Error, Infallible>;
    type Future = <AcceptorService as Service<TcpStream>>::Future;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<TcpStream>::poll_ready(&self.acceptor.borrow().1, cx)
    }

    fn call(&self, stream: TcpStream) -> Self::Future {
        let current = self.config.load();
        if !Arc::ptr_eq(&current, &self.acceptor.borrow().0) {
            *self.acceptor.borrow_mut() = (Arc::clone(&current), acceptor(&current));
        }
        self.acceptor.borrow().1.call(stream)
    }
}

fn acceptor(config: &ServerConfig) -> AcceptorService {
    let mut acceptor = Acceptor::new(config.clone());
    acceptor.set_handshake_timeout(TLS_HANDSHAKE_WITHIN);
    let made = ServiceFactory::<TcpStream>::new_service(&acceptor, ());
    // The library makes the service at once, and never fails.
    made.now_or_never().and_then(Result::ok).expect("an acceptor")
}
