//! The second round of `fanout`: all publications once more, while one of the subscribers does not read.
//!
//! The other subscribers must not be affected. As soon as enough is published to overflow the queue of the stalled subscriber,
//! this subscriber reads again. It must then receive the close frame with the reason.

use std::time::Duration;

use super::{args::Args, measurement::Measurement, stalled::Stalled};
use crate::{failure::Failure, process::Process, report::Latencies};

/// The close frame that the stalled subscriber must receive.
const SLOW: &str = "close 3008 (slow)";
/// Time for the server to finish before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);
/// The memory that the server may keep after the round, in KiB.
const KEPT: u64 = 16 * 1024;
/// How far the median latency of the other subscribers may rise: to this multiple, plus this time.
const RISE: (f64, Duration) = (1.5, Duration::from_millis(5));

/// Publishes everything once more while the last connection does not read, and checks the effect on the other
/// connections and the server.
pub(super) async fn run(
    measurement: &mut Measurement,
    mut stalled: Stalled,
    args: &Args,
    process: Option<&Process>,
) -> Result<(), Failure> {
    let memory = || process.map(Process::memory).transpose();
    tokio::time::sleep(SETTLE).await;
    let before = memory()?;
    let reading = std::mem::replace(&mut measurement.latencies, Latencies::new());
    measurement.begin_second_round(args);
    stalled.stall(&measurement.connections);
    measurement.run(args, Some(&mut stalled)).await;
    measurement.check_complete(args.publications);
    measurement.receive_end_of_stalled().await;
    tokio::time::sleep(SETTLE).await;
    let after = memory()?;

    let report = &mut measurement.report;
    report.latencies("delivery_beside_stalled", &measurement.latencies);
    let ended = measurement.stalled_end.clone().unwrap_or_else(|| "nothing".to_owned());
    report.note(format!("the stalled subscriber received {ended}"));
    report.check(ended == SLOW, || format!("the stalled subscriber received {ended} instead of {SLOW}"));
    let (without, with) = (reading.quantile(0.5), measurement.latencies.quantile(0.5));
    report.check(with <= without.mul_f64(RISE.0) + RISE.1, || {
        format!("the median latency of the other subscribers rose from {without:?} to {with:?}")
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
