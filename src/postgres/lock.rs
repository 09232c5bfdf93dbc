//! Who may run the cluster: one process at a time. Called by `cluster`; held by `watch::Running`.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use super::error::StartError;
use super::place::Place;

/// Between fork and exec, a child holds a copy of its parent's lock: should the parent end just then, the lock
/// seems taken for a moment.
const PATIENCE: Duration = Duration::from_millis(250);
const ASK_EVERY: Duration = Duration::from_millis(5);

/// The right to start and repair the cluster: at most one process has it, and the system takes it back however
/// that process ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of `place`, or says who has it.
    pub(super) fn take(place: &Place) -> Result<Self, StartError> {
        let path = place.beside("lock");
        let mut options = File::options();
        let options = options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let mut file = options.open(&path).map_err(StartError::io("open", &path))?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => std::thread::sleep(ASK_EVERY),
                Err(TryLockError::WouldBlock) => {
                    let pid = holder(&mut file);
                    return Err(StartError::InUse { location: place.location.clone(), pid });
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
        // Closing the file alone would leave the lock to a child that has not come to its exec yet.
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
    fn a_lock_is_held_once_and_named_after_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::of(dir.path()).unwrap();
        let held = Lock::take(&place).unwrap();
        let refusal = Lock::take(&place).unwrap_err();
        let ourselves = std::process::id();
        assert!(matches!(refusal, StartError::InUse { pid: Some(pid), .. } if pid == ourselves), "{refusal}");
        drop(held);
        Lock::take(&place).unwrap();
    }
}
