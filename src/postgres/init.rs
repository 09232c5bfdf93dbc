//! Creates the data directory of the private PostgreSQL server (a *cluster* in PostgreSQL's words), completely or not at all.
//! The module `cluster` calls [`initialise`] while it holds the lock of the cluster.

use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use super::{
    USER,
    command::command,
    error::StartError,
    plan::{Durability, Plan},
};

/// Runs `initdb` in another directory beside the cluster's location, and renames that directory at the end. So an existing
/// cluster is always complete.
pub(super) fn initialise(plan: &Plan) -> Result<(), StartError> {
    let location = &plan.paths.location;
    if is_occupied(location) {
        return Err(StartError::NotACluster(location.clone()));
    }
    let draft = plan.paths.beside("init");
    discard(&draft)?;
    DirBuilder::new().mode(0o700).create(&draft).map_err(StartError::io("create", &draft))?;
    if let Err(error) = fill(plan, &draft) {
        // Report the first error. The next start removes a draft that could not be removed here.
        let _ = discard(&draft);
        return Err(error);
    }
    std::fs::rename(&draft, location).map_err(StartError::io("rename", &draft))?;
    if plan.durability == Durability::Durable {
        let parent = location.parent().unwrap_or(location);
        File::open(parent).and_then(|dir| dir.sync_all()).map_err(StartError::io("sync", parent))?;
    }
    Ok(())
}

fn fill(plan: &Plan, draft: &Path) -> Result<(), StartError> {
    let account = &plan.paths.account;
    if account.dropped {
        std::os::unix::fs::chown(draft, Some(account.uid), Some(account.gid))
            .map_err(StartError::io("change the owner of", draft))?;
    }
    let program = plan.binaries.program("initdb");
    let mut command = command(&program, account);
    // `trust` (connections without a password) is safe here, because only the owner can enter the socket's directory, and the
    // server has no TCP port.
    command.arg("-D").arg(draft).args([
        "--username",
        USER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--data-checksums",
        "--no-instructions",
    ]);
    if plan.durability == Durability::Throwaway {
        command.arg("--no-sync");
    }
    let output = command.output().map_err(StartError::io("run", &program))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stderr, output.stdout].concat();
    Err(StartError::Initialise {
        location: plan.paths.location.clone(),
        output: String::from_utf8_lossy(&text).trim().to_owned(),
    })
}

fn is_occupied(directory: &Path) -> bool {
    std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) || directory.is_file()
}

/// Removes the directory that a failed or interrupted `initdb` left.
fn discard(draft: &Path) -> Result<(), StartError> {
    match std::fs::remove_dir_all(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StartError::io("remove", draft)(error)),
        _ => Ok(()),
    }
}
