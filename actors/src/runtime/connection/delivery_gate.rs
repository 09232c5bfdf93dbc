//! [`DeliveryGate`]: the switch behind which the deliveries of this node wait while the node is stale.
//!
//! All outboxes of a node share one gate, and consult it when frames leave. This costs two relaxed loads and one reading of the
//! clock. While the gate is closed, only frames of the connection's own task (replies and pings) and refusals of its commands
//! leave an outbox (see `outbox`). A connection with other queued frames registers here, so that the gate wakes only
//! connections that wait. `Realtime` closes and opens the gate. The gate has no clock: `now` is an argument.
//!
//! The gate also closes if it was not renewed in time. Then the next check closes it: a shard checks the gate before it
//! delivers, and an outbox checks it before frames leave. So after a pause, a process holds back the deliveries from before the
//! pause, even if the task that closes the gate runs later.
//!
//! Bound: one entry per connection and closing. The entry is dropped when the connection has waited too long or the gate opens.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// A connection with deliveries that wait for the gate.
pub(crate) trait HeldConnection: Send + Sync {
    /// Called after the gate has opened: wakes the connection's own task to send the waiting frames.
    fn resume(&self);

    /// Called when the connection has waited too long: ends it.
    fn give_up(&self);
}

/// The number of one closing of the gate; never 0.
pub(crate) type Closing = u64;

/// The gate. It is open at first.
pub(crate) struct DeliveryGate {
    /// Grows by one whenever the gate closes or opens. It is odd while the gate is closed, and is then the number of this
    /// closing.
    turns: AtomicU64,
    origin: Instant,
    /// Until when the gate stays open without being renewed, in milliseconds after `origin`.
    until_ms: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The time of the last call of [`DeliveryGate::close`] in this closing.
    now: Option<Instant>,
    /// The connections that wait, the longest waiting first. The time of a connection is that of the last call of `close`
    /// before the connection registered. If this closing had no such call yet, the next call sets the time.
    held: VecDeque<(Option<Instant>, Weak<dyn HeldConnection>)>,
}

impl DeliveryGate {
    /// An open gate. Before the first call of [`Self::renew`], only [`Self::close`] closes it.
    pub(crate) fn new(now: Instant) -> Self {
        let (turns, until_ms) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Self { turns, origin: now, until_ms, state: Mutex::default() }
    }

    /// Whether deliveries are held back. One relaxed load.
    pub(crate) fn is_closed(&self) -> bool {
        self.closing().is_some()
    }

    /// The closing that deliveries wait for; `None` if the gate is open.
    pub(crate) fn closing(&self) -> Option<Closing> {
        Some(self.turns.load(Ordering::Relaxed)).filter(|turns| turns % 2 == 1)
    }

    /// Registers a connection that waits. `None` if the gate is open now, so that there is nothing to wait for.
    pub(crate) fn register(&self, connection: Weak<dyn HeldConnection>) -> Option<Closing> {
        let mut state = self.state.lock();
        let (closing, since) = (self.closing()?, state.now);
        state.held.push_back((since, connection));
        Some(closing)
    }

    /// Keeps an open gate open until `until`, unless it is closed or renewed before. Does not open a closed gate.
    pub(crate) fn renew(&self, until: Instant) {
        self.until_ms.store(self.millis(until), Ordering::Release);
    }

