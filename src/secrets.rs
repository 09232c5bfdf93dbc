//! The secrets of a development server, and the permissions of files with secrets. The secrets are generated once and kept in
//! `<data_dir>/secrets`; `cli` loads them.
//!
//! A file that this program writes can be read and changed only by its owner. `tls` and `cli::summary` write such files, too;
//! the certificates that `tls` writes can be read by every user. A file of the operator may be readable by other users, but other
//! users must not be able to change it. `config` and `tls` read such files.
//!
//! In production the operator provides the secrets; no secret is generated there.

use std::{
    fs::{DirBuilder, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Letters and digits that are not easily confused, so that the password can be read aloud.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// A stored secret that is shorter than this, in bytes, must have been truncated, so it is refused.
const SHORTEST: usize = 16;
/// The longest secret, in bytes. A larger file is not a secret.
pub(crate) const LONGEST: u64 = 64 << 10;

/// The generated secrets of a development server.
#[derive(Debug, Clone)]
pub struct DevSecrets {
    /// The secret of access tokens and refresh tokens: 32 random bytes in base64url.
    pub jwt: SecretString,
    /// The secret of CSRF tokens and signed cookies: 32 random bytes in base64url.
    pub csrf: SecretString,
    /// The secret that encrypts and hashes data in the database: 32 random bytes in base64url.
    pub data_encryption: SecretString,
    /// The password of the first administrator: five groups of five characters, 125 random bits.
    pub admin_password: SecretString,
}

/// Why a secret could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// Users other than the owner of the file may read or change it.
    #[error("{path} holds a secret but others may read or change it (mode {mode:03o}): run chmod 600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Users other than the owner of the file may change it.
    #[error("{path} holds a secret but others may change it (mode {mode:03o}): run chmod go-w {path}")]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file does not contain a usable secret.
    #[error(
        "{0} does not hold a usable secret; if this server generated the file, remove it, and a new one is generated"
    )]
    Unusable(PathBuf),
    /// The system gave no random bytes.
    #[error("no random bytes: {0}")]
    Randomness(getrandom::Error),
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// The operation.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// Loads the secrets in `<data_dir>/secrets`. A missing secret is generated and stored there. Processes that start for the
/// first time at the same moment get the same secrets.
pub fn load_or_generate(data_dir: &Path) -> Result<DevSecrets, SecretsError> {
    let directory = data_dir.join("secrets");
    make_private_dir(&directory)?;
    Ok(DevSecrets {
        jwt: keep(&directory.join("jwt"), random_key)?,
        csrf: keep(&directory.join("csrf"), random_key)?,
        data_encryption: keep(&directory.join("data_encryption"), random_key)?,
        admin_password: keep(&directory.join("admin_password"), random_password)?,
    })
}

/// A secret that the operator gave in a file.
#[derive(Debug)]
pub struct OperatorSecret {
    /// The content of the file, without a byte order mark in front of it.
    pub text: Zeroizing<String>,
    /// Whether every user of this machine may read the file. Such a file leads to a warning and is not refused, because
    /// containers mount secrets in this way (Docker with mode 0444, Kubernetes with 0644).
    pub readable_by_others: bool,
}

/// Reads a file with a secret of the operator. The file is refused if it has more than `limit` bytes, or if other users than
/// its owner may change it.
pub fn read_operators(path: &Path, limit: u64) -> Result<OperatorSecret, SecretsError> {
    let (text, mode) = read_checked(path, WRITABLE, limit)?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => Zeroizing::new(rest.to_owned()),
        None => text,
    };
    Ok(OperatorSecret { text, readable_by_others: mode & 0o004 != 0 })
}

/// Reads a file that this program wrote: only its owner may read or change it.
pub(crate) fn read_own(path: &Path) -> Result<Zeroizing<String>, SecretsError> {
    Ok(read_checked(path, 0o077, LONGEST)?.0)
}

/// The mode of a file that only its owner may read.
const PRIVATE: u32 = 0o600;
/// The mode of a file that every user may read.
const PUBLIC: u32 = 0o644;
/// The permissions of the group and of all others to change a file.
pub(crate) const WRITABLE: u32 = 0o022;

/// The content of the file and its permissions.
fn read_checked(path: &Path, forbidden: u32, limit: u64) -> Result<(Zeroizing<String>, u32), SecretsError> {
    let file = File::open(path).map_err(failed("read", path))?;
    // The opened file is checked, because the file at the path could be exchanged between check and read.
    let found = file.metadata().map_err(failed("read", path))?;
    let mode = found.mode() & 0o777;
    // The permissions of a pipe mean nothing.
    if found.is_file() && mode & forbidden != 0 {
        let path = path.to_owned();
        let writable = forbidden == WRITABLE;
        return Err(if writable {
            SecretsError::Writable { path, mode }
        } else {
            SecretsError::Open { path, mode }
        });
    }
    let mut text = Zeroizing::new(String::new());
    let read = file.take(limit + 1).read_to_string(&mut text).map_err(failed("read", path))?;
    if read as u64 > limit {
        return Err(SecretsError::Unusable(path.to_owned()));
    }
    Ok((text, if found.is_file() { mode } else { 0 }))
}

/// Creates a directory that only its owner may enter. If the directory exists, changes its permissions so that only its owner
/// may enter.
pub(crate) fn make_private_dir(path: &Path) -> Result<(), SecretsError> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed("create", parent))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed("create", path)(error)),
        _ => std::fs::set_permissions(path, Permissions::from_mode(0o700))
            .map_err(failed("restrict the permissions of", path)),
    }
}

