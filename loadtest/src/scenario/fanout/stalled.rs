//! The second half of `fanout`: all publications once more, while one of the subscribers does not read.
//!
//! The publications to all subscribers would take long to fill its queue. A second channel, which only this subscriber and one
//! publisher are in, fills it sooner. The other subscribers must not notice. When the queue must have overflowed, the
//! subscriber reads again, and must receive the close frame with the reason.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::{sync::oneshot, time::timeout};

use super::{Args, Fanout, new_ledger};
use crate::{
    Failure,
    connections::{Connections, EventKind},
    process::Process,
    report::Latencies,
};

const CHANNEL: &str = "ephemeral:fanout-stalled";
/// Bytes of each publication in the second channel.
pub(super) const FILLER_SIZE: usize = 32 * 1024;
/// More than the queue of the connection (1 MiB) and the buffers of the kernel hold, and not much more: the server waits only
/// some seconds for the subscriber to read again.
const OVERFLOW: usize = 7 * 256 * 1024;
/// The longest time until the stalled subscriber has received its close frame, and the close frame that it must receive.
const PATIENCE: Duration = Duration::from_secs(10);
const SLOW: &str = "close 3008 (slow)";
/// Time for the server to finish before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);
/// The memory that the server may keep afterwards, in KiB.
const KEPT: u64 = 16 * 1024;
/// The median of the other subscribers may rise to this multiple, and by this time.
const RISE: (f64, Duration) = (1.5, Duration::from_millis(5));

/// The subscriber that does not read, and the publications in its second channel. Those are the same in both halves, so that
/// the halves differ only in whether it reads.
pub(super) struct Stalled {
    filled: usize,
    resume: Option<oneshot::Sender<()>>,
    filler: Bytes,
}

impl Stalled {
    /// Subscribes the first and the last connection to the second channel. The last one still reads.
    pub(super) fn new(connections: &Connections) -> Self {
        let subscribe = |id: u32| format!("{{\"id\":{id},\"subscribe\":{{\"channel\":\"{CHANNEL}\"}}}}");
        let last = connections.len() - 1;
        for connection in [0, last] {
            connections.send(connection, subscribe(4_000_000_000).into());
        }
        let fill = "x".repeat(FILLER_SIZE);
        let filler =
            format!("{{\"id\":4000000001,\"publish\":{{\"channel\":\"{CHANNEL}\",\"data\":\"{fill}\"}}}}");
        Self { filled: 0, resume: None, filler: filler.into() }
    }

    /// Stops the last connection from reading.
    fn stall(&mut self, connections: &Connections) {
        self.filled = 0;
        self.resume = Some(connections.stall(connections.len() - 1));
    }

    /// Publishes in the second channel, so that the queue overflows after a sixth of the publications. That must be sooner than
    /// the server gives up on a write without progress (10 s, close code 3009). Then the connection reads again.
    pub(super) fn fill(&mut self, connections: &Connections, sent: usize, publications: usize) {
        let due = OVERFLOW.min(OVERFLOW * 6 * sent / publications.max(1));
        while self.filled < due {
            connections.send(0, self.filler.clone());
            self.filled += FILLER_SIZE;
            if self.filled >= OVERFLOW {
                self.resume = None;
            }
        }
    }
}

/// Publishes everything once more while the last connection does not read, and checks what the others and the server notice.
pub(super) async fn run(
    fanout: &mut Fanout,
    mut stalled: Stalled,
    args: &Args,
    process: Option<&Process>,
) -> Result<(), Failure> {
    let memory = || process.map(Process::memory).transpose();
    tokio::time::sleep(SETTLE).await;
    let before = memory()?;
    let reading = std::mem::replace(&mut fanout.latencies, Latencies::new());
    fanout.begin_second_round(args);
    stalled.stall(&fanout.connections);
    fanout.run(args, Some(&mut stalled)).await;
    fanout.check_complete(args.publications);
    fanout.receive_end_of_stalled().await;
    tokio::time::sleep(SETTLE).await;
    let after = memory()?;

    let report = &mut fanout.report;
    report.latencies("delivery_beside_stalled", &fanout.latencies);
    let ended = fanout.stalled_end.clone().unwrap_or_else(|| "nothing".to_owned());
    report.note(format!("the stalled subscriber received {ended}"));
    report.check(ended == SLOW, || format!("the stalled subscriber received {ended} instead of {SLOW}"));
    let (without, with) = (reading.quantile(0.5), fanout.latencies.quantile(0.5));
    report.check(with <= without.mul_f64(RISE.0) + RISE.1, || {
        format!("the median of the other subscribers rose from {without:?} to {with:?}")
    });
    if let (Some(before), Some(after)) = (before, after) {
        report.figure("server_resident_before_kib", before.resident as f64);
        report.figure("server_resident_after_kib", after.resident as f64);
        report.check(after.resident <= before.resident + KEPT, || {
            format!("the server keeps {} KiB", after.resident.saturating_sub(before.resident))
        });
    }
    Ok(())
}

impl Fanout {
    fn begin_second_round(&mut self, args: &Args) {
        self.first += self.sent.len();
        self.sent.clear();
        self.last_is_stalled = true;
        self.ledger = new_ledger(self.listeners(), args);
        self.latest = Duration::ZERO;
        self.start = Instant::now();
        self.last = self.start;
    }

    pub(super) fn take_from_stalled(&mut self, event: &EventKind) {
        if !matches!(event, EventKind::Text(_)) {
            self.stalled_end = Some(event.to_string());
        }
    }

    async fn receive_end_of_stalled(&mut self) {
        while self.stalled_end.is_none() {
            match timeout(PATIENCE, self.connections.events.recv()).await {
                Ok(Some(event)) => self.take(event.at, event.connection, &event.kind),
                Ok(None) | Err(_) => return,
            }
        }
    }
}
