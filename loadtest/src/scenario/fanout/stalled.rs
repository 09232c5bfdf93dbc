//! The second half of `fanout`: the same once more, while one of the subscribers reads nothing.
//!
//! What is published to everybody would take long to fill its queue, so a channel of its own helps: whatever is in the
//! queue, the others must not notice. It reads again once its queue must have overflowed, and has to hear why it was closed.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::{sync::oneshot, time::timeout};

use super::{Args, Fanout};
use crate::{
    Failure,
    connections::{Connections, What},
    process::Process,
    report::Latencies,
};

const CHANNEL: &str = "ephemeral:fanout-stalled";
/// Bytes of each publication that only the stalled one would read.
pub(super) const LUMP: usize = 32 * 1024;
/// More than its queue (1 MiB) and the buffers of the kernel hold. Not much more: the server waits some seconds for it.
const OVERFLOW: usize = 7 * 256 * 1024;
/// How long the stalled one may take to hear that it was too slow, and what it has to hear.
const PATIENCE: Duration = Duration::from_secs(10);
const SLOW: &str = "close 3008 (slow)";
/// Let the server finish before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);
/// What the server may keep of it, in KiB, and by how much the median of the others may rise.
const KEPT: u64 = 16 * 1024;
const RISE: (f64, Duration) = (1.5, Duration::from_millis(5));

/// The subscriber that does not read, and what is published to it. That is the same in both halves, so that they differ in
/// its reading alone.
pub(super) struct Stalled {
    filled: usize,
    resume: Option<oneshot::Sender<()>>,
    lump: Bytes,
}

impl Stalled {
    /// Subscribes the last connection to a channel of its own; it still reads.
    pub(super) fn new(connections: &Connections) -> Self {
        let subscribe = |id: u32| format!("{{\"id\":{id},\"subscribe\":{{\"channel\":\"{CHANNEL}\"}}}}");
        let last = connections.len() - 1;
        for connection in [0, last] {
            connections.send(connection, subscribe(4_000_000_000).into());
        }
        let fill = "x".repeat(LUMP);
        let lump =
            format!("{{\"id\":4000000001,\"publish\":{{\"channel\":\"{CHANNEL}\",\"data\":\"{fill}\"}}}}");
        Self { filled: 0, resume: None, lump: lump.into() }
    }

    /// Lets it read nothing any more.
    fn stall(&mut self, connections: &Connections) {
        self.filled = 0;
        self.resume = Some(connections.stall(connections.len() - 1));
    }

    /// Adds to what waits for it, so that it is too much after a sixth of the publications: sooner than the server gives up
    /// on a write that makes no progress (10 s, 3009). Then it reads again.
    pub(super) fn fill(&mut self, connections: &Connections, sent: usize, publications: usize) {
        let due = OVERFLOW.min(OVERFLOW * 6 * sent / publications.max(1));
        while self.filled < due {
            connections.send(0, self.lump.clone());
            self.filled += LUMP;
            if self.filled >= OVERFLOW {
                self.resume = None;
            }
        }
    }
}

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
    fanout.begin_again();
    stalled.stall(&fanout.connections);
    fanout.run(args, Some(&mut stalled)).await;
    fanout.check_complete(args.publications * fanout.listeners());
    fanout.receive_end_of_stalled().await;
    tokio::time::sleep(SETTLE).await;
    let after = memory()?;

    let report = &mut fanout.report;
    report.latencies("delivery_beside_stalled", &fanout.latencies);
    let ended = fanout.deaf_ended.clone().unwrap_or_else(|| "nothing".to_owned());
    report.note(format!("the stalled subscriber saw {ended}"));
    report.check(ended == SLOW, || format!("the stalled subscriber saw {ended} instead of {SLOW}"));
    let (without, with) = (reading.quantile(0.5), fanout.latencies.quantile(0.5));
    report.check(with <= without.mul_f64(RISE.0) + RISE.1, || {
        format!("the median of the others rose from {without:?} to {with:?}")
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
    fn begin_again(&mut self) {
        self.first += self.sent.len();
        self.sent.clear();
        self.delivered = 0;
        self.deaf = true;
        self.start = Instant::now();
        self.last = self.start;
    }

    pub(super) fn take_of_stalled(&mut self, what: &What) {
        if !matches!(what, What::Text(_)) {
            self.deaf_ended = Some(what.to_string());
        }
    }

    async fn receive_end_of_stalled(&mut self) {
        while self.deaf_ended.is_none() {
            match timeout(PATIENCE, self.connections.happenings.recv()).await {
                Ok(Some(happening)) => self.take(happening.at, happening.connection, &happening.what),
                Ok(None) | Err(_) => return,
            }
        }
    }
}
