//! Sessions that an earlier run signed in, saved in a file in the data directory. They stay valid after a restart of
//! the server, so that a scenario can measure a process that has not hashed any password.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    process::{Incarnation, Process},
    rest::Tokens,
    session::Session,
    target::Target,
};

/// The content of the file.
#[derive(Deserialize, Serialize)]
pub(crate) struct Prepared {
    /// The process that hashed the passwords.
    signed_in_by: Option<Incarnation>,
    sessions: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
struct Entry {
    user: usize,
    tokens: Tokens,
}

impl Prepared {
    pub(crate) fn new(process: Option<&Process>, sessions: Vec<Session>) -> io::Result<Self> {
        let entry = |Session { user, tokens, .. }| Entry { user, tokens };
        Ok(Self {
            signed_in_by: process.map(Process::incarnation).transpose()?,
            sessions: sessions.into_iter().map(entry).collect(),
        })
    }

    /// Whether this process hashed the passwords.
    pub(crate) fn hashed_by(&self, process: &Process) -> io::Result<bool> {
        Ok(self.signed_in_by == Some(process.incarnation()?))
    }

    pub(crate) fn sessions(self, target: &Target) -> Vec<Session> {
        let session = |Entry { user, tokens }| Session { user, source: target.source(user), tokens };
        self.sessions.into_iter().map(session).collect()
    }

    /// Replaces the file. Only its owner may read it, because the tokens in it are valid.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Failure> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        Ok(())
    }
}

/// Reads the sessions that `loadtest prepare` saved for this server.
pub(crate) fn load(target: &Target) -> Result<Prepared, Failure> {
    let path = &target.prepared;
    let bytes = fs::read(path)
        .map_err(|error| format!("{}: {error}; run `loadtest prepare` first", path.display()))?;
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_file_is_readable_only_by_its_owner_and_names_the_process_that_hashed() {
        let path = std::env::temp_dir().join(format!("loadtest-prepared-{}", std::process::id()));
        fs::write(&path, "of another user").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let this = Process::new(std::process::id()).unwrap();
        let session = Session { user: 7, source: None, tokens: Tokens::example(70) };
        Prepared::new(Some(&this), vec![session]).unwrap().save(&path).unwrap();

        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read: Prepared = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(read.hashed_by(&this).unwrap());
        assert!(!read.hashed_by(&Process::new(1).unwrap()).unwrap());
        assert_eq!((read.sessions[0].user, read.sessions[0].tokens.user_id()), (7, 70));
        fs::remove_file(&path).unwrap();
    }
}
