//! [`FileState`]: notices that a file has changed, without reading it.

use std::{os::unix::fs::MetadataExt, path::Path};

/// Values of a file that change with its content, or with the target of a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileState {
    device: u64,
    inode: u64,
    length: u64,
    /// The time of the last change of the content, in seconds and nanoseconds.
    modified: (i64, i64),
    /// The time of the last change of the content or of the inode. A tool that copies a file can set the other time, but not
    /// this one.
    changed: (i64, i64),
}

impl FileState {
    /// The state of the file; `None` if it cannot be read. Symbolic links are followed.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}
