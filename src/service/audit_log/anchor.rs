//! Anchors: places outside of the database that keep the checkpoints. With them, a log that was cut off or replaced is found.
//!
//! A file has one JSON object per line, with the time and the checkpoint. Lines are only appended. A second database has one row
//! per checkpoint, and an object store one object (`object_anchor`).

use std::path::{Path, PathBuf};

use domain::transparency_log::{checkpoint::Checkpoint, note::NoteVerifier};
use serde::{Deserialize, Serialize};
use store::{DatabaseSettings, Store};
use time::OffsetDateTime;

use super::{error::AuditLogError, object_anchor::ObjectAnchor, same_checkpoint::require_same};
use crate::core::appended_file::append_line;

/// Where checkpoints are kept outside of the database.
#[derive(Clone)]
pub enum AnchorPlace {
    /// A file, for example on a mounted volume of another machine.
    File(PathBuf),
    /// Another database.
    Database(Box<DatabaseSettings>),
    /// A prefix in a bucket of an object store.
    Objects(Box<ObjectAnchor>),
}

impl std::fmt::Debug for AnchorPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            // The settings of the database have a password.
            Self::Database(_) => f.write_str("Database"),
            Self::Objects(objects) => f.debug_tuple("Objects").field(&objects.place()).finish(),
        }
    }
}

/// A line of an anchor file.
#[derive(Serialize, Deserialize)]
struct Line {
    at: String,
    checkpoint: String,
}

impl AnchorPlace {
    /// Adds a checkpoint.
    ///
    /// # Errors
    /// The place cannot be written; `Diverged` if a database or an object store has another checkpoint of this size.
    pub(crate) async fn add(
        &self,
        origin: &str,
        size: u64,
        note: &str,
        now: OffsetDateTime,
    ) -> Result<(), AuditLogError> {
        match self {
            Self::File(path) => {
                let at = domain::transparency_log::entry::moment(now);
                let line = Line { at, checkpoint: note.to_owned() };
                let line = serde_json::to_string(&line).map_err(anchor_error)?;
                let path = path.clone();
                blocking(move || append(&path, &line)).await
            }
            Self::Database(settings) => {
                let store = Store::connect(settings).map_err(anchor_error)?;
                let known =
                    store.add_anchored_checkpoint(origin.to_owned(), size, note.to_owned(), now).await;
                known.map_err(anchor_error)?.map_or(Ok(()), |known| require_same(&known, note, size))
            }
            Self::Objects(objects) => objects.add(origin, size, note).await,
        }
    }

    /// All checkpoints of the place, in any order.
    ///
    /// # Errors
    /// The place cannot be read, or a line of the file is no checkpoint.
    pub(crate) async fn notes(&self) -> Result<Vec<String>, AuditLogError> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                blocking(move || lines(&path)).await
            }
            Self::Database(settings) => {
                let store = Store::connect(settings).map_err(anchor_error)?;
                store.anchored_checkpoints().await.map_err(anchor_error)
            }
            Self::Objects(objects) => objects.notes().await,
        }
    }
}

impl AnchorPlace {
    /// The largest checkpoint of this origin, if there is one. The log must continue it, even if an earlier key has signed it.
    ///
    /// # Errors
    /// The place cannot be read, or its largest checkpoint names this key and is forged.
    pub(crate) async fn newest_of(
        &self,
        origin: &str,
        key: &NoteVerifier,
    ) -> Result<Option<Checkpoint>, AuditLogError> {
        if let Self::Objects(objects) = self {
            return objects.newest_of(origin, key).await;
        }
        let (notes, origin, key) = (self.notes().await?, origin.to_owned(), key.clone());
        // A place may have millions of checkpoints, so they are read on another thread.
        blocking(move || {
            let said = notes.iter().filter_map(|note| Some((note, Checkpoint::claimed(note).ok()?)));
            let newest = said.filter(|(_, said)| said.origin == origin).max_by_key(|(_, said)| said.size);
            let Some((note, newest)) = newest else { return Ok(None) };
            let read = Checkpoint::of_some_key(note, &key);
            read.map(Some).map_err(|_| AuditLogError::Diverged { size: newest.size })
        })
        .await
    }
}

fn anchor_error(error: impl std::fmt::Display) -> AuditLogError {
    AuditLogError::Anchor(error.to_string())
}

/// Runs short work with files on another thread, because the file may be on a slow volume.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AuditLogError> + Send + 'static,
) -> Result<T, AuditLogError> {
    let (reply, answer) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("audit-anchor".to_owned());
    thread
        .spawn(move || {
            let _ = reply.send(work());
        })
        .map_err(anchor_error)?;
    answer.await.map_err(anchor_error)?
}

fn append(path: &Path, line: &str) -> Result<(), AuditLogError> {
    append_line(path, line).map_err(|error| anchor_error(format!("{}: {error}", path.display())))
}

fn lines(path: &Path) -> Result<Vec<String>, AuditLogError> {
    let named = |error: std::io::Error| anchor_error(format!("{}: {error}", path.display()));
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(named)?,
    };
    // A line that a crash cut off was never acknowledged.
    let parsed = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    Ok(parsed.map(|line| line.checkpoint).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_torn_line_of_an_anchor_file_does_not_hide_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("anchor");
        assert!(lines(&path).unwrap().is_empty());
        let line =
            |text: &str| serde_json::to_string(&Line { at: String::new(), checkpoint: text.to_owned() });
        append(&path, &line("a\n").unwrap()).unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"at\":").unwrap();
        append(&path, &line("b\n").unwrap()).unwrap();
        assert_eq!(lines(&path).unwrap(), ["a\n", "b\n"]);
    }
}
