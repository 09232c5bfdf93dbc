//! The spill file: a queue of audit events on disk, one JSON object per line.
//!
//! Only the `Audit` actor uses the queue; `Realtime` opens it. An event is in the queue once its line, with its newline, is in
//! the file. An incomplete last line (the process died during the write) is cut off at the next start. When the process is
//! killed, the operating system still writes all lines. A power failure may lose the last lines. No lost event describes a
//! change in the database: the event of such a change is written in the transaction of the change, and is never in the queue.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use protocol::audit::AuditEvent;

/// Consumed bytes stay in the file until the queue is empty. They are also removed when there are at least this many of them,
/// and the rest of the file is smaller than they are.
const COMPACT_AT: u64 = 16 * 1024 * 1024;

pub(crate) struct Spill {
    file: File,
    path: PathBuf,
    /// Where the first line begins that has not been consumed.
    start: u64,
    /// Where the next line will be written.
    end: u64,
}

impl Spill {
    /// Opens the queue and cuts off an incomplete last line. Events that were set aside return to the queue, because the
    /// database may accept them now.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = private().read(true).write(true).truncate(false).open(path)?;
        let end = end_of_last_line(&mut file)?;
        file.set_len(end)?;
        let mut spill = Self { file, path: path.to_owned(), start: 0, end };
        spill.take_back()?;
        Ok(spill)
    }

    /// Appends the events that were set aside, then deletes their file. After a crash between these two steps, the events are
    /// in the queue twice, which changes nothing in the database.
    fn take_back(&mut self) -> io::Result<()> {
        let aside = self.aside();
        let mut refused = match File::open(&aside) {
            Ok(refused) => refused,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let complete = end_of_last_line(&mut refused)?;
        refused.seek(SeekFrom::Start(0))?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.end += io::copy(&mut refused.take(complete), &mut self.file)?;
        std::fs::remove_file(aside)
    }

    fn aside(&self) -> PathBuf {
        self.path.with_extension("refused")
    }

    /// Appends one event. On an error the queue is unchanged.
    pub(crate) fn append(&mut self, event: &AuditEvent) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.file.seek(SeekFrom::Start(self.end))?;
        if let Err(error) = self.file.write_all(&line) {
            // On a full disk a part of the line may have been written.
            self.file.set_len(self.end)?;
            return Err(error);
        }
        self.end += line.len() as u64;
        Ok(())
    }

    /// The next events, at most `max`, and the number of bytes to consume for them. Lines that are not events are skipped.
    pub(crate) fn peek(&mut self, max: usize) -> io::Result<(Vec<AuditEvent>, u64)> {
        self.file.seek(SeekFrom::Start(self.start))?;
        let mut reader = BufReader::new((&self.file).take(self.end - self.start));
        let (mut events, mut consumed, mut line) = (Vec::new(), 0, Vec::new());
        while events.len() < max {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            consumed += length as u64;
            match serde_json::from_slice(&line) {
                Ok(event) => events.push(event),
                Err(error) => tracing::error!(%error, "skipping a damaged line in the audit spill file"),
            }
        }
        if events.is_empty() && consumed > 0 {
            self.consume(consumed)?;
            consumed = 0;
        }
        Ok((events, consumed))
    }

    /// Removes the first `bytes` from the queue. When the queue is empty, the file is truncated.
    pub(crate) fn consume(&mut self, bytes: u64) -> io::Result<()> {
        self.start += bytes;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.file.set_len(0)?;
        } else if self.start >= COMPACT_AT {
            self.compact()?;
        }
        Ok(())
    }

    /// Copies the first `bytes` of the queue into a file beside it, with the extension `.refused`. The bytes stay in the queue
    /// until [`Self::consume`].
    pub(crate) fn set_aside(&mut self, bytes: u64) -> io::Result<()> {
        let mut lines = Vec::new();
        self.file.seek(SeekFrom::Start(self.start))?;
        (&self.file).take(bytes).read_to_end(&mut lines)?;
        let mut refused = private().append(true).open(self.aside())?;
        refused.write_all(&lines)
    }

    fn compact(&mut self) -> io::Result<()> {
        let mut rest = Vec::new();
        self.file.seek(SeekFrom::Start(self.start))?;
        (&self.file).take(self.end - self.start).read_to_end(&mut rest)?;
        if rest.len() as u64 >= self.start {
            // The copy would overwrite lines before it has copied them, and a crash would lose them.
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&rest)?;
        self.file.set_len(rest.len() as u64)?;
        self.start = 0;
        self.end = rest.len() as u64;
        Ok(())
    }
}

/// Options for a file that only its owner can read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn end_of_last_line(file: &mut File) -> io::Result<u64> {
    let mut end = 0;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 || line.last() != Some(&b'\n') {
            return Ok(end);
        }
        end += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::audit::Outcome;

    fn event(name: &str) -> AuditEvent {
        AuditEvent::new(name, Outcome::Success, 0)
    }

    fn names(events: &[AuditEvent]) -> Vec<&str> {
        events.iter().map(|event| event.event.as_str()).collect()
    }

    #[test]
    fn events_that_were_not_consumed_are_in_the_queue_after_reopening() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut spill = Spill::open(file.path()).unwrap();
        for name in ["a", "b", "c"] {
            spill.append(&event(name)).unwrap();
        }
        let (first, consumed) = spill.peek(1).unwrap();
        assert_eq!(names(&first), ["a"]);
        spill.consume(consumed).unwrap();
        assert_eq!(names(&spill.peek(10).unwrap().0), ["b", "c"]);
        // The read position is not stored: after a restart an event may be returned again, but none is lost.
        assert_eq!(names(&Spill::open(file.path()).unwrap().peek(10).unwrap().0), ["a", "b", "c"]);
    }

    #[test]
    fn an_emptied_queue_truncates_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut spill = Spill::open(file.path()).unwrap();
        spill.append(&event("a")).unwrap();
        let (_, consumed) = spill.peek(10).unwrap();
        spill.consume(consumed).unwrap();
        assert_eq!(file.path().metadata().unwrap().len(), 0);
        spill.append(&event("b")).unwrap();
        assert_eq!(names(&spill.peek(10).unwrap().0), ["b"]);
    }

    #[test]
    fn events_that_were_set_aside_are_in_the_queue_after_reopening() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.spill");
        let mut spill = Spill::open(&path).unwrap();
        spill.append(&event("a")).unwrap();
        let (_, consumed) = spill.peek(1).unwrap();
        spill.set_aside(consumed).unwrap();
        spill.consume(consumed).unwrap();
        spill.append(&event("b")).unwrap();
        for _ in 0..2 {
            let mut reopened = Spill::open(&path).unwrap();
            assert_eq!(names(&reopened.peek(10).unwrap().0), ["b", "a"]);
        }
    }

    #[test]
    fn an_incomplete_last_line_is_cut_off() {
        let file = tempfile::NamedTempFile::new().unwrap();
        Spill::open(file.path()).unwrap().append(&event("a")).unwrap();
        let mut torn = OpenOptions::new().append(true).open(file.path()).unwrap();
        torn.write_all(b"{\"id\":\"0").unwrap();
        let mut spill = Spill::open(file.path()).unwrap();
        spill.append(&event("b")).unwrap();
        assert_eq!(names(&spill.peek(10).unwrap().0), ["a", "b"]);
    }

    #[test]
    fn a_damaged_line_is_skipped_and_removed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "nonsense\n").unwrap();
        let mut spill = Spill::open(file.path()).unwrap();
        assert_eq!(spill.peek(10).unwrap(), (vec![], 0));
        assert_eq!(file.path().metadata().unwrap().len(), 0);
    }
}