/// Writes `text` to a new file at `path`. The file is complete from the first moment, and only its owner may read it. Returns
/// `false` if there is a file already. That file stays unchanged.
pub(crate) fn create_private(path: &Path, text: &str) -> Result<bool, SecretsError> {
    create(path, text, PRIVATE)
}

/// Like [`create_private`], but every user may read the file.
pub(crate) fn create_public(path: &Path, text: &str) -> Result<bool, SecretsError> {
    create(path, text, PUBLIC)
}

fn create(path: &Path, text: &str, mode: u32) -> Result<bool, SecretsError> {
    let draft = write_draft(path, text, mode)?;
    // Unlike a rename, a link never replaces a file that another process has just created.
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft).map_err(failed("remove", &draft))?;
    match linked {
        Ok(()) => sync_parent(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed("create", path)(error)),
    }
}

/// Like [`create_private`], but replaces an existing file.
pub(crate) fn replace_private(path: &Path, text: &str) -> Result<(), SecretsError> {
    replace(path, text, PRIVATE)
}

/// Like [`create_public`], but replaces an existing file.
pub(crate) fn replace_public(path: &Path, text: &str) -> Result<(), SecretsError> {
    replace(path, text, PUBLIC)
}

fn replace(path: &Path, text: &str, mode: u32) -> Result<(), SecretsError> {
    let draft = write_draft(path, text, mode)?;
    if let Err(error) = std::fs::rename(&draft, path) {
        let _ = std::fs::remove_file(&draft);
        return Err(failed("replace", path)(error));
    }
    sync_parent(path)
}

/// Writes a file as large as the largest secret beside the file at `path`, and removes it. If that fails, for example on a full
/// or read-only disk, [`replace_private`] would fail, too.
pub(crate) fn check_replaceable(path: &Path) -> Result<(), SecretsError> {
    let filler = " ".repeat(usize::try_from(LONGEST).unwrap_or_default());
    let draft = write_draft(path, &filler, PRIVATE)?;
    std::fs::remove_file(&draft).map_err(failed("remove", &draft))
}

/// Replaces an existing file of the operator by another text. The new file has the owner, the group and the permissions of the
/// old one. A symbolic link stays, and the file that it names is replaced.
pub(crate) fn replace_alike(path: &Path, text: &str) -> Result<(), SecretsError> {
    let path = &path.canonicalize().map_err(failed("find", path))?;
    let found = std::fs::metadata(path).map_err(failed("read", path))?;
    let draft = write_draft(path, text, PRIVATE)?;
    let alike = |draft: &Path| {
        std::os::unix::fs::lchown(draft, Some(found.uid()), Some(found.gid()))?;
        // After the owner, because a change of the owner may remove permissions.
        std::fs::set_permissions(draft, Permissions::from_mode(found.mode() & 0o777))?;
        std::fs::rename(draft, path)
    };
    if let Err(error) = alike(&draft) {
        let _ = std::fs::remove_file(&draft);
        return Err(failed("replace", path)(error));
    }
    sync_parent(path)
}

fn write_draft(path: &Path, text: &str, mode: u32) -> Result<PathBuf, SecretsError> {
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce).map_err(SecretsError::Randomness)?;
    let draft = path.with_extension(format!("{:016x}.new", u64::from_ne_bytes(nonce)));
    let write = |mut file: File| {
        file.write_all(text.as_bytes())?;
        // The mode at the creation is subject to the umask.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()
    };
    let created = File::options().write(true).create_new(true).mode(0o600).open(&draft);
    if let Err(error) = created.and_then(write) {
        // If this fails, for example on a full disk, an incomplete draft stays. It is never read as a secret.
        let _ = std::fs::remove_file(&draft);
        return Err(failed("write", path)(error));
    }
    Ok(draft)
}

fn sync_parent(path: &Path) -> Result<(), SecretsError> {
    // The parent of a relative path without a directory is the empty path.
    let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(failed("sync", parent))
}

/// The secret at `path`. If there is no secret, `make` generates one, which is stored at `path`.
fn keep(
    path: &Path,
    make: fn() -> Result<Zeroizing<String>, SecretsError>,
) -> Result<SecretString, SecretsError> {
    match read_own(path) {
        Err(SecretsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let made = make()?;
            create_private(path, &made)?;
        }
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let secret = SecretString::from(read_own(path)?.trim());
    if secret.expose_secret().len() < SHORTEST {
        return Err(SecretsError::Unusable(path.to_owned()));
    }
    Ok(secret)
}

/// 32 random bytes in base64url.
pub(crate) fn random_key() -> Result<Zeroizing<String>, SecretsError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(SecretsError::Randomness)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

/// A random password: five groups of five characters.
fn random_password() -> Result<Zeroizing<String>, SecretsError> {
    let mut bytes = Zeroizing::new([0; 25]);
    getrandom::fill(&mut *bytes).map_err(SecretsError::Randomness)?;
    let mut password = Zeroizing::new(String::with_capacity(29));
    for (position, byte) in bytes.iter().enumerate() {
        if position > 0 && position % 5 == 0 {
            password.push('-');
        }
        password.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Ok(password)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SecretsError {
    let path = path.to_owned();
    move |source| SecretsError::Io { action, path, source }
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
