//! The gate in front of everything: how many plain connections one address may hold.
//!
//! Before a connection becomes a socket (or ends as a request), nothing is known of it but its peer. A client that
//! opens many and never finishes a request must not take the places of all others. An upgraded connection leaves the
//! gate's count and enters that of the sockets.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_rt::net::TcpStream;
use actix_service::{Service, ServiceFactory};

use crate::socket::admission::connection_limits::Permits;
use domain::client::address;

/// A service behind the gate.
pub(in crate::socket) struct Gate<S> {
    inner: S,
    permits: Arc<Permits>,
}

impl<S> Gate<S> {
    pub(in crate::socket) fn before(inner: S, permits: Arc<Permits>) -> Self {
        Self { inner, permits }
    }
}

impl<S> ServiceFactory<TcpStream> for Gate<S>
where
    S: ServiceFactory<TcpStream, Config = (), Response = ()>,
    S::Error: 'static,
    S::Future: 'static,
    S::Service: 'static,
    <S::Service as Service<TcpStream>>::Future: 'static,
{
    type Response = ();
    type Error = S::Error;
    type Config = ();
    type Service = Gate<S::Service>;
    type InitError = S::InitError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Service, Self::InitError>>>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (inner, permits) = (self.inner.new_service(()), Arc::clone(&self.permits));
        Box::pin(async move { Ok(Gate { inner: inner.await?, permits }) })
    }
}

impl<S> Service<TcpStream> for Gate<S>
where
    S: Service<TcpStream, Response = ()>,
    S::Error: 'static,
    S::Future: 'static,
{
    type Response = ();
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), S::Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, stream: TcpStream) -> Self::Future {
        let place = stream
            .peer_addr()
            .ok()
            .and_then(|peer| self.permits.take_plain(address::limit_key(address::canonical(peer.ip()))));
        let Some(place) = place else {
            metrics::counter!("connections_refused_total").increment(1);
            return Box::pin(std::future::ready(Ok(())));
        };
        let served = self.inner.call(stream);
        Box::pin(async move {
            let result = served.await;
            drop(place);
            result
        })
    }
}
