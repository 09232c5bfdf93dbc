//! This process, as the server API's `info` tells: what it carries, and what it takes of its machine.

use std::time::Duration;

use parking_lot::Mutex;
use protocol::ErrorCode;
use uuid::Uuid;

use crate::Api;

/// This process.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    /// Which process.
    pub id: Uuid,
    /// Connections.
    pub clients: usize,
    /// Different users among them.
    pub users: usize,
    /// Subscriptions.
    pub subscriptions: usize,
    /// Channels with subscribers.
    pub channels: usize,
    /// Since when it runs.
    pub uptime: Duration,
    /// What it takes of its machine.
    pub process: Process,
}

/// What a process takes of its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Percent of one core, on average since it was asked before; the first time, since the start.
    pub cpu: f64,
    /// Resident memory in bytes; 0 where the system does not tell.
    pub rss: u64,
}

/// What was measured when it was asked last.
#[derive(Debug, Default)]
pub(crate) struct Measured(Mutex<Share>);

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    uptime: Duration,
    cpu: Duration,
    percent: f64,
}

/// Asked again sooner, it says the same: clocks of processors tick too coarsely for shares of less.
const SOONEST: Duration = Duration::from_millis(100);

impl Measured {
    /// The share of a core since it was asked before, in percent.
    fn share(&self, uptime: Duration, cpu: Duration) -> f64 {
        let mut last = self.0.lock();
        let passed = uptime.saturating_sub(last.uptime);
        if passed >= SOONEST {
            let percent = 100.0 * cpu.saturating_sub(last.cpu).as_secs_f64() / passed.as_secs_f64();
            *last = Share { uptime, cpu, percent };
        }
        last.percent
    }
}

impl Api<'_> {
    /// This process.
    ///
    /// # Errors
    /// 100 if the channels do not answer.
    pub async fn info(&self) -> Result<NodeInfo, ErrorCode> {
        let channels = self.channels().await?;
        let (clients, users) = self.services.realtime.census();
        let uptime = self.services.started.elapsed();
        let process = Process { cpu: self.services.measured.share(uptime, cpu_time()), rss: resident() };
        Ok(NodeInfo {
            id: self.services.node,
            clients,
            users,
            subscriptions: channels.iter().map(|(_, subscribers)| subscribers).sum(),
            channels: channels.len(),
            uptime,
            process,
        })
    }
}

/// What all threads of this process have computed for.
fn cpu_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(spent).unwrap_or_default()
}

/// The second word of `/proc/self/statm`, proc(5): pages that are in memory.
fn resident() -> u64 {
    let words = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = words.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * u64::try_from(rustix::param::page_size()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_core_is_that_since_it_was_asked_before() {
        let (measured, seconds) = (Measured::default(), Duration::from_secs);
        assert!((measured.share(seconds(10), seconds(1)) - 10.0).abs() < 1e-9);
        assert!((measured.share(seconds(12), seconds(4)) - 150.0).abs() < 1e-9);
        let at_once = seconds(12) + SOONEST / 2;
        assert!((measured.share(at_once, seconds(5)) - 150.0).abs() < 1e-9, "too soon to tell anew");
    }

    #[test]
    fn this_process_has_memory_and_has_computed() {
        assert!(resident() > 1_000_000);
        assert!(cpu_time() > Duration::ZERO);
    }
}
