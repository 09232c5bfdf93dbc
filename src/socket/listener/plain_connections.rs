//! [`PlainConnection`]: a plain connection of this worker, and which of them give way when places run out: those that wait for
//! their next request, the longest first. Plain: not, or not yet, a WebSocket or a stream.
//!
//! `plain_connection_limit` opens them. Their deadlines (`http_deadline::state`) report when they wait and when they do not. All
//! connections of a worker live on its thread, so this is a list per thread. The list of one worker never sheds a connection of
//! another.

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
    /// What limits count it under; `None` for a trusted proxy.
    address: Option<String>,
    /// Its place among those of the address.
    place: Cell<Option<KeyedPermit<String>>>,
    /// Its place in the order of waiting, while it waits for its next request.
    turn: Cell<Option<u64>>,
    /// It is a plain connection of this worker still.
    open: Cell<bool>,
    /// It has to close.
    shed: Cell<bool>,
    /// Wakes the task that serves it.
    waker: Cell<Option<Waker>>,
}

/// The plain connections of a worker.
#[derive(Default)]
struct Worker {
    /// By their descriptors. The service that counts a connection and the one that serves it have nothing else in common.
    open: HashMap<RawFd, Rc<PlainConnection>>,
    /// Those that wait for their next request, the longest first.
    waiting: BTreeMap<u64, Rc<PlainConnection>>,
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

/// The connection with this descriptor.
pub(crate) fn of(descriptor: RawFd) -> Rc<PlainConnection> {
    worker(|worker| worker.open.get(&descriptor).map(Rc::clone)).flatten().unwrap_or_default()
}

/// Makes room for one more connection while a worker has at most `limit`: near the limit a waiting connection closes.
pub(crate) fn make_room(limit: usize) {
    worker(|worker| {
        if worker.open.len() >= limit - (limit / 8).max(1)
            && let Some((_, longest)) = worker.waiting.pop_first()
        {
            longest.close();
        }
    });
}

/// Closes the connection of this address that waits longest, and returns its place.
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
    /// The connection waits for its next request.
    pub(crate) fn waits(self: &Rc<Self>) {
        if self.turn.get().is_none() && self.open.get() {
            worker(|worker| {
                worker.turns += 1;
                self.turn.set(Some(worker.turns));
                worker.waiting.insert(worker.turns, Rc::clone(self));
            });
        }
    }

    /// The connection does not wait any more.
    pub(crate) fn is_busy(&self) {
        if let Some(turn) = self.turn.take() {
            worker(|worker| worker.waiting.remove(&turn));
        }
    }

    /// Whether it has to close. If it waits, it wakes this task when it has to.
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

    /// Whether each of these connections has to close.
    fn shed(connections: &[Rc<PlainConnection>]) -> Vec<bool> {
        connections.iter().map(|connection| connection.is_shed(Waker::noop())).collect()
    }

    #[test]
    fn near_the_limit_the_connection_that_waits_longest_gives_way() {
        let entries: Vec<_> = (0..7).map(|descriptor| open(descriptor, None, None)).collect();
        let all: Vec<_> = (0..7).map(of).collect();
        for waits in [2, 4, 1] {
            all[waits].waits();
        }
        make_room(9);
        assert_eq!(shed(&all), [false; 7], "there is room");
        make_room(8);
        all[4].is_busy();
        make_room(8);
        assert_eq!(shed(&all), [false, true, true, false, false, false, false]);
        make_room(8);
        assert!(!shed(&all)[4], "a busy connection stays");
        drop(entries);
        WORKER.with_borrow(|worker| assert!(worker.open.is_empty() && worker.waiting.is_empty()));
    }

    #[test]
    fn an_address_gives_way_to_itself_only() {
        let address = |name: &str| Some(name.to_owned());
        let _entries = [open(1, address("a"), None), open(2, address("b"), None)];
        of(1).waits();
        assert!(place_of_waiting("b").is_none() && !of(1).is_shed(Waker::noop()));
        place_of_waiting("a");
        assert!(of(1).is_shed(Waker::noop()));
    }

    #[test]
    fn what_is_no_plain_connection_any_more_never_waits() {
        let entry = open(1, None, None);
        let stream = of(1);
        drop(entry);
        stream.waits();
        make_room(1);
        assert!(!stream.is_shed(Waker::noop()));
    }
}
