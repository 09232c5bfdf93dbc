//! Watches all sockets of the scenario: which sockets must be closed, which are closed, and how long each close took.

use std::time::{Duration, Instant};

use protocol::close::CloseReason;
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout_at};

use crate::{
    connections::{Event, EventKind},
    report::{Latencies, Report},
};

/// Time limit for the closing of the sockets.
const PATIENCE: Duration = Duration::from_secs(5);

/// The state of all sockets.
pub(super) struct SocketWatch {
    events: UnboundedReceiver<Event>,
    /// The user of each connection.
    owners: Vec<usize>,
    /// For each connection, whether it must be closed.
    expected: Vec<bool>,
    /// For each connection, whether it has ended after it had to be closed.
    ended: Vec<bool>,
    /// The number of connections that must be closed, and have not ended.
    outstanding: usize,
    /// The number of connections that ended with the close code of a revocation.
    closed: usize,
    start: Instant,
    closes: Latencies,
}

impl SocketWatch {
    pub(super) fn new(events: UnboundedReceiver<Event>, owners: Vec<usize>) -> Self {
        let sockets = owners.len();
        Self {
            events,
            owners,
            expected: vec![false; sockets],
            ended: vec![false; sockets],
            outstanding: 0,
            closed: 0,
            start: Instant::now(),
            closes: Latencies::new(),
        }
    }

    /// Sets the time that the next closes are measured from.
    pub(super) fn begin(&mut self, start: Instant) {
        self.start = start;
    }

    /// The times from request to close frame, one for each socket.
    pub(super) fn closes(&self) -> &Latencies {
        &self.closes
    }

    /// The number of sockets that were closed as revoked.
    pub(super) fn closed(&self) -> usize {
        self.closed
    }

    /// From now on all sockets of the user must be closed. Returns the number of these sockets.
    pub(super) fn expect_user(&mut self, user: usize) -> usize {
        self.expect(|owner| owner == user)
    }

    /// From now on all remaining sockets must be closed. Returns the number of these sockets.
    pub(super) fn expect_all(&mut self) -> usize {
        self.expect(|_| true)
    }

    fn expect(&mut self, matches: impl Fn(usize) -> bool) -> usize {
        let mut sockets = 0;
        for (number, owner) in self.owners.iter().enumerate() {
            if matches(*owner) && !self.expected[number] {
                self.expected[number] = true;
                sockets += 1;
            }
        }
        self.outstanding += sockets;
        sockets
    }

    /// Waits until all sockets that must be closed are closed.
    pub(super) async fn wait(&mut self, report: &mut Report) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.outstanding > 0 {
            match timeout_at(deadline, self.events.recv()).await {
                Ok(Some(event)) => self.take(&event, report),
                Ok(None) | Err(_) => {
                    let sockets = std::mem::take(&mut self.outstanding);
                    report.check(false, || format!("{sockets} sockets were not closed within {PATIENCE:?}"));
                }
            }
        }
    }

    /// Checks the events that have arrived meanwhile.
    pub(super) fn drain(&mut self, report: &mut Report) {
        while let Ok(event) = self.events.try_recv() {
            self.take(&event, report);
        }
    }

    fn take(&mut self, event: &Event, report: &mut Report) {
        let number = event.connection;
        if !self.expected[number] {
            return report.check(false, || {
                format!("socket {number} of a user that was not revoked received {}", event.kind)
            });
        }
        let ends = !matches!(event.kind, EventKind::Text(_));
        let right_code = matches!(&event.kind, EventKind::Closed(Some((code, _))) if *code == CloseReason::SessionRevoked.code());
        if ends && !std::mem::replace(&mut self.ended[number], true) {
            self.outstanding = self.outstanding.saturating_sub(1);
            self.closed += usize::from(right_code);
            self.closes.record(event.at.saturating_duration_since(self.start));
        }
        report.check(right_code, || format!("socket {number} received {} instead of close 4500", event.kind));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn closed(connection: usize, code: u16) -> Event {
        Event { connection, at: Instant::now(), kind: EventKind::Closed(Some((code, "x".to_owned()))) }
    }

    #[tokio::test]
    async fn only_the_sockets_of_the_revoked_user_must_be_closed() {
        let (sender, events) = unbounded_channel();
        let mut watch = SocketWatch::new(events, vec![0, 1, 0]);
        let mut report = Report::default();
        assert_eq!(watch.expect_user(0), 2);
        sender.send(closed(0, 4500)).ok();
        sender.send(closed(2, 4500)).ok();
        watch.wait(&mut report).await;
        watch.drain(&mut report);
        assert!(report.broken().is_empty());
        assert_eq!((watch.closed(), watch.expect_all()), (2, 1));
    }

    #[tokio::test]
    async fn sockets_of_other_users_and_wrong_codes_are_noticed() {
        let (sender, events) = unbounded_channel();
        let mut watch = SocketWatch::new(events, vec![0, 1]);
        let mut report = Report::default();
        watch.expect_user(0);
        sender.send(closed(1, 4500)).ok();
        sender.send(closed(0, 3503)).ok();
        watch.wait(&mut report).await;
        assert_eq!(report.broken().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_stays_open_is_noticed() {
        let (_sender, events) = unbounded_channel();
        let mut watch = SocketWatch::new(events, vec![0]);
        let mut report = Report::default();
        watch.expect_user(0);
        watch.wait(&mut report).await;
        assert_eq!(report.broken().len(), 1);
    }
}
