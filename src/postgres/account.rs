//! The user of the operating system for the private server. It is the user of this process or, if this process is root, an
//! ordinary user, because PostgreSQL refuses to run as root. `paths`, `binaries` and `command` use this file.

use std::{os::unix::fs::MetadataExt, path::Path};

use super::process;

/// A user that runs PostgreSQL's programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// The name for messages; the number if the machine has no name for the user.
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether a child must give up root to become this user.
    pub(super) dropped: bool,
}

impl Account {
    /// The user for the cluster of `data_dir` at `location`: the user of this process, unless this user is root. For root, it
    /// is the first of these that is not root: the owner of an existing cluster, the owner of the data directory, `postgres`,
    /// `nobody`. These users must be in /etc/passwd, because `initdb` looks up the name of its user.
    pub(super) fn choose(location: &Path, data_dir: &Path) -> Option<Self> {
        let uid = process::effective_uid();
        let table = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        if uid != 0 {
            let name = by_uid(&table, uid).map_or_else(|| uid.to_string(), |account| account.name);
            return Some(Self { name, uid, gid: process::effective_gid(), dropped: false });
        }
        let owner_of =
            |path: &Path| std::fs::metadata(path).ok().map(|found| found.uid()).filter(|uid| *uid != 0);
        owner_of(location)
            .and_then(|uid| by_uid(&table, uid))
            .or_else(|| owner_of(data_dir).and_then(|uid| by_uid(&table, uid)))
            .or_else(|| by_name(&table, "postgres"))
            .or_else(|| by_name(&table, "nobody"))
    }

    /// Whether this user may enter `directory`: the user needs the right to enter it and every directory above it. For the user
    /// of this process, the answer is `true` without a check.
    pub(super) fn can_enter(&self, directory: &Path) -> bool {
        !self.dropped || directory.ancestors().all(|step| self.passes(step))
    }

    fn passes(&self, directory: &Path) -> bool {
        let Ok(found) = std::fs::metadata(directory) else {
            return false;
        };
        let bit = if found.uid() == self.uid {
            0o100
        } else if found.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        found.mode() & bit != 0
    }
}

fn by_uid(table: &str, uid: u32) -> Option<Account> {
    entries(table).find(|account| account.uid == uid)
}

fn by_name(table: &str, name: &str) -> Option<Account> {
    entries(table).find(|account| account.name == name && account.uid != 0)
}

/// The users of a passwd(5) table. `getpwnam` would need unsafe code and is not thread-safe.
fn entries(table: &str) -> impl Iterator<Item = Account> + '_ {
    table.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { name, uid, gid, dropped: true })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "root:x:0:0:root:/root:/bin/bash\n\
                         postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n\
                         broken line\n\
                         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let postgres = by_name(TABLE, "postgres").unwrap();
        assert_eq!((postgres.uid, postgres.gid), (101, 104));
        assert_eq!(by_uid(TABLE, 65534).unwrap().name, "nobody");
    }

    #[test]
    fn root_is_never_found_by_name() {
        assert_eq!(by_name(TABLE, "root"), None);
        assert_eq!(by_name("postgres:x:0:0::/:/bin/sh\n", "postgres"), None);
    }

    #[test]
    fn a_user_cannot_enter_a_directory_inside_one_that_the_user_cannot_enter() {
        use std::os::unix::fs::PermissionsExt;
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let stranger = Account { name: "stranger".into(), uid: 4_000_000, gid: 4_000_000, dropped: true };
        std::fs::set_permissions(outer.path(), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::set_permissions(&inner, PermissionsExt::from_mode(0o755)).unwrap();
        assert!(stranger.can_enter(&inner));
        std::fs::set_permissions(outer.path(), PermissionsExt::from_mode(0o700)).unwrap();
        assert!(!stranger.can_enter(&inner));
    }
}
