//! [`PrivateFile`]: a file of ACME. Data of the authority stays in memory until it is written.

use std::{
    io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::secrets::{self, SecretsError};

/// A file that only its owner may read, and the content that could not be written to it yet. So a full disk never leads to a
/// second order: authorities limit how often that is possible.
pub(super) struct PrivateFile {
    path: PathBuf,
    unwritten: Option<Zeroizing<String>>,
}

impl PrivateFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, unwritten: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The content, whether it is written or not. `None` if there is no file.
    pub(super) fn read(&self) -> Result<Option<Zeroizing<String>>, SecretsError> {
        if let Some(text) = &self.unwritten {
            return Ok(Some(text.clone()));
        }
        match secrets::read_own(&self.path) {
            Ok(text) => Ok(Some(text)),
            Err(SecretsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there is content that could not be written yet.
    pub(super) fn is_unwritten(&self) -> bool {
        self.unwritten.is_some()
    }

    /// Keeps new content for [`Self::write`].
    pub(super) fn keep(&mut self, text: Zeroizing<String>) {
        self.unwritten = Some(text);
    }

    /// Forgets the content that could not be written.
    pub(super) fn forget(&mut self) {
        self.unwritten = None;
    }

    /// Checks that the file could be replaced now. Makes its directory.
    pub(super) fn check(&self) -> Result<(), SecretsError> {
        self.make_directory()?;
        secrets::check_replaceable(&self.path)
    }

    /// Writes the content that could not be written yet. After a failure, it is still there.
    pub(super) fn write(&mut self) -> Result<(), SecretsError> {
        let Some(text) = &self.unwritten else { return Ok(()) };
        self.make_directory()?;
        secrets::replace_private(&self.path, text)?;
        self.unwritten = None;
        Ok(())
    }

    fn make_directory(&self) -> Result<(), SecretsError> {
        self.path.parent().map_or(Ok(()), secrets::make_private_dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_that_cannot_be_written_stays_in_memory_and_leaves_no_draft() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("acme").join("account.json");
        let mut file = PrivateFile::new(path.clone());
        file.check().unwrap();
        assert!(file.read().unwrap().is_none());
        // A directory at the path of the file: a write fails, also for the superuser.
        std::fs::create_dir(&path).unwrap();
        file.keep(Zeroizing::new("an account".to_owned()));
        for _ in 0..2 {
            assert!(file.write().is_err() && file.is_unwritten());
            assert_eq!(file.read().unwrap().unwrap().as_str(), "an account");
        }
        std::fs::remove_dir(&path).unwrap();
        file.write().unwrap();
        assert!(!file.is_unwritten());
        assert_eq!(file.read().unwrap().unwrap().as_str(), "an account");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_noticed_before_there_is_content() {
        let directory = tempfile::tempdir().unwrap();
        let file = PrivateFile::new(directory.path().join("acme").join("account.json"));
        std::fs::write(directory.path().join("acme"), "no directory").unwrap();
        assert!(file.check().is_err());
    }
}
