//! The Unix socket of `API_SOCKET`. `app` calls [`bind`]. At the end of the server, `lifecycle` drops the [`SocketFile`], which
//! removes the file of the socket.

use std::{
    fs::{self, Permissions},
    io::{self, ErrorKind},
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};

/// The file of a bound Unix socket. It is removed when this value is dropped, unless another process has replaced it.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode of the file.
    identity: (u64, u64),
}

/// Listens on a Unix socket at `path`. `mode` has the permissions of the file: processes that may write to it can connect. An
/// existing socket file is replaced if no process listens on it any more.
///
/// # Errors
/// Users other than the server's could replace the file, another process listens there, something else than a socket is there,
/// or the file cannot be made.
pub fn bind(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    check_directory(path)?;
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let found = fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), identity: (found.dev(), found.ino()) };
    // No process can connect before `listen`, so none connects with other permissions.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.listen(4096)?;
    Ok((socket.into(), file))
}

/// In a directory that all users may write, they could put their own socket in the place of the server's, and read what a proxy
/// sends. With the sticky bit, as in `/tmp`, they cannot. A group that may write is the decision of the operator.
fn check_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| *directory != Path::new("")).unwrap_or(Path::new("."));
    let found = fs::metadata(directory)?;
    let (mode, owner, own) = (found.mode(), found.uid(), rustix::process::geteuid().as_raw());
    let is_open = mode & 0o002 != 0 && mode & 0o1000 == 0;
    if is_open || (owner != 0 && owner != own) {
        let detail = format!(
            "users other than the server's may replace files in {} (owner {owner}, mode {:03o})",
            directory.display(),
            mode & 0o7777
        );
        return Err(io::Error::new(ErrorKind::PermissionDenied, detail));
    }
    Ok(())
}

fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "the file exists and is not a socket"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another process listens there")),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_own =
            fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.identity);
        if is_own && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the file of the Unix socket could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("api.sock");
        (directory, path)
    }

    #[test]
    fn the_file_has_its_mode_and_is_removed_at_the_end() {
        let (_directory, path) = directory();
        let bound = bind(&path, 0o640).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_file_is_replaced_and_a_socket_in_use_is_not() {
        let (_directory, path) = directory();
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let bound = bind(&path, 0o660).unwrap();
        assert_eq!(bind(&path, 0o660).unwrap_err().kind(), ErrorKind::AddrInUse);
        UnixStream::connect(&path).unwrap();
        drop(bound);
    }

    #[test]
    fn a_directory_that_other_users_may_write_is_refused_unless_it_is_sticky() {
        let (directory, path) = directory();
        for (mode, permitted) in [(0o707, false), (0o770, true), (0o755, true), (0o1777, true)] {
            fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
            let bound = bind(&path, 0o660).map(drop);
            let kind = bound.err().map(|error| error.kind());
            assert_eq!(kind, (!permitted).then_some(ErrorKind::PermissionDenied), "{mode:o}");
        }
    }

    #[test]
    fn a_file_that_is_no_socket_stays() {
        let (_directory, path) = directory();
        fs::write(&path, "kept").unwrap();
        assert!(bind(&path, 0o660).unwrap_err().to_string().contains("not a socket"));
        assert_eq!(fs::read(&path).unwrap(), b"kept");
    }

    #[test]
    fn the_file_of_another_process_stays() {
        let (_directory, path) = directory();
        let bound = bind(&path, 0o660).unwrap();
        let other = path.with_extension("other");
        let _other = UnixListener::bind(&other).unwrap();
        fs::rename(&other, &path).unwrap();
        drop(bound);
        assert!(path.exists());
    }
}
