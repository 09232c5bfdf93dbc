//! Memory and CPU time of the server's process, from `/proc`.

use std::{fs, io, time::Duration};

/// Linux counts CPU time in hundredths of a second there, on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// A process under observation.
pub(crate) struct Process(u32);

/// What it had used at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) resident_kib: u64,
    pub(crate) cpu: Duration,
}

impl Process {
    /// Fails when there is no such process.
    pub(crate) fn new(pid: u32) -> io::Result<Self> {
        let process = Self(pid);
        process.usage()?;
        Ok(process)
    }

    pub(crate) fn usage(&self) -> io::Result<Usage> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        Ok(Usage {
            resident_kib: resident_kib(&status).ok_or_else(invalid)?,
            cpu: cpu(&stat).ok_or_else(invalid)?,
        })
    }
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// User and system time: fields 14 and 15, counted past the name, which may contain anything.
fn cpu(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(TICK * (user + system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_see_itself() {
        let usage = Process::new(std::process::id()).unwrap().usage().unwrap();
        assert!(usage.resident_kib > 100);
    }

    #[test]
    fn a_name_with_brackets_and_spaces_shifts_nothing() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 100";
        assert_eq!(cpu(stat), Some(Duration::from_secs(3)));
        assert_eq!(resident_kib("Name:\tx\nVmRSS:\t  1234 kB\n"), Some(1234));
    }
}
