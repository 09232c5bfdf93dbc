//! [`PlainConnection`]: a plain connection of this worker. A plain connection is not, or not yet, a WebSocket or a stream. When
//! places run out, the connection that has waited longest for its next request is closed.
//!
//! `plain_connection_limit` adds each connection to the list of its worker. The deadline of a connection
//! (`http_deadline::state`) reports when the connection begins to wait and when it stops waiting. All connections of a worker
//! live on one thread, so each thread has a list of its own. A worker closes only its own connections.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    os::fd::RawFd,
    rc::Rc,
    task::Waker,
};

use crate::socket::admission::connection_limits::KeyedPermit;

/// A plain connection.
#[derive(Default)]
pub(crate) struct PlainConnection {
    /// The address that the connection counts for; `None` for a trusted proxy.
    address: Option<String>,
    /// The place that the connection takes under this address.
    place: Cell<Option<KeyedPermit<String>>>,
    /// While the connection waits for its next request: its number in the order of waiting.
    turn: Cell<Option<u64>>,
    /// Whether the connection is still a plain connection of this worker.
    open: Cell<bool>,
    /// Whether the connection must close.
    shed: Cell<bool>,
    /// Wakes the task that serves the connection.
    waker: Cell<Option<Waker>>,
}

/// The plain connections of a worker.
#[derive(Default)]
struct Worker {
    /// The connections, by file descriptor. The two services that count and that serve a connection share only the descriptor.
    open: HashMap<RawFd, Rc<PlainConnection>>,
    /// The connections that wait for their next request. The one that has waited longest is the first.
    waiting: BTreeMap<u64, Rc<PlainConnection>>,
    /// The last number that a waiting connection got (`turn`).
    turns: u64,
}

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::default();
}

/// Acts on the list of this thread. `None` if the thread is ending.
fn worker<T>(act: impl FnOnce(&mut Worker) -> T) -> Option<T> {
    WORKER.try_with(|worker| act(&mut worker.borrow_mut())).ok()
}

/// An entry in the list; dropping it removes the connection.
pub(crate) struct Entry(RawFd);

/// Adds a connection to the list.
pub(crate) fn open(descriptor: RawFd, address: Option<String>, place: Option<KeyedPermit<String>>) -> Entry {
    let connection =
        PlainConnection { address, place: Cell::new(place), open: Cell::new(true), ..Default::default() };
    worker(|worker| worker.open.insert(descriptor, Rc::new(connection)));
    Entry(descriptor)
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(left) = worker(|worker| worker.open.remove(&self.0)).flatten() {
            left.is_busy();
            left.open.set(false);
            left.place.take();
        }
    }
}

/// The connection with this descriptor. Without one, returns a connection that is in no list and is never closed.
pub(crate) fn of(descriptor: RawFd) -> Rc<PlainConnection> {
    worker(|worker| worker.open.get(&descriptor).map(Rc::clone)).flatten().unwrap_or_default()
}

/// Called before this worker, which may have `limit` connections, opens another one. If at most an eighth of its places are
/// free, closes the connection that has waited longest.
pub(crate) fn free_place(limit: usize) {
    worker(|worker| {
        if worker.open.len() >= limit - (limit / 8).max(1)
            && let Some((_, longest)) = worker.waiting.pop_first()
        {
            longest.close();
        }
    });
}

/// Closes the connection of this address that has waited longest, and returns its place.
pub(crate) fn place_of_waiting(address: &str) -> Option<KeyedPermit<String>> {
    let place = worker(|worker| {
        let mut waiting = worker.waiting.iter();
        let turn =
            waiting.find(|(_, waits)| waits.address.as_deref() == Some(address)).map(|(turn, _)| *turn);
        let longest = worker.waiting.remove(&turn?)?;
        longest.close();
        longest.place.take()
    });
    place.flatten()
}

impl PlainConnection {
    /// Notes that the connection waits for its next request.
    pub(crate) fn waits(self: &Rc<Self>) {
        if self.turn.get().is_none() && self.open.get() {
            worker(|worker| {
                worker.turns += 1;
                self.turn.set(Some(worker.turns));
                worker.waiting.insert(worker.turns, Rc::clone(self));
            });
        }
    }

    /// Notes that the connection does not wait any more.
    pub(crate) fn is_busy(&self) {
        if let Some(turn) = self.turn.take() {
            worker(|worker| worker.waiting.remove(&turn));
        }
    }

    /// Whether the connection must close. While the connection waits, `waker` is woken as soon as the connection must close.
    pub(crate) fn is_shed(&self, waker: &Waker) -> bool {
        if self.turn.get().is_some() {
            self.waker.set(Some(waker.clone()));
        }
        self.shed.get()
    }

    fn close(&self) {
        metrics::counter!("connections_shed_total").increment(1);
        self.turn.take();
        self.shed.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each of these connections must close.
    fn shed(connections: &[Rc<PlainConnection>]) -> Vec<bool> {
        connections.iter().map(|connection| connection.is_shed(Waker::noop())).collect()
    }

    #[test]
    fn near_the_limit_the_connection_that_has_waited_longest_is_closed() {
        let entries: Vec<_> = (0..7).map(|descriptor| open(descriptor, None, None)).collect();
        let all: Vec<_> = (0..7).map(of).collect();
        for waits in [2, 4, 1] {
            all[waits].waits();
        }
        free_place(9);
        assert_eq!(shed(&all), [false; 7], "places are free");
        free_place(8);
        all[4].is_busy();
        free_place(8);
        assert_eq!(shed(&all), [false, true, true, false, false, false, false]);
        free_place(8);
        assert!(!shed(&all)[4], "a busy connection stays open");
        drop(entries);
        WORKER.with_borrow(|worker| assert!(worker.open.is_empty() && worker.waiting.is_empty()));
    }

    #[test]
    fn only_a_waiting_connection_of_the_same_address_is_closed() {
        let address = |name: &str| Some(name.to_owned());
        let _entries = [open(1, address("a"), None), open(2, address("b"), None)];
        of(1).waits();
        assert!(place_of_waiting("b").is_none() && !of(1).is_shed(Waker::noop()));
        place_of_waiting("a");
        assert!(of(1).is_shed(Waker::noop()));
    }

    #[test]
    fn a_connection_that_is_no_longer_plain_never_waits() {
        let entry = open(1, None, None);
        let stream = of(1);
        drop(entry);
        stream.waits();
        free_place(1);
        assert!(!stream.is_shed(Waker::noop()));
    }
}
