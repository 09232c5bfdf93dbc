//! One private cluster and the order of its start. Called by `app`, `cli` and the tests of other rooms.

use std::path::Path;

use super::error::StartError;
use super::find::{self, Binaries};
use super::lock::Lock;
use super::place::Place;
use super::watch::{self, Running};
use super::{DATABASE, init, wire};

/// How much a cluster gives for keeping what it acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything acknowledged survives a power cut. For every real use.
    Durable,
    /// Nothing survives more than a crash of the process; several times faster. For tests, whose data is
    /// thrown away.
    Throwaway,
}

/// A private cluster that is about to be run: where it lives, with which binaries, and how.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(super) place: Place,
    pub(super) binaries: Binaries,
    pub(super) durability: Durability,
}

impl Cluster {
    /// Starts the cluster of `data_dir`, creating the directory, the cluster and its database when they are
    /// missing, and repairing what a killed predecessor left. Blocks until the server answers: about a second
    /// the first time, about 50 ms later on.
    ///
    /// The cluster lives in `<data_dir>/postgres`; see [`Running::location`] for the exception.
    pub fn start(data_dir: &Path, durability: Durability) -> Result<Running, StartError> {
        std::fs::create_dir_all(data_dir).map_err(StartError::io("create", data_dir))?;
        let place = Place::of(data_dir)?;
        place.make_parent()?;
        let lock = Lock::take(&place)?;
        let binaries = choose_binaries(&place)?;
        let cluster = Self { place, binaries, durability };
        if !cluster.place.is_initialised() {
            init::initialise(&cluster)?;
        }
        cluster.place.make_socket_dir()?;
        let running = watch::start(cluster, lock)?;
        wire::ensure_database(running.socket_dir(), DATABASE)
            .map_err(|reason| StartError::Database { name: DATABASE, reason: reason.to_string() })?;
        Ok(running)
    }
}

/// The binaries for the cluster of `place`: the first found, or those of the version that made it.
fn choose_binaries(place: &Place) -> Result<Binaries, StartError> {
    let wanted = if place.is_initialised() { Some(made_by(place)?) } else { None };
    find::find_for(&place.account, wanted).map_err(|nothing| match (wanted, nothing.other_majors()) {
        (Some(cluster), others) if !others.is_empty() => {
            let found = others.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            StartError::OtherMajor { location: place.location.clone(), cluster, found }
        }
        _ => StartError::Find(nothing),
    })
}

fn made_by(place: &Place) -> Result<u32, StartError> {
    let path = place.location.join("PG_VERSION");
    let text = std::fs::read_to_string(&path).map_err(StartError::io("read", &path))?;
    text.trim().parse().map_err(|_| StartError::NotACluster(place.location.clone()))
}
