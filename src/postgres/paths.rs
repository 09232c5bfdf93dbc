//! The paths of a cluster: its directory, the files beside it, and its socket. All paths are derived from the data directory
//! and from a file beside the cluster. So a second process finds the same paths. `cluster` and `attach` make them, and the
//! steps of a start use them.

use std::{
    fs::{DirBuilder, File, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{PORT, account::Account, error::StartError, process};

/// The directory of clusters of a user that cannot enter the data directory.
const FALLBACK: &str = "/var/lib/portcullis/clusters";
/// The extension of the file that contains the name of the socket's directory.
const SOCKET_NAME: &str = "socket";

/// The paths of one cluster, and the user that runs it.
#[derive(Clone, Debug)]
pub(super) struct ClusterPaths {
    /// PostgreSQL's data directory.
    pub(super) location: PathBuf,
    /// The directory of the Unix socket.
    pub(super) socket_dir: PathBuf,
    pub(super) account: Account,
}

impl ClusterPaths {
    /// The paths for `data_dir`, which must exist. Creates nothing.
    pub(super) fn of(data_dir: &Path) -> Result<Self, StartError> {
        let data_dir = data_dir.canonicalize().map_err(StartError::io("open", data_dir))?;
        let preferred = data_dir.join("postgres");
        let fallback = Path::new(FALLBACK).join(fingerprint(&data_dir)).join("postgres");
        let account = Account::choose(&preferred, &data_dir).ok_or(StartError::NoAccount)?;
        // An existing cluster stays where it is. If a changed permission led to another location, the data of the cluster
        // would seem to be lost.
        let location = if is_cluster(&preferred) {
            preferred
        } else if is_cluster(&fallback) || !account.can_enter(&data_dir) {
            fallback
        } else {
            preferred
        };
        let account = Account::choose(&location, &data_dir).ok_or(StartError::NoAccount)?;
        let owner = std::fs::metadata(&location).map_or(account.uid, |found| found.uid());
        // The path of a Unix socket has at most 107 bytes, and the path of the data can be longer. So the socket is not
        // beside the data.
        let name = socket_name(&location)?.unwrap_or_else(|| fingerprint(&location));
        Ok(Self { socket_dir: socket_dir(owner, &name), location, account })
    }

    /// Gives the socket's directory a random name, unless it has one. Other users do not know this name, so they cannot create
    /// the directory first. The name is kept in a file beside the cluster, so that a second process finds it. The caller must
    /// hold the lock of the cluster.
    pub(super) fn name_socket_dir(&mut self) -> Result<(), StartError> {
        if socket_name(&self.location)?.is_some() {
            return Ok(());
        }
        let mut random = [0; 8];
        let path = self.beside(SOCKET_NAME);
        let filled = getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()));
        let name = format!("{:016x}", u64::from_ne_bytes(random));
        let mut options = File::options();
        let options = options.create(true).truncate(true).write(true).mode(0o600);
        let write = |mut file: File| file.write_all(name.as_bytes()).and_then(|()| file.sync_all());
        let written = filled.and_then(|()| options.open(&path)).and_then(write);
        written.map_err(StartError::io("write", &path))?;
        self.socket_dir = socket_dir(self.account.uid, &name);
        Ok(())
    }

    /// A file beside the cluster, with the name of the cluster and the given extension, for example `postgres.lock`.
    pub(super) fn beside(&self, extension: &str) -> PathBuf {
        self.location.with_extension(extension)
    }

    /// Whether there is a cluster already.
    pub(super) fn is_initialised(&self) -> bool {
        is_cluster(&self.location)
    }

    /// The socket that the server listens on.
    pub(super) fn socket(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{PORT}"))
    }

    /// Creates the directory that contains the cluster's directory, and checks that the cluster's user can enter it.
    pub(super) fn make_parent(&self) -> Result<(), StartError> {
        let parent = self.location.parent().unwrap_or(&self.location);
        std::fs::create_dir_all(parent).map_err(StartError::io("create", parent))?;
        if parent.starts_with(FALLBACK) {
            // The user of the server must be able to enter, with any umask of this process.
            for step in parent.ancestors().take_while(|step| step.starts_with("/var/lib/portcullis")) {
                let open = Permissions::from_mode(0o755);
                std::fs::set_permissions(step, open)
                    .map_err(StartError::io("set the permissions of", step))?;
            }
        }
        if !self.account.can_enter(parent) {
            return Err(StartError::CannotEnter {
                location: self.location.clone(),
                account: self.account.name.clone(),
            });
        }
        Ok(())
    }

    /// Creates the socket's directory if it is missing, and checks that only its owner can enter it. Nothing else keeps other
    /// users out of the database.
    pub(super) fn make_socket_dir(&self) -> Result<(), StartError> {
        let path = &self.socket_dir;
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) if self.account.dropped => {
                std::os::unix::fs::chown(path, Some(self.account.uid), Some(self.account.gid))
                    .map_err(StartError::io("change the owner of", path))?;
            }
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StartError::io("create", path)(error)),
        }
        self.check_socket_dir()
    }

    /// Checks that the socket's directory is a real directory of the server's user, and that no other user (except root) can
    /// enter it.
    pub(super) fn check_socket_dir(&self) -> Result<(), StartError> {
        let path = &self.socket_dir;
        let found =
            std::fs::symlink_metadata(path).map_err(StartError::io("read the properties of", path))?;
        let why = if !found.is_dir() {
            "it is not a directory".to_owned()
        } else if found.uid() != self.account.uid {
            format!("it belongs to user {}, not to {}", found.uid(), self.account.name)
        } else if found.mode() & 0o077 != 0 {
            format!("others may enter it (mode {:03o})", found.mode() & 0o777)
        } else {
            return Ok(());
        };
        Err(StartError::SocketDirectory { path: path.clone(), why })
    }
}

