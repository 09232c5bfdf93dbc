//! [`ProfileDir`]: the files of profiles, and [`Lock`]: one process at a time changes the tokens of a profile.
//!
//! The directory is `$XDG_STATE_HOME/portcullis` or `~/.local/state/portcullis`, with the mode 0700. For each profile it has
//! `NAME.json` (the server), `NAME.tokens.json` (the sign-in) and `NAME.lock`, with the mode 0600. A file that others may read or
//! change, or that belongs to another user, is refused.

use std::{
    fs::{DirBuilder, File},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, OFlags},
    io::Errno,
};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;
use zeroize::Zeroizing;

use super::{
    profile::{Profile, Tokens},
    server_args::DEFAULT_PROFILE,
};
use crate::{
    cli::{error::CliError, harmless::harmless},
    secrets,
};

/// The longest file that is read, in bytes.
const LONGEST: u64 = 64 << 10;
/// How often a lock is tried that another process has.
const LOCK_EVERY: Duration = Duration::from_millis(50);

/// The directory of the profiles of this user.
#[derive(Clone, Debug)]
pub(super) struct ProfileDir(PathBuf);

/// While it lives, no other process changes the tokens of the profile. The system releases it with the process.
pub(super) struct Lock(#[expect(dead_code, reason = "the lock ends when the file is closed")] File);

impl ProfileDir {
    /// The directory that the environment of the process names.
    pub(super) fn of_process() -> Result<Self, CliError> {
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        let state = state.ok_or_else(|| {
            CliError::Usage("there is no place for the sign-in: set HOME or XDG_STATE_HOME".to_owned())
        })?;
        Ok(Self(state.join("portcullis")))
    }

    /// The profile with this name, if there is one.
    pub(super) fn profile(&self, name: &str) -> Result<Option<Profile>, CliError> {
        self.read(&self.path(name, "json"))
    }

    /// The name of the profile for this server: `default` if it is for this server, or else the first one.
    pub(super) fn name_for(&self, url: &Url) -> Result<Option<String>, CliError> {
        let mut names: Vec<String> = match std::fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &self.0, &error)),
            Ok(entries) => entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
                .filter(|name| !name.contains('.'))
                .collect(),
        };
        names.sort_by_key(|name| (name != DEFAULT_PROFILE, name.clone()));
        for name in names {
            if self.profile(&name)?.is_some_and(|profile| profile.is_of(url)) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// The tokens of the profile, if it is signed in. The profile and its tokens are two files, so a profile that has just been
    /// moved to another server can have the tokens of one server beside the URL of the other.
    ///
    /// # Errors
    /// `SignIn` if another server than this one has given the tokens; `Failure` if the file cannot be used.
    pub(super) fn tokens(&self, name: &str, server: &str) -> Result<Option<Tokens>, CliError> {
        let tokens: Option<Tokens> = self.read(&self.path(name, "tokens.json"))?;
        match tokens {
            Some(tokens) if tokens.server != server => Err(CliError::SignIn(format!(
                "the tokens of the profile `{name}` are those of {}, and are not sent to {server}: run the command again if the profile was changed meanwhile, or else sign in again with `portcullis login --profile {name} --url {server}`",
                harmless(&tokens.server)
            ))),
            tokens => Ok(tokens),
        }
    }

    /// Whether the profile has a file of tokens, whatever is in it.
    pub(super) fn has_tokens(&self, name: &str) -> bool {
        std::fs::symlink_metadata(self.path(name, "tokens.json")).is_ok()
    }

    /// Keeps the profile.
    pub(super) fn keep(&self, name: &str, profile: &Profile) -> Result<(), CliError> {
        self.write(&self.path(name, "json"), profile)
    }

    /// Keeps the tokens. The caller has the lock.
    pub(super) fn keep_tokens(&self, name: &str, tokens: &Tokens, _lock: &Lock) -> Result<(), CliError> {
        self.write(&self.path(name, "tokens.json"), tokens)
    }

    /// Removes the tokens. The caller has the lock.
    pub(super) fn remove_tokens(&self, name: &str, _lock: &Lock) -> Result<(), CliError> {
        let path = self.path(name, "tokens.json");
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &path, &error)),
            _ => Ok(()),
        }
    }

    /// Waits until no other process has the lock of the profile, and takes it. The thread is free meanwhile, and dropping the future
    /// ends the wait: a call that blocked would hold the thread on which keys and signals are heard.
    pub(super) async fn lock(&self, name: &str) -> Result<Lock, CliError> {
        let file = self.lock_file(name)?;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock(file)),
                Err(Errno::WOULDBLOCK | Errno::INTR) => tokio::time::sleep(LOCK_EVERY).await,
                Err(error) => return Err(failed("lock", &self.path(name, "lock"), &error.into())),
            }
        }
    }

    fn lock_file(&self, name: &str) -> Result<File, CliError> {
        self.make()?;
        let path = self.path(name, "lock");
        let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(&path);
        file.map_err(|error| failed("open", &path, &error))
    }

    fn path(&self, name: &str, kind: &str) -> PathBuf {
        self.0.join(format!("{name}.{kind}"))
    }

    /// Creates the directory. An existing one must belong to this user, and others must not be able to change it.
    fn make(&self) -> Result<(), CliError> {
        if let Some(parent) = self.0.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)
                .map_err(|error| failed("create", parent, &error))?;
        }
        match DirBuilder::new().mode(0o700).create(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed("create", &self.0, &error));
            }
            _ => {}
        }
        let found = std::fs::symlink_metadata(&self.0).map_err(|error| failed("read", &self.0, &error))?;
        let place = self.0.display();
        if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
            return Err(CliError::Failure(format!("{place} is no directory of this user")));
        }
        if found.mode() & 0o077 != 0 {
            return Err(CliError::Failure(format!("others may use {place}: run chmod 700 {place}")));
        }
        Ok(())
    }

    fn write(&self, path: &Path, value: &impl Serialize) -> Result<(), CliError> {
        self.make()?;
        let text =
            serde_json::to_string_pretty(value).map_err(|error| CliError::Failure(error.to_string()))?;
        Ok(secrets::replace_private(path, &Zeroizing::new(text))?)
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, CliError> {
        let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let file = match File::options().read(true).custom_flags(flags).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| failed("read", path, &error))?,
        };
        // The opened file is checked, because the file at the path could be exchanged between check and read.
        let found = file.metadata().map_err(|error| failed("read", path, &error))?;
        let (place, mode) = (path.display(), found.mode() & 0o777);
        if !found.is_file() || found.uid() != rustix::process::geteuid().as_raw() {
            return Err(CliError::Failure(format!("{place} is no file of this user, so it is not used")));
        }
        if mode & 0o077 != 0 {
            return Err(CliError::Failure(format!(
                "{place} belongs to a sign-in, but others may read or change it (mode {mode:03o}): sign out everywhere if others have read it, and run chmod 600 {place}"
            )));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(LONGEST).read_to_string(&mut text).map_err(|error| failed("read", path, &error))?;
        serde_json::from_str(&text).map(Some).map_err(|error| {
            // The text of the error has no value of the file.
            let (line, column) = (error.line(), error.column());
            CliError::Failure(format!(
                "{place} is damaged (line {line}, column {column}): remove it, and sign in again"
            ))
        })
    }
}

