//! [`PlainConnectionLimit`]: the maximum number of plain connections per address. A plain connection is not, or not yet, a WebSocket
//! or a stream.
//!
//! Before its first request, only the peer address of a connection is known. A client that opens many connections and never
//! finishes a request must not use up the connections of other clients. A connection that becomes a WebSocket or a stream counts
//! among the sockets from then on.
//!
//! A trusted proxy carries the connections of many clients, so it has no limit here. Its clients are counted by their own addresses
//! when the head of a request names them (`http_deadline::request_tracker`). The server's limit in total applies to all.

use std::{
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_rt::net::TcpStream;
use actix_service::{Service, ServiceFactory};
use domain::client::address;

use crate::socket::{admission::connection_limits::KeyedPermit, shared::SocketContext};

/// A service with the limit in front of it.
pub(crate) struct PlainConnectionLimit<S> {
    inner: S,
    context: Arc<SocketContext>,
}

impl<S> PlainConnectionLimit<S> {
    pub(crate) fn around(inner: S, context: Arc<SocketContext>) -> Self {
        Self { inner, context }
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
        let (inner, context) = (self.inner.new_service(()), Arc::clone(&self.context));
        Box::pin(async move { Ok(PlainConnectionLimit { inner: inner.await?, context }) })
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
        let place = stream.peer_addr().ok().and_then(|peer| take_place(&self.context, peer.ip()));
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

/// The place of a connection of this peer; `Some(None)` for a trusted proxy. `None` if the limit is reached.
fn take_place(context: &SocketContext, peer: IpAddr) -> Option<Option<KeyedPermit<String>>> {
    if context.is_trusted_proxy(peer) {
        return Some(None);
    }
    context.permits.take_plain(address::limit_key(peer)).map(Some)
}
