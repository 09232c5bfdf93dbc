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

/// What a connection is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What clients may ask for as often as they like.
    Read,
    /// What is published waits for it.
    Write,
}

/// A turn at one of the journal's connections; it is given back by dropping it.
pub(crate) type Turn = (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit);

impl Share {
    /// Half of a pool, and of that half for reads; at least one.
    pub(crate) fn of(pool_size: usize) -> Self {
        let all = (pool_size / 2).max(1);
        Self { all: Arc::new(Semaphore::new(all)), reads: Arc::new(Semaphore::new((all / 2).max(1))) }
    }

    /// Waits for its turn; first come, first served. Reads queue among themselves first, so that a write never has more of
    /// them before it than they may have connections.
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
