//! The lock that lets one process at a time run the cluster. `cluster` takes and holds it.

use std::{
    fs::{File, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    time::{Duration, Instant},
};

use super::{error::StartError, paths::ClusterPaths};

/// How long this process tries to take the lock. Between fork and exec, a child has a copy of its parent's lock. If the parent
/// ends at that moment, the lock stays taken for a short time.
const TIMEOUT: Duration = Duration::from_millis(250);
const POLL: Duration = Duration::from_millis(5);

/// The right to start and repair the cluster. At most one process has this lock. The operating system releases it after the end
/// of that process, and of every child of it that has not reached exec.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of the cluster at `paths`. If another process holds the lock, the error names that process.
    pub(super) fn take(paths: &ClusterPaths) -> Result<Self, StartError> {
        let path = paths.beside("lock");
        let mut options = File::options();
        let options = options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let mut file = options.open(&path).map_err(StartError::io("open", &path))?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if began.elapsed() < TIMEOUT => std::thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    let pid = holder(&mut file);
                    return Err(StartError::InUse { location: paths.location.clone(), pid });
                }
                Err(TryLockError::Error(error)) => return Err(StartError::io("lock", &path)(error)),
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(StartError::io("write", &path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file alone would leave the lock with a child that is still between fork and exec.
        let _ = self.file.unlock();
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_and_the_error_names_the_holder_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ClusterPaths::of(dir.path()).unwrap();
        let held = Lock::take(&paths).unwrap();
        let refusal = Lock::take(&paths).unwrap_err();
        let ourselves = std::process::id();
        assert!(matches!(refusal, StartError::InUse { pid: Some(pid), .. } if pid == ourselves), "{refusal}");
        drop(held);
        Lock::take(&paths).unwrap();
    }
}