    /// Closes the gate if it was not renewed in time.
    pub(crate) fn close_if_due(&self, now: Instant) {
        if self.millis(now) >= self.until_ms.load(Ordering::Relaxed) {
            let _state = self.state.lock();
            self.shut();
        }
    }

    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }

    /// Closes the gate. Must be called only while the state is locked.
    fn shut(&self) {
        if !self.is_closed() {
            self.turns.fetch_add(1, Ordering::Release);
        }
    }

    /// Closes the gate. If the gate is closed already, updates only the time.
    pub(crate) fn close(&self, now: Instant) {
        let mut state = self.state.lock();
        state.now = Some(now);
        for (since, _) in state.held.iter_mut().rev().take_while(|(since, _)| since.is_none()) {
            *since = Some(now);
        }
        self.shut();
    }

    /// Opens the gate. Returns the connections that waited; the caller resumes them.
    pub(crate) fn open(&self) -> VecDeque<Weak<dyn HeldConnection>> {
        let mut state = self.state.lock();
        if self.is_closed() {
            self.turns.fetch_add(1, Ordering::Release);
        }
        state.now = None;
        mem::take(&mut state.held).into_iter().map(|(_, connection)| connection).collect()
    }

    /// Removes at most `count` connections that had waited for `limit` when `close` was last called. The caller ends them.
    pub(crate) fn take_overdue(&self, limit: Duration, count: usize) -> Vec<Weak<dyn HeldConnection>> {
        let mut state = self.state.lock();
        let now = state.now;
        let overdue = |since: Option<Instant>| {
            let waited = now.zip(since).map(|(now, since)| now.saturating_duration_since(since));
            waited.is_some_and(|waited| waited >= limit)
        };
        let late = state.held.iter().take(count).take_while(|(since, _)| overdue(*since)).count();
        state.held.drain(..late).map(|(_, connection)| connection).collect()
    }

    /// How many connections wait.
    pub(crate) fn held(&self) -> usize {
        self.state.lock().held.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    struct Connection;

    impl HeldConnection for Connection {
        fn resume(&self) {}

        fn give_up(&self) {}
    }

    fn connection() -> Weak<dyn HeldConnection> {
        Arc::downgrade(&(Arc::new(Connection) as Arc<dyn HeldConnection>))
    }

    fn gate() -> DeliveryGate {
        DeliveryGate::new(Instant::now())
    }

    #[test]
    fn an_open_gate_registers_no_connection() {
        let gate = gate();
        assert!(!gate.is_closed() && gate.register(connection()).is_none());
        gate.close(Instant::now());
        assert!(gate.is_closed() && gate.register(connection()).is_some());
        assert_eq!(gate.open().len(), 1);
        assert!(!gate.is_closed() && gate.register(connection()).is_none() && gate.held() == 0);
    }

    #[test]
    fn each_closing_has_a_number_of_its_own() {
        let gate = gate();
        gate.close(Instant::now());
        let first = gate.closing();
        gate.close(Instant::now());
        assert_eq!(gate.closing(), first, "the gate was closed already");
        gate.open();
        gate.open();
        gate.close(Instant::now());
        assert!(first.is_some() && gate.closing().is_some() && gate.closing() != first);
    }

    #[test]
    fn connections_become_overdue_in_the_order_of_their_registration() {
        let (gate, began, second) = (gate(), Instant::now(), Duration::from_secs(1));
        for at in 0..3 {
            gate.close(began + second * at);
            gate.register(connection());
        }
        assert!(gate.take_overdue(3 * second, 10).is_empty());
        gate.close(began + 4 * second);
        assert_eq!(gate.take_overdue(3 * second, 1).len(), 1);
        assert_eq!(gate.take_overdue(3 * second, 10).len(), 1);
        assert_eq!((gate.take_overdue(3 * second, 10).len(), gate.held()), (0, 1));
    }

    #[test]
    fn a_gate_that_was_not_renewed_in_time_closes_at_the_next_check() {
        let (gate, began, second) = (gate(), Instant::now(), Duration::from_secs(1));
        gate.close_if_due(began + 100 * second);
        assert!(!gate.is_closed(), "the gate was never renewed");
        gate.renew(began + second);
        gate.close_if_due(began);
        assert!(!gate.is_closed());
        gate.close_if_due(began + second);
        assert!(gate.is_closed());
        // `close` has not been called, so the waiting time counts from the next call of `close`.
        gate.register(connection());
        gate.close(began + 50 * second);
        assert!(gate.take_overdue(second, 10).is_empty());
        gate.renew(began + 3 * second);
        assert_eq!(gate.open().len(), 1);
        gate.close_if_due(began + 2 * second);
        assert!(!gate.is_closed());
    }
}
