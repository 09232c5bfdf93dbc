//! The part of the connection pool that the journal may use.

use std::{sync::Arc, time::Duration};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::error::StoreError;

/// The journal's share of the connections.
#[derive(Clone)]
pub(crate) struct Share {
    all: Arc<Semaphore>,
    reads: Arc<Semaphore>,
}

/// What the journal needs a connection for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A read. Clients may cause any number of reads.
    Read,
    /// A write. Publications wait for writes.
    Write,
}

/// The permits for one connection. Dropping them frees the place of the connection.
pub(crate) type Turn = (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit);

impl Share {
    /// The journal may use half of the pool, and its reads half of that share, but at least one connection each.
    pub(crate) fn of(pool_size: usize) -> Self {
        let all = (pool_size / 2).max(1);
        Self { all: Arc::new(Semaphore::new(all)), reads: Arc::new(Semaphore::new((all / 2).max(1))) }
    }

    /// Waits for a permit, in the order of arrival. A read first waits for a read permit, so a write never waits
    /// behind more reads than there are read permits.
    pub(crate) async fn turn(&self, purpose: Purpose, patience: Duration) -> Result<Turn, StoreError> {
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
