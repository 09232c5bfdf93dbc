//! [`DeliveryGate`]: the switch of the node behind which deliveries wait while it cannot hear of revocations.
//!
//! All outboxes of a node share one gate and consult it where frames leave them: one relaxed load. While the gate is closed, an
//! outbox lets only replies of its own connection pass. A connection that has more to send registers here, so that the gate
//! wakes the connections that wait and no others. `Realtime` closes and opens it. It knows no time: `now` is an argument.
//!
//! Bound: one entry per connection and closing, dropped when the connection is ended or the gate opens.

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
    /// The gate is open: sends what waited.
    fn resume(&self);

    /// It has waited for too long: ends it.
    fn give_up(&self);
}

/// The number of one closing of the gate; never 0.
pub(crate) type Closing = u64;

/// The gate. It is open at first.
#[derive(Default)]
pub(crate) struct DeliveryGate {
    /// Odd while the gate is closed, and then the number of the closing.
    turns: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The time of the last report.
    now: Option<Instant>,
    /// The connections that wait, the longest waiting first.
    held: VecDeque<(Instant, Weak<dyn HeldConnection>)>,
}

impl DeliveryGate {
    /// Whether deliveries are held back. One relaxed load.
    pub(crate) fn is_closed(&self) -> bool {
        self.closing().is_some()
    }

    /// The closing that deliveries wait for.
    pub(crate) fn closing(&self) -> Option<Closing> {
        Some(self.turns.load(Ordering::Relaxed)).filter(|turns| turns % 2 == 1)
    }

    /// Registers a connection that waits. `None` if the gate is open meanwhile, so that there is nothing to wait for.
    pub(crate) fn register(&self, connection: Weak<dyn HeldConnection>) -> Option<Closing> {
        let mut state = self.state.lock();
        let (closing, since) = (self.closing()?, state.now?);
        state.held.push_back((since, connection));
        Some(closing)
    }

    /// Closes the gate, or, if it is closed, reports the time.
    pub(crate) fn close(&self, now: Instant) {
        let mut state = self.state.lock();
        state.now = Some(now);
        if !self.is_closed() {
            self.turns.fetch_add(1, Ordering::Release);
        }
    }

    /// Opens the gate. Returns the connections that waited; the caller resumes them.
    pub(crate) fn open(&self) -> VecDeque<Weak<dyn HeldConnection>> {
        let mut state = self.state.lock();
        if self.is_closed() {
            self.turns.fetch_add(1, Ordering::Release);
        }
        mem::take(&mut state.held).into_iter().map(|(_, connection)| connection).collect()
    }

    /// Takes out the connections that had waited for `limit` at the last report, at most `count`. The caller ends them.
    pub(crate) fn take_overdue(&self, limit: Duration, count: usize) -> Vec<Weak<dyn HeldConnection>> {
        let mut state = self.state.lock();
        let now = state.now;
        let overdue = |since: Instant| now.is_some_and(|now| now.saturating_duration_since(since) >= limit);
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

    #[test]
    fn an_open_gate_registers_no_connection() {
        let gate = DeliveryGate::default();
        assert!(!gate.is_closed() && gate.register(connection()).is_none());
        gate.close(Instant::now());
        assert!(gate.is_closed() && gate.register(connection()).is_some());
        assert_eq!(gate.open().len(), 1);
        assert!(!gate.is_closed() && gate.register(connection()).is_none() && gate.held() == 0);
    }

    #[test]
    fn each_closing_has_a_number_of_its_own() {
        let gate = DeliveryGate::default();
        gate.close(Instant::now());
        let first = gate.closing();
        gate.close(Instant::now());
        assert_eq!(gate.closing(), first, "it was closed already");
        gate.open();
        gate.open();
        gate.close(Instant::now());
        assert!(first.is_some() && gate.closing().is_some() && gate.closing() != first);
    }

    #[test]
    fn connections_are_overdue_in_the_order_in_which_they_came() {
        let (gate, began, second) = (DeliveryGate::default(), Instant::now(), Duration::from_secs(1));
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
}
