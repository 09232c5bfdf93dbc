//! `portcullis backup`: writes the whole database into one file, with `pg_dump`.
//!
//! The password of the database reaches `pg_dump` through its environment. The file appears under its name when it is complete.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use uuid::Uuid;

use super::{
    error::CliError,
    tool::{self, DatabaseArgs},
};
use crate::{config::Variables, postgres::ClientProgram};

/// Writes a backup of the database into a file. Servers may be running meanwhile.
#[derive(Debug, Args)]
pub(super) struct Backup {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The file of the backup. It must not exist yet. Only its owner can read it.
    file: PathBuf,
}

impl Backup {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        if self.file.exists() {
            return Err(CliError::Usage(format!("{} exists already", self.file.display())));
        }
        let file = self.file;
        tool::with_database(&self.database, variables, async |store, database| {
            // A role that only reads suffices, so no rights of a server are needed.
            if !store.schema_is_current().await? {
                return Err(CliError::NotMigrated);
            }
            let program = ClientProgram::find("pg_dump", store.server_major().await?)?;
            let partial = Partial::create(&file)?;
            let arguments: [&OsStr; 4] = [
                "--format=custom".as_ref(),
                "--no-password".as_ref(),
                "--file".as_ref(),
                partial.0.as_os_str(),
            ];
            let dumped = program.run(&arguments, database.libpq_environment(program.major()));
            dumped.map_err(|error| match error.to_string() {
                text if text.contains("permission denied") => CliError::Failure(format!(
                    "{text}\nThe database role may not read everything. `portcullis migrate`, as the owner of the tables, gives this \
                     right to the role of the server"
                )),
                _ => error.into(),
            })?;
            let bytes = partial.complete(&file)?;
            println!("wrote {} ({bytes} bytes, pg_dump {})", file.display(), program.major());
            println!(
                "The file contains password hashes, and secrets sealed with DATA_ENCRYPTION_KEY. Keep that key elsewhere."
            );
            Ok(())
        })
    }
}

/// The file while it is being written. It is removed if the backup fails.
struct Partial(PathBuf);

impl Partial {
    fn create(file: &Path) -> Result<Self, CliError> {
        // Other users of the directory cannot foresee the name, so they cannot put another file or a link there.
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.partial", Uuid::new_v4().simple()));
        let partial = file.with_file_name(name);
        // The file is created here, because `pg_dump` would let other users read it.
        let created = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
        match created {
            Ok(_) => Ok(Self(partial)),
            Err(error) => Err(CliError::Usage(format!("{}: {error}", partial.display()))),
        }
    }

    /// Gives the file its name. `pg_dump` has written it to the disk. Returns its length.
    fn complete(self, file: &Path) -> io::Result<u64> {
        // A link, unlike a new name, never replaces a file that was created meanwhile.
        fs::hard_link(&self.0, file)?;
        if let Some(directory) = file.parent() {
            let directory = if directory == Path::new("") { Path::new(".") } else { directory };
            fs::File::open(directory)?.sync_all()?;
        }
        Ok(fs::metadata(file)?.len())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
