//! Memory and CPU time of the server process, from `/proc`.

use std::{fs, io, time::Duration};

use serde::{Deserialize, Serialize};

/// `/proc` counts CPU time in hundredths of a second, on all usual architectures.
const TICK: Duration = Duration::from_millis(10);

/// The process that is measured.
pub(crate) struct Process(u32);

/// Identifies one run of a process: its id, and its start in ticks since the machine started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Incarnation {
    pid: u32,
    began: u64,
}

/// The memory of a process at one moment, in KiB. Memory of the kernel, such as socket buffers, is not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Pages in memory, including those of its files and libraries.
    pub(crate) resident: u64,
    /// As `resident`, but a page that several processes share counts only in part.
    pub(crate) proportional: u64,
    /// Pages that no other process shares.
    pub(crate) private: u64,
    /// Pages that do not belong to a file: heap and stacks.
    pub(crate) anonymous: u64,
}

impl Process {
    /// The process with this id.
    ///
    /// # Errors
    /// If there is no such process.
    pub(crate) fn new(pid: u32) -> io::Result<Self> {
        let process = Self(pid);
        process.cpu()?;
        Ok(process)
    }

    /// User and system time so far.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let stat = self.read("stat")?;
        let ticks = |number| field(&stat, number).and_then(|ticks| u32::try_from(ticks).ok());
        let used = ticks(14).zip(ticks(15)).ok_or(io::ErrorKind::InvalidData)?;
        Ok(TICK * (used.0 + used.1))
    }

    /// User and system time so far of the process, of its children, and of its ended children (`cutime` and `cstime` in
    /// proc(5)). Grandchildren that are alive are not included.
    pub(crate) fn cpu_with_children(&self) -> io::Result<Duration> {
        let all = |stat: &str| (14..=17).filter_map(|number| field(stat, number)).sum::<u64>();
        let mut ticks = all(&self.read("stat")?);
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // A process can end after it was listed.
            let Ok(stat) = Self(pid).read("stat") else { continue };
            if field(&stat, 4) == Some(u64::from(self.0)) {
                ticks += all(&stat);
            }
        }
        Ok(TICK * u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    /// Identifies this run of the process.
    pub(crate) fn incarnation(&self) -> io::Result<Incarnation> {
        let began = field(&self.read("stat")?, 22).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Incarnation { pid: self.0, began })
    }

    /// The current memory. This program must run as root, or as the same operating-system user as the measured process.
    pub(crate) fn memory(&self) -> io::Result<Memory> {
        Ok(memory(&self.read("smaps_rollup")?))
    }

    /// Resets the peak of resident memory, and returns the current resident memory in KiB. This program must run as root, or as
    /// the same operating-system user as the measured process.
    pub(crate) fn forget_peak(&self) -> io::Result<u64> {
        // 5 resets the peak to the current value (proc(5), clear_refs).
        fs::write(format!("/proc/{}/clear_refs", self.0), "5")?;
        self.peak()
    }

    /// The peak of resident memory since the last reset, in KiB.
    pub(crate) fn peak(&self) -> io::Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
        kib.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn read(&self, file: &str) -> io::Result<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.0))
    }
}

/// A field of `stat`, with its number in proc(5). The count starts after the process name, because the name may
/// contain spaces and brackets.
fn field(stat: &str, number: usize) -> Option<u64> {
    let fields = stat.rsplit_once(')')?.1;
    fields.split_ascii_whitespace().nth(number - 3)?.parse().ok()
}

fn memory(rollup: &str) -> Memory {
    let mut memory = Memory::default();
    for line in rollup.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim().strip_suffix("kB").and_then(|kib| kib.trim().parse().ok());
        let value: u64 = value.unwrap_or(0);
        match name {
            "Rss" => memory.resident = value,
            "Pss" => memory.proportional = value,
            "Private_Clean" | "Private_Dirty" => memory.private += value,
            "Anonymous" => memory.anonymous = value,
            _ => {}
        }
    }
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_read_its_own_figures() {
        let process = Process::new(std::process::id()).unwrap();
        let memory = process.memory().unwrap();
        assert!(process.peak().unwrap() > 0);
        assert!(memory.anonymous > 0 && memory.anonymous <= memory.resident);
        assert_eq!(process.incarnation().unwrap(), process.incarnation().unwrap());
    }

    #[test]
    fn fields_are_found_behind_a_name_with_brackets_and_spaces() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 100 9";
        assert_eq!([14, 15, 22].map(|number| field(stat, number)), [Some(250), Some(50), Some(100)]);
    }

    #[test]
    fn private_pages_are_the_clean_and_the_dirty_ones() {
        let rollup = "55d0-7ffd ---p 0 00:00 0 [rollup]\nRss: 900 kB\nPss:  800 kB\nPss_Dirty: 7 kB\n\
                      Private_Clean: 100 kB\nPrivate_Dirty:   500 kB\nAnonymous: 450 kB\n";
        let expected = Memory { resident: 900, proportional: 800, private: 600, anonymous: 450 };
        assert_eq!(memory(rollup), expected);
    }
}