fn failed(action: &str, path: &Path, error: &io::Error) -> CliError {
    CliError::Failure(format!("cannot {action} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use time::OffsetDateTime;

    use super::{super::stored_secret::StoredSecret, *};

    const SERVER: &str = "https://a.example";

    fn tokens() -> Tokens {
        let secret = StoredSecret::new("a token");
        let server = SERVER.to_owned();
        Tokens { server, access: secret.clone(), refresh: secret, expires_at: OffsetDateTime::UNIX_EPOCH }
    }

    #[tokio::test]
    async fn files_are_private_and_a_file_that_others_may_read_is_refused() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = ProfileDir(home.path().join("state/portcullis"));
        assert!(directory.tokens("default", SERVER).expect("no file").is_none());
        let lock = directory.lock("default").await.expect("the lock");
        directory.keep_tokens("default", &tokens(), &lock).expect("the file");
        let mode = |path: &Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        let path = directory.path("default", "tokens.json");
        assert_eq!((mode(&directory.0), mode(&path)), (0o700, 0o600));
        assert_eq!(mode(&directory.path("default", "lock")), 0o600);
        assert_eq!(
            directory.tokens("default", SERVER).expect("the file").expect("tokens").access.expose(),
            "a token"
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("permissions");
        let refused = directory.tokens("default", SERVER).expect_err("others may read it").to_string();
        assert!(refused.contains("chmod 600") && !refused.contains("a token"), "{refused}");
        directory.remove_tokens("default", &lock).expect("removed");
        directory.remove_tokens("default", &lock).expect("removed again");
        assert!(directory.tokens("default", SERVER).expect("no file").is_none());
    }

    #[tokio::test]
    async fn tokens_of_one_server_are_not_handed_out_for_another() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = ProfileDir(home.path().join("portcullis"));
        let lock = directory.lock("default").await.expect("the lock");
        directory.keep_tokens("default", &tokens(), &lock).expect("the file");
        let refused = directory.tokens("default", "https://b.example").expect_err("another server");
        assert!(matches!(refused, CliError::SignIn(_)), "{refused:?}");
        let text = refused.to_string();
        assert!(text.contains(SERVER) && !text.contains("a token"), "{text}");
        assert!(directory.tokens("default", SERVER).expect("the file").is_some());
    }

    #[tokio::test]
    async fn a_lock_is_waited_for_while_the_thread_does_other_work() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = ProfileDir(home.path().join("portcullis"));
        let lock = directory.lock("a").await.expect("the lock");
        let second = tokio::select! {
            biased;
            second = directory.lock("a") => Some(second),
            () = tokio::task::yield_now() => None,
        };
        assert!(second.is_none(), "the lock is held");
        drop(lock);
        directory.lock("a").await.expect("the lock is free");
    }

    #[test]
    fn a_link_and_a_damaged_file_are_refused() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = ProfileDir(home.path().join("portcullis"));
        directory.make().expect("the directory");
        secrets::replace_private(&home.path().join("elsewhere"), "{}").expect("a file");
        let path = directory.path("a", "tokens.json");
        std::os::unix::fs::symlink(home.path().join("elsewhere"), &path).expect("a link");
        directory.tokens("a", SERVER).expect_err("a link");
        secrets::replace_private(&directory.path("b", "tokens.json"), "{\"access\": 17}").expect("a file");
        let damaged = directory.tokens("b", SERVER).expect_err("damaged").to_string();
        assert!(damaged.contains("is damaged (line 1"), "{damaged}");
    }

    #[test]
    fn the_profile_of_a_server_is_found_by_its_url() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = ProfileDir(home.path().join("portcullis"));
        let url = Url::parse("https://b.example").expect("a URL");
        assert_eq!(directory.name_for(&url).expect("no directory"), None);
        for (name, url) in
            [("default", "https://a.example"), ("b", "https://b.example"), ("a", "https://b.example")]
        {
            directory.keep(name, &Profile::of_url(url, false).expect("a profile")).expect("kept");
        }
        assert_eq!(directory.name_for(&url).expect("a name").as_deref(), Some("a"));
        directory
            .keep("default", &Profile::of_url("https://b.example", false).expect("a profile"))
            .expect("kept");
        assert_eq!(directory.name_for(&url).expect("a name").as_deref(), Some("default"));
    }
}
