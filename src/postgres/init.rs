//! Makes a new cluster, wholly or not at all. Called by `cluster` under the lock.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::cluster::{Cluster, Durability};
use super::error::StartError;
use super::{USER, launch};

/// Runs `initdb` in a directory beside the cluster's and renames it when it is done, so that a cluster that
/// exists is complete.
pub(super) fn initialise(cluster: &Cluster) -> Result<(), StartError> {
    let location = &cluster.place.location;
    if holds_something(location) {
        return Err(StartError::NotACluster(location.clone()));
    }
    let draft = cluster.place.beside("init");
    discard(&draft)?;
    DirBuilder::new().mode(0o700).create(&draft).map_err(StartError::io("create", &draft))?;
    if let Err(error) = fill(cluster, &draft) {
        // The reason is worth more than a second complaint about the draft, which the next start removes.
        let _ = discard(&draft);
        return Err(error);
    }
    std::fs::rename(&draft, location).map_err(StartError::io("rename", &draft))?;
    if cluster.durability == Durability::Durable {
        let parent = location.parent().unwrap_or(location);
        File::open(parent).and_then(|dir| dir.sync_all()).map_err(StartError::io("sync", parent))?;
    }
    Ok(())
}

fn fill(cluster: &Cluster, draft: &Path) -> Result<(), StartError> {
    let account = &cluster.place.account;
    if account.dropped {
        std::os::unix::fs::chown(draft, Some(account.uid), Some(account.gid))
            .map_err(StartError::io("hand over", draft))?;
    }
    let program = cluster.binaries.program("initdb");
    let mut command = launch::command(&program, account);
    // Trust is safe only because nobody but the owner can enter the socket's directory and there is no TCP.
    command.arg("-D").arg(draft).args([
        "--username",
        USER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--data-checksums",
        "--no-instructions",
    ]);
    if cluster.durability == Durability::Throwaway {
        command.arg("--no-sync");
    }
    let output = command.output().map_err(StartError::io("run", &program))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stderr, output.stdout].concat();
    Err(StartError::Initialise {
        location: cluster.place.location.clone(),
        output: String::from_utf8_lossy(&said).trim().to_owned(),
    })
}

fn holds_something(directory: &Path) -> bool {
    std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) || directory.is_file()
}

/// Removes what an interrupted `initdb` left.
fn discard(draft: &Path) -> Result<(), StartError> {
    match std::fs::remove_dir_all(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StartError::io("remove", draft)(error)),
        _ => Ok(()),
    }
}
