//! The records of erasures outside of the database: a file with one line per erased account, without personal data. A restored
//! backup does not know the erasures after it; with this file they are carried out again.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use protocol::id::UserId;
use serde::{Deserialize, Serialize};
use store::ErasureTombstone;
use time::OffsetDateTime;

use crate::core::appended_file::append_line;

/// The longest file that is read, in bytes. It has the records of some 500,000 accounts.
const LONGEST: u64 = 64 * 1024 * 1024;

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Record {
    user: i64,
    #[serde(with = "time::serde::rfc3339")]
    account_created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    erased_at: OffsetDateTime,
}

/// The file.
#[derive(Clone, Debug)]
pub(crate) struct ErasureRecords(PathBuf);

impl ErasureRecords {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Adds a record, and waits until it is on the disk. A record may be in the file twice.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) async fn add(&self, erased: ErasureTombstone, now: OffsetDateTime) -> io::Result<()> {
        let ErasureTombstone { user, account_created_at } = erased;
        let record = Record { user: user.0, account_created_at, erased_at: now };
        let path = self.0.clone();
        blocking(move || {
            let line = serde_json::to_string(&record).map_err(io::Error::other)?;
            append_line(&path, &line)
        })
        .await
    }

    /// The records, and the number of lines that are none. A file that does not exist has no records.
    ///
    /// # Errors
    /// The file cannot be read, or is too long.
    pub(crate) async fn read(&self) -> io::Result<(Vec<ErasureTombstone>, usize)> {
        let path = self.0.clone();
        blocking(move || {
            let file = match File::open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
                file => file?,
            };
            if file.metadata()?.len() > LONGEST {
                return Err(io::Error::other("the file is longer than 64 MiB"));
            }
            let (mut records, mut wrong) = (Vec::new(), 0);
            for line in BufReader::new(file).lines() {
                match serde_json::from_str::<Record>(&line?) {
                    Ok(Record { user, account_created_at, .. }) => {
                        records.push(ErasureTombstone { user: UserId(user), account_created_at });
                    }
                    Err(_) => wrong += 1,
                }
            }
            Ok((records, wrong))
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[tokio::test]
    async fn records_are_read_again_and_a_torn_line_is_counted() {
        let path = std::env::temp_dir().join(format!("records-{}", uuid::Uuid::new_v4()));
        let records = ErasureRecords::new(path.clone());
        assert_eq!(records.read().await.unwrap(), (Vec::new(), 0));
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_800_000_000_123_456_000).unwrap();
        let erased = [1, 2].map(|user| ErasureTombstone { user: UserId(user), account_created_at: at });
        for one in erased {
            records.add(one, at).await.unwrap();
        }
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"user\":3,\"acc")
            .unwrap();
        assert_eq!(records.read().await.unwrap(), (erased.to_vec(), 1));
        let next = ErasureTombstone { user: UserId(4), account_created_at: at };
        records.add(next, at).await.unwrap();
        assert_eq!(records.read().await.unwrap(), ([erased.to_vec(), vec![next]].concat(), 1));
        std::fs::remove_file(path).unwrap();
    }
}