fn socket_dir(owner: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/tmp/portcullis-{owner}-{name}"))
}

/// The name of the socket's directory in the file beside the cluster, if the file exists and its text is such a name.
fn socket_name(location: &Path) -> Result<Option<String>, StartError> {
    let path = location.with_extension(SOCKET_NAME);
    match std::fs::read_to_string(&path) {
        Ok(name) => {
            Ok(Some(name)
                .filter(|name| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StartError::io("read", &path)(error)),
    }
}

fn is_cluster(location: &Path) -> bool {
    // Only the owner and root can look into a cluster's directory. If this process cannot, an existing directory of another
    // user counts as a cluster.
    let foreign = |found: std::fs::Metadata| found.uid() != process::effective_uid();
    match std::fs::metadata(location.join("PG_VERSION")) {
        Ok(found) => found.is_file(),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            std::fs::metadata(location).is_ok_and(foreign)
        }
        Err(_) => false,
    }
}

/// The FNV-1a hash of a path. The hash is short. It must be the same in every version of this program, because directories are
/// named after it.
fn fingerprint(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_never_changes() {
        assert_eq!(fingerprint(Path::new("a")), "af63dc4c8601ec8c");
        assert_eq!(fingerprint(Path::new("foobar")), "85944171f73967e8");
    }

    #[test]
    fn a_deep_data_directory_still_has_a_short_socket_path() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let paths = ClusterPaths::of(&deep).unwrap();
        assert!(paths.socket().as_os_str().len() <= 107, "{}", paths.socket().display());
    }

    #[test]
    fn a_new_cluster_is_elsewhere_if_its_user_cannot_enter_the_data_directory() {
        let closed = tempfile::tempdir().unwrap();
        std::fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
        let elsewhere = ClusterPaths::of(closed.path()).unwrap().location.starts_with(FALLBACK);
        assert_eq!(elsewhere, process::effective_uid() == 0, "only root runs the server as another user");
    }

    #[test]
    fn an_existing_cluster_stays_where_it_is() {
        let closed = tempfile::tempdir().unwrap();
        let location = closed.path().canonicalize().unwrap().join("postgres");
        std::fs::create_dir(&location).unwrap();
        std::fs::write(location.join("PG_VERSION"), "15\n").unwrap();
        std::fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
        assert_eq!(ClusterPaths::of(closed.path()).unwrap().location, location);
    }

    #[test]
    fn the_socket_directory_gets_a_name_that_is_kept_and_cannot_be_guessed() {
        let dir = tempfile::tempdir().unwrap();
        let mut paths = ClusterPaths::of(dir.path()).unwrap();
        paths.location = dir.path().canonicalize().unwrap().join("postgres");
        let guessed = socket_dir(paths.account.uid, &fingerprint(&paths.location));
        paths.name_socket_dir().unwrap();
        assert_ne!(paths.socket_dir, guessed);
        let named = paths.socket_dir.clone();
        paths.name_socket_dir().unwrap();
        assert_eq!(paths.socket_dir, named);
        let file = std::fs::metadata(paths.beside(SOCKET_NAME)).unwrap();
        assert_eq!(file.mode() & 0o777, 0o600, "other users cannot read the name");
        assert_eq!(
            socket_name(&paths.location).unwrap().map(|name| socket_dir(paths.account.uid, &name)),
            Some(named)
        );
    }

    #[test]
    fn a_socket_directory_that_other_users_may_enter_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut paths = ClusterPaths::of(dir.path()).unwrap();
        paths.socket_dir = dir.path().join("socket");
        paths.make_socket_dir().unwrap();
        std::fs::set_permissions(&paths.socket_dir, Permissions::from_mode(0o755)).unwrap();
        let refusal = paths.make_socket_dir().unwrap_err();
        assert!(refusal.to_string().contains("others may enter it (mode 755)"), "{refusal}");
    }

    #[test]
    fn a_link_in_place_of_the_socket_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut paths = ClusterPaths::of(dir.path()).unwrap();
        paths.socket_dir = dir.path().join("socket");
        std::os::unix::fs::symlink("/tmp", &paths.socket_dir).unwrap();
        let refusal = paths.make_socket_dir().unwrap_err();
        assert!(refusal.to_string().contains("it is not a directory"), "{refusal}");
    }
}
