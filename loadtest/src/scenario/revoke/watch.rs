//! Watches every socket of the scenario: which are to be closed, which were, and how long that took.

use std::time::{Duration, Instant};

use protocol::close::CloseReason;
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout_at};

use crate::{
    connections::{Happening, What},
    report::{Latencies, Report},
};

/// How long a socket may take to be closed before the scenario gives up on it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches every socket: which are to be closed, and which were.
pub(super) struct Watch {
    happenings: UnboundedReceiver<Happening>,
    /// The user of each connection.
    owners: Vec<usize>,
    expected: Vec<bool>,
    ended: Vec<bool>,
    outstanding: usize,
    start: Instant,
    closes: Latencies,
}

impl Watch {
    pub(super) fn new(happenings: UnboundedReceiver<Happening>, owners: Vec<usize>) -> Self {
        let sockets = owners.len();
        Self {
            happenings,
            owners,
            expected: vec![false; sockets],
            ended: vec![false; sockets],
            outstanding: 0,
            start: Instant::now(),
            closes: Latencies::new(),
        }
    }

    /// A revocation is about to be requested.
    pub(super) fn begin(&mut self, start: Instant) {
        self.start = start;
    }

    /// From request to close frame, socket by socket.
    pub(super) fn closes(&self) -> &Latencies {
        &self.closes
    }

    /// Every socket of the user is to be closed; says how many those are.
    pub(super) fn expect_user(&mut self, user: usize) -> usize {
        self.expect(|owner| owner == user)
    }

    /// Every socket that is left is to be closed; says how many those are.
    pub(super) fn expect_all(&mut self) -> usize {
        self.expect(|_| true)
    }

    fn expect(&mut self, whose: impl Fn(usize) -> bool) -> usize {
        let mut sockets = 0;
        for (number, owner) in self.owners.iter().enumerate() {
            if whose(*owner) && !self.expected[number] {
                self.expected[number] = true;
                sockets += 1;
            }
        }
        self.outstanding += sockets;
        sockets
    }

    /// Waits until everything that is to be closed is closed.
    pub(super) async fn wait(&mut self, report: &mut Report) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.outstanding > 0 {
            match timeout_at(deadline, self.happenings.recv()).await {
                Ok(Some(happening)) => self.take(&happening, report),
                Ok(None) | Err(_) => {
                    let sockets = std::mem::take(&mut self.outstanding);
                    report.check(false, || format!("{sockets} sockets were not closed within {PATIENCE:?}"));
                }
            }
        }
    }

    /// Looks at what else has happened.
    pub(super) fn drain(&mut self, report: &mut Report) {
        while let Ok(happening) = self.happenings.try_recv() {
            self.take(&happening, report);
        }
    }

    fn take(&mut self, happening: &Happening, report: &mut Report) {
        let number = happening.connection;
        if !self.expected[number] {
            return report.check(false, || {
                format!("socket {number}, of nobody who was revoked, saw {}", happening.what)
            });
        }
        let ends = !matches!(happening.what, What::Text(_));
        if ends && !std::mem::replace(&mut self.ended[number], true) {
            self.outstanding = self.outstanding.saturating_sub(1);
            self.closes.record(happening.at.saturating_duration_since(self.start));
        }
        let told = matches!(&happening.what, What::Closed(Some((code, _))) if *code == CloseReason::SessionRevoked.code());
        report
            .check(told, || format!("socket {number} was to be closed with 4500 and saw {}", happening.what));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn closed(connection: usize, code: u16) -> Happening {
        Happening { connection, at: Instant::now(), what: What::Closed(Some((code, "x".to_owned()))) }
    }

    #[tokio::test]
    async fn every_socket_of_the_revoked_user_and_no_other_is_closed() {
        let (sender, happenings) = unbounded_channel();
        let mut watch = Watch::new(happenings, vec![0, 1, 0]);
        let mut report = Report::default();
        assert_eq!(watch.expect_user(0), 2);
        sender.send(closed(0, 4500)).ok();
        sender.send(closed(2, 4500)).ok();
        watch.wait(&mut report).await;
        watch.drain(&mut report);
        assert!(report.broken().is_empty());
        assert_eq!(watch.expect_all(), 1);
    }

    #[tokio::test]
    async fn strangers_and_wrong_codes_are_noticed() {
        let (sender, happenings) = unbounded_channel();
        let mut watch = Watch::new(happenings, vec![0, 1]);
        let mut report = Report::default();
        watch.expect_user(0);
        sender.send(closed(1, 4500)).ok();
        sender.send(closed(0, 3503)).ok();
        watch.wait(&mut report).await;
        assert_eq!(report.broken().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_stays_open_is_noticed() {
        let (_sender, happenings) = unbounded_channel();
        let mut watch = Watch::new(happenings, vec![0]);
        let mut report = Report::default();
        watch.expect_user(0);
        watch.wait(&mut report).await;
        assert_eq!(report.broken().len(), 1);
    }
}
