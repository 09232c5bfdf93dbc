//! One running private cluster, and the order of its start. `cli` and the tests of other modules use it.

use std::path::{Path, PathBuf};

use super::{
    DATABASE,
    binaries::{self, Binaries},
    error::StartError,
    init,
    lock::Lock,
    paths::ClusterPaths,
    plan::{Durability, Plan},
    probe,
    supervisor::Supervisor,
};

/// A running private server. Dropping this value stops the server. On Linux, the server also stops if this process is killed.
#[derive(Debug)]
pub struct Cluster {
    socket_dir: PathBuf,
    location: PathBuf,
    /// Declared before the lock, and therefore dropped before it: the lock is released only when the server has stopped.
    supervisor: Supervisor,
    _lock: Lock,
}

impl Cluster {
    /// Starts the cluster of `data_dir`. Creates the directory, the cluster and its database if they are missing, and
    /// removes the files that a killed server left. Blocks until the server answers: about a second for the first start,
    /// about 50 ms for later starts.
    ///
    /// The cluster is in `<data_dir>/postgres`; see [`Cluster::location`] for the exception.
    pub fn start(data_dir: &Path, durability: Durability) -> Result<Self, StartError> {
        std::fs::create_dir_all(data_dir).map_err(StartError::io("create", data_dir))?;
        let mut paths = ClusterPaths::of(data_dir)?;
        paths.make_parent()?;
        let lock = Lock::take(&paths)?;
        paths.name_socket_dir()?;
        let binaries = choose_binaries(&paths)?;
        let plan = Plan { paths, binaries, durability };
        if !plan.paths.is_initialised() {
            init::initialise(&plan)?;
        }
        plan.paths.make_socket_dir()?;
        let (socket_dir, location) = (plan.paths.socket_dir.clone(), plan.paths.location.clone());
        let supervisor = Supervisor::start(plan)?;
        let cluster = Self { socket_dir, location, supervisor, _lock: lock };
        probe::ensure_database(&cluster.socket_dir, DATABASE)
            .map_err(|reason| StartError::Database { name: DATABASE, reason: reason.to_string() })?;
        Ok(cluster)
    }

    /// The directory of the server's Unix socket: the `host` to connect to.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The database to connect to; it exists.
    pub fn database(&self) -> &'static str {
        DATABASE
    }

    /// The process id of the postmaster (the main process of the server). The id changes when the postmaster ends unexpectedly
    /// and is started again.
    pub fn pid(&self) -> u32 {
        self.supervisor.pid()
    }

    /// Where the data is: `postgres` in the data directory, with one exception. If this process is root, and the user of the
    /// server cannot enter the data directory (for example below /root), the data of a new cluster is in a directory below
    /// /var/lib/portcullis/clusters.
    pub fn location(&self) -> &Path {
        &self.location
    }
}

/// The binaries for the cluster at `paths`. For an existing cluster, these are binaries of the major version that made it,
/// otherwise the first ones found.
fn choose_binaries(paths: &ClusterPaths) -> Result<Binaries, StartError> {
    let wanted = if paths.is_initialised() { Some(made_by(paths)?) } else { None };
    binaries::find_for(&paths.account, wanted).map_err(|error| match (wanted, error.other_majors()) {
        (Some(cluster), others) if !others.is_empty() => {
            let found = others.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            StartError::OtherMajor { location: paths.location.clone(), cluster, found }
        }
        _ => StartError::Find(error),
    })
}

/// The major version that made the cluster.
fn made_by(paths: &ClusterPaths) -> Result<u32, StartError> {
    let path = paths.location.join("PG_VERSION");
    let text = std::fs::read_to_string(&path).map_err(StartError::io("read", &path))?;
    text.trim().parse().map_err(|_| StartError::NotACluster(paths.location.clone()))
}
