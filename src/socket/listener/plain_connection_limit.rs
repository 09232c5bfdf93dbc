//! [`PlainConnectionLimit`]: the maximum number of plain connections per address. A plain connection is not, or not yet, a
//! WebSocket or a stream.
//!
//! Before its first request, only the peer address of a connection is known. A client with many connections and no complete
//! request must not use up the places of other clients. A connection that becomes a WebSocket or a stream counts among the
//! sockets from then on.
//!
//! Connections of a trusted proxy have no limit per address, because they carry the requests of many clients. The head of each
//! request names its client, and the request takes a place under the address of that client (`http_deadline::request_tracker`).
//! The HTTP server limits the number of all plain connections of a worker, those of proxies included.
//!
//! When places run out, the connection that has waited longest for its next request is closed (`plain_connections`).

use std::{
    future::Future,
    os::fd::AsRawFd as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_service::{Service, ServiceFactory};
use domain::client::address;

use super::plain_connections;
use crate::socket::{
    admission::connection_limits::KeyedPermit, shared::SocketContext, websocket::socket_stream::SocketStream,
};

/// The service `inner`, which gets only the connections within the limit.
pub(crate) struct PlainConnectionLimit<S> {
    inner: S,
    context: Arc<SocketContext>,
    /// The maximum number of plain connections per worker.
    of_worker: usize,
}

impl<S> PlainConnectionLimit<S> {
    /// `of_worker`: the maximum number of plain connections per worker. The HTTP server enforces it.
    pub(crate) fn around(inner: S, context: Arc<SocketContext>, of_worker: usize) -> Self {
        Self { inner, context, of_worker }
    }
}

impl<S, T> ServiceFactory<T> for PlainConnectionLimit<S>
where
    T: SocketStream,
    S: ServiceFactory<T, Config = (), Response = ()>,
    S::Error: 'static,
    S::Future: 'static,
    S::Service: 'static,
    <S::Service as Service<T>>::Future: 'static,
{
    type Response = ();
    type Error = S::Error;
    type Config = ();
    type Service = PlainConnectionLimit<S::Service>;
    type InitError = S::InitError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Service, Self::InitError>>>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (inner, context, of_worker) =
            (self.inner.new_service(()), Arc::clone(&self.context), self.of_worker);
        Box::pin(async move { Ok(PlainConnectionLimit { inner: inner.await?, context, of_worker }) })
    }
}

impl<S, T> Service<T> for PlainConnectionLimit<S>
where
    T: SocketStream,
    S: Service<T, Response = ()>,
    S::Error: 'static,
    S::Future: 'static,
{
    type Response = ();
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), S::Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, stream: T) -> Self::Future {
        plain_connections::free_place(self.of_worker);
        let peer = stream.peer().map(|peer| peer.ip());
        let address = peer.filter(|peer| !self.context.is_trusted_proxy(*peer)).map(address::limit_key);
        let place = address.as_ref().and_then(|address| take_place(&self.context, address));
        if peer.is_none() || (address.is_some() && place.is_none()) {
            metrics::counter!("connections_refused_total").increment(1);
            return Box::pin(std::future::ready(Ok(())));
        }
        let entry = plain_connections::open(stream.descriptor().as_raw_fd(), address, place);
        let served = self.inner.call(stream);
        Box::pin(async move {
            let result = served.await;
            drop(entry);
            result
        })
    }
}

/// Takes a place of this address. If all are taken, closes a waiting connection of this worker and address, and takes over its
/// place. `None` if there is no such connection.
fn take_place(context: &SocketContext, address: &str) -> Option<KeyedPermit<String>> {
    context.permits.take_plain(address.to_owned()).or_else(|| plain_connections::place_of_waiting(address))
}
