//! [`PlainConnectionLimit`]: the maximum number of plain connections per address. Plain: not, or not yet, a WebSocket.
//!
//! Before its first request, only the peer address of a connection is known. A client that opens many connections and never
//! finishes a request must not use up the connections of other clients. An upgraded connection is not counted here any more,
//! but among the sockets.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_rt::net::TcpStream;
use actix_service::{Service, ServiceFactory};
use domain::client::address;

use crate::socket::admission::connection_limits::Permits;

/// A service with the limit in front of it.
pub(crate) struct PlainConnectionLimit<S> {
    inner: S,
    permits: Arc<Permits>,
}

impl<S> PlainConnectionLimit<S> {
    pub(crate) fn around(inner: S, permits: Arc<Permits>) -> Self {
        Self { inner, permits }
    }
}

impl<S> ServiceFactory<TcpStream> for PlainConnectionLimit<S>
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
    type Service = PlainConnectionLimit<S::Service>;
    type InitError = S::InitError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Service, Self::InitError>>>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (inner, permits) = (self.inner.new_service(()), Arc::clone(&self.permits));
        Box::pin(async move { Ok(PlainConnectionLimit { inner: inner.await?, permits }) })
    }
}

impl<S> Service<TcpStream> for PlainConnectionLimit<S>
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
        let permit = stream
            .peer_addr()
            .ok()
            .and_then(|peer| self.permits.take_plain(address::limit_key(address::canonical(peer.ip()))));
        let Some(permit) = permit else {
            metrics::counter!("connections_refused_total").increment(1);
            return Box::pin(std::future::ready(Ok(())));
        };
        let served = self.inner.call(stream);
        Box::pin(async move {
            let result = served.await;
            drop(permit);
            result
        })
    }
}
