//! Files that only grow, by whole lines, such as records that must outlive the database.
//!
//! Used by the audit log for its anchors, and by the upkeep for the records of erasures. The calls block, so they belong on a
//! thread for such work.

use std::{
    fs::OpenOptions,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Adds a line, and waits until it is on the disk. The file is made if it does not exist, for its owner alone. If a crash has cut
/// the last line off, the new line begins after it.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let mut text = format!("{line}\n");
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.insert(0, '\n');
        }
    }
    // One write, so that lines of several nodes on one file do not mix.
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
