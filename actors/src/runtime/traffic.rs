//! [`Traffic`]: how much this node does, since it started. Operators see it; the same numbers are metrics.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use super::sessions::types::Transport;

/// Counts open connections by transport, publications and deliveries. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    connections: [AtomicUsize; Transport::ALL.len()],
    publications: AtomicU64,
    deliveries: AtomicU64,
}

/// An open connection, which is counted until this value is dropped.
#[derive(Debug)]
pub struct CountedConnection {
    traffic: Traffic,
    transport: Transport,
}

impl Traffic {
    /// Counts a connection.
    #[must_use]
    pub fn open(&self, transport: Transport) -> CountedConnection {
        self.0.connections[transport as usize].fetch_add(1, Ordering::Relaxed);
        metrics::gauge!("connections", "transport" => transport.as_str()).increment(1);
        CountedConnection { traffic: self.clone(), transport }
    }

    /// Counts a publication that was delivered to so many subscribers.
    pub(crate) fn delivered(&self, subscribers: u64) {
        self.0.publications.fetch_add(1, Ordering::Relaxed);
        self.0.deliveries.fetch_add(subscribers, Ordering::Relaxed);
        metrics::counter!("publications_total").increment(1);
        metrics::counter!("deliveries_total").increment(subscribers);
    }

    /// The number of open connections of this transport, with and without a session.
    #[must_use]
    pub fn connections(&self, transport: Transport) -> usize {
        self.0.connections[transport as usize].load(Ordering::Relaxed)
    }

    /// The number of publications since the start.
    #[must_use]
    pub fn publications(&self) -> u64 {
        self.0.publications.load(Ordering::Relaxed)
    }

    /// The number of deliveries to single subscribers since the start.
    #[must_use]
    pub fn deliveries(&self) -> u64 {
        self.0.deliveries.load(Ordering::Relaxed)
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.traffic.0.connections[self.transport as usize].fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("connections", "transport" => self.transport.as_str()).decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_counted_until_it_is_dropped() {
        let traffic = Traffic::default();
        let (one, two) = (traffic.open(Transport::Sse), traffic.open(Transport::WebSocket));
        assert_eq!(Transport::ALL.map(|transport| traffic.connections(transport)), [1, 0, 1]);
        drop(one);
        assert_eq!(Transport::ALL.map(|transport| traffic.connections(transport)), [1, 0, 0]);
        drop(two);
        traffic.delivered(7);
        traffic.delivered(3);
        assert_eq!((traffic.publications(), traffic.deliveries()), (2, 10));
    }
}
