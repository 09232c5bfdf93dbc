//! [`PlainConnectionLimit`]: the maximum number of plain connections per address. A plain connection is not, or not yet, a WebSocket
//! or a stream.
//!
//! Before its first request, only the peer address of a connection is known. A client that opens many connections and never
//! finishes a request must not use up the connections of other clients. A connection that becomes a WebSocket or a stream counts
//! among the sockets from then on.
//!
//! A trusted proxy brings the connections of many clients, so it has no limit here: its clients are counted by their own addresses
//! once a head names them (`http_deadline::request_tracker`). The limit in total, which the server keeps, applies to all.
//!
//! When places run out, connections that wait for their next request give way first (`plain_connections`).

use std::{
    future::Future,
    os::fd::AsRawFd as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_rt::net::TcpStream;
use actix_service::{Service, ServiceFactory};
use domain::client::address;

use super::plain_connections;
use crate::socket::{admission::connection_limits::KeyedPermit, shared::SocketContext};

/// A service with the limit in front of it.
pub(crate) struct PlainConnectionLimit<S> {
    inner: S,
    context: Arc<SocketContext>,
    /// The most plain connections of this worker.
    of_worker: usize,
}

impl<S> PlainConnectionLimit<S> {
    /// `of_worker`: the most plain connections of this worker, which the server keeps.
    pub(crate) fn around(inner: S, context: Arc<SocketContext>, of_worker: usize) -> Self {
        Self { inner, context, of_worker }
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
        let (inner, context, of_worker) =
            (self.inner.new_service(()), Arc::clone(&self.context), self.of_worker);
        Box::pin(async move { Ok(PlainConnectionLimit { inner: inner.await?, context, of_worker }) })
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
        plain_connections::make_room(self.of_worker);
        let peer = stream.peer_addr().ok().map(|peer| peer.ip());
        let address = peer.filter(|peer| !self.context.is_trusted_proxy(*peer)).map(address::limit_key);
        let place = address.as_ref().and_then(|address| take_place(&self.context, address));
        if peer.is_none() || (address.is_some() && place.is_none()) {
            metrics::counter!("connections_refused_total").increment(1);
            return Box::pin(std::future::ready(Ok(())));
        }
        let entry = plain_connections::open(stream.as_raw_fd(), address, place);
        let served = self.inner.call(stream);
        Box::pin(async move {
            let result = served.await;
            drop(entry);
            result
        })
    }
}

/// A place of this address; the one of a connection that waits for its next request if there is no other. `None` if the limit is
/// reached.
fn take_place(context: &SocketContext, address: &str) -> Option<KeyedPermit<String>> {
    context.permits.take_plain(address.to_owned()).or_else(|| plain_connections::place_of_waiting(address))
}
