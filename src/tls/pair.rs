//! [`PairPaths`]: the two files of a certificate and its private key, as `portcullis cert` writes them.

use std::path::{Path, PathBuf};

use super::{error::TlsError, issue::Issued};
use crate::secrets;

/// The paths of a certificate (`<prefix>.crt`) and of its private key (`<prefix>.key`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairPaths {
    /// The certificate, in PEM form. All users may read it.
    pub certificate: PathBuf,
    /// The private key, in PEM form. Only its owner may read it.
    pub key: PathBuf,
}

impl PairPaths {
    /// The paths that begin with this prefix. A dot in the prefix is kept: `api.example.com` leads to `api.example.com.crt`.
    #[must_use]
    pub fn of(prefix: &Path) -> Self {
        let with = |ending: &str| {
            let mut path = prefix.as_os_str().to_owned();
            path.push(ending);
            PathBuf::from(path)
        };
        Self { certificate: with(".crt"), key: with(".key") }
    }

    /// Writes both files. Without `force`, existing files are not replaced. After an error, neither file is written.
    ///
    /// # Errors
    /// A file exists, or cannot be written.
    pub fn write(&self, issued: &Issued, force: bool) -> Result<(), TlsError> {
        if force {
            secrets::replace_private(&self.key, &issued.key)?;
            return Ok(secrets::replace_public(&self.certificate, &issued.certificate)?);
        }
        // This check comes first, so that no new key is written beside an existing certificate.
        if self.certificate.symlink_metadata().is_ok() {
            return Err(TlsError::Exists(self.certificate.clone()));
        }
        if !secrets::create_private(&self.key, &issued.key)? {
            return Err(TlsError::Exists(self.key.clone()));
        }
        let written = match secrets::create_public(&self.certificate, &issued.certificate) {
            Ok(true) => return Ok(()),
            Ok(false) => TlsError::Exists(self.certificate.clone()),
            Err(error) => error.into(),
        };
        // This key was made a moment ago. Without its certificate, nothing uses it.
        let _ = std::fs::remove_file(&self.key);
        Err(written)
    }
}
