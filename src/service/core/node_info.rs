//! Figures of this process for operators and for the server API: its connections, and its use of the machine.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use protocol::channel_name::ChannelName;
use uuid::Uuid;

/// Figures of this process.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    /// The id of this process.
    pub id: Uuid,
    /// The number of connections.
    pub clients: usize,
    /// The number of different users.
    pub users: usize,
    /// The number of subscriptions.
    pub subscriptions: usize,
    /// The number of channels with subscribers.
    pub channels: usize,
    /// How long the process has been running.
    pub uptime: Duration,
    /// What the process uses of its machine.
    pub process: ProcessUsage,
}

/// What a process uses of its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUsage {
    /// The CPU time in percent of one core: the average since the last measurement, or since the start.
    pub cpu: f64,
    /// Resident memory in bytes. 0 if the operating system does not report it.
    pub rss: u64,
}

/// Measures how much of a core this process uses.
#[derive(Debug, Default)]
struct CpuMeter(Mutex<CpuSample>);

/// The last measurement.
#[derive(Clone, Copy, Debug, Default)]
struct CpuSample {
    uptime: Duration,
    cpu: Duration,
    percent: f64,
}

/// The shortest time between two measurements, because CPU clocks are too coarse for shorter intervals. A request within this
/// time gets the result of the last measurement.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

impl CpuMeter {
    /// The CPU time since the last measurement, in percent of one core.
    fn share(&self, uptime: Duration, cpu: Duration) -> f64 {
        let mut last = self.0.lock();
        let passed = uptime.saturating_sub(last.uptime);
        if passed >= MIN_INTERVAL {
            let percent = 100.0 * cpu.saturating_sub(last.cpu).as_secs_f64() / passed.as_secs_f64();
            *last = CpuSample { uptime, cpu, percent };
        }
        last.percent
    }
}

/// Measures this process.
#[derive(Debug)]
pub(crate) struct NodeStatistics {
    id: Uuid,
    started: Instant,
    cpu: CpuMeter,
}

impl NodeStatistics {
    /// `id` is the id of this process.
    pub(crate) fn new(id: Uuid) -> Self {
        Self { id, started: Instant::now(), cpu: CpuMeter::default() }
    }

    /// The id of this process.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// The figures now. `channels` has the channels with their numbers of subscribers. `census` has the numbers of connections
    /// and of different users.
    pub(crate) fn info(&self, channels: &[(ChannelName, usize)], census: (usize, usize)) -> NodeInfo {
        let (clients, users) = census;
        let uptime = self.started.elapsed();
        let process = ProcessUsage { cpu: self.cpu.share(uptime, cpu_time()), rss: resident() };
        NodeInfo {
            id: self.id,
            clients,
            users,
            subscriptions: channels.iter().map(|(_, subscribers)| subscribers).sum(),
            channels: channels.len(),
            uptime,
            process,
        }
    }
}

/// The CPU time of all threads of this process.
fn cpu_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(spent).unwrap_or_default()
}

/// Resident memory: the second field of `/proc/self/statm`, in pages (proc(5)).
fn resident() -> u64 {
    let words = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = words.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * u64::try_from(rustix::param::page_size()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentage_of_a_core_counts_from_the_last_measurement() {
        let (meter, seconds) = (CpuMeter::default(), Duration::from_secs);
        assert!((meter.share(seconds(10), seconds(1)) - 10.0).abs() < 1e-9);
        assert!((meter.share(seconds(12), seconds(4)) - 150.0).abs() < 1e-9);
        let at_once = seconds(12) + MIN_INTERVAL / 2;
        assert!((meter.share(at_once, seconds(5)) - 150.0).abs() < 1e-9, "too soon for a new measurement");
    }

    #[test]
    fn memory_and_cpu_time_of_this_process_are_measured() {
        assert!(resident() > 1_000_000);
        assert!(cpu_time() > Duration::ZERO);
    }
}
