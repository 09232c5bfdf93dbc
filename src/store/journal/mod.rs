//! The journal: publications of durable channels, in PostgreSQL.
//!
//! Called by the channel shards through the `Journal` port, and by the sweep. An offset is given by the statement that
//! inserts the message, under the lock of the channel's row: without holes, in the order of commits. The journal has a
//! share of the pool, and no more, so that however much is published, requests still get a connection; reads have a share of
//! that, and no more, so that however much is read, what is published is still committed.

mod append;
mod due;
mod keep;
mod read;

use std::{sync::Arc, time::Duration};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

pub use append::NotAppended;
pub use keep::Kept;

use super::{error::StoreError, pool::Store};

/// How long something waits for the journal's turn at a connection.
const TURN_WITHIN: Duration = Duration::from_secs(2);

/// The journal's share of the connections.
#[derive(Clone)]
pub(super) struct Share {
    all: Arc<Semaphore>,
    reads: Arc<Semaphore>,
}

/// What a connection is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// What clients may ask for as often as they like.
    Read,
    /// What is published waits for it.
    Write,
}

/// A turn at one of the journal's connections; it is given back by dropping it.
type Turn = (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit);

impl Share {
    /// Half of a pool, and of that half for reads; at least one.
    pub(super) fn of(pool_size: usize) -> Self {
        let all = (pool_size / 2).max(1);
        Self { all: Arc::new(Semaphore::new(all)), reads: Arc::new(Semaphore::new((all / 2).max(1))) }
    }

    /// Waits for its turn; first come, first served. Reads queue among themselves first, so that a write never has more of
    /// them before it than they may have connections.
    async fn turn(&self, purpose: Purpose, patience: Duration) -> Result<Turn, StoreError> {
        let turn = async {
            let read = match purpose {
                Purpose::Read => Some(Arc::clone(&self.reads).acquire_owned().await?),
                Purpose::Write => None,
            };
            Ok((read, Arc::clone(&self.all).acquire_owned().await?))
        };
        match tokio::time::timeout(patience, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err::<_, AcquireError>(_)) | Err(_) => {
                Err(StoreError::Unavailable("the journal is busy".to_owned()))
            }
        }
    }
}

impl Store {
    async fn journal_turn(&self, purpose: Purpose) -> Result<Turn, StoreError> {
        // On the database's runtime: whoever asks may have no clock of tokio's.
        let (share, patience) = (self.journal_share(), TURN_WITHIN.min(self.settings().acquire_timeout));
        self.spawn(async move { share.turn(purpose, patience).await }).await
    }
}

/// As the database counts.
fn signed(offset: u64) -> Result<i64, StoreError> {
    i64::try_from(offset).map_err(|_| StoreError::internal("an offset beyond all offsets"))
}

/// As offsets count; the schema allows nothing below 0.
fn unsigned(offset: i64) -> u64 {
    offset.unsigned_abs()
}

fn moment(at_ms: i64) -> time::OffsetDateTime {
    // Only a defect could ask for a time outside the years that the type can hold.
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}
