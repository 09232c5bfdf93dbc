//! A bound for queries of operators that may read very many rows. With it, such queries do not take all connections of the pool.
//!
//! Called by the use cases of this folder. A query keeps its place until the database has answered, even if the request has ended
//! meanwhile.

use std::{sync::Arc, time::Duration};

use store::{Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use crate::core::failure::Failure;

/// The most queries that this node runs at once.
const AT_ONCE: usize = 2;
/// The most queries that run or wait for a place.
const PLACES: usize = 16;
/// How long a query waits for a place.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs slow queries. Clones share the bound.
#[derive(Clone)]
pub(crate) struct SlowQueries {
    store: Store,
    running: Arc<Semaphore>,
    present: Arc<Semaphore>,
}

impl SlowQueries {
    pub(crate) fn new(store: Store) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { store, running: places(AT_ONCE), present: places(PLACES) }
    }

    /// Runs this query of the store.
    ///
    /// # Errors
    /// `Unavailable` if other slow queries take too long, and the errors of the query.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        query: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, Failure> {
        let places = self.places().await.ok_or_else(Failure::unavailable)?;
        let work = async move {
            let answer = query.await;
            drop(places);
            answer
        };
        let answer = self.store.runtime().spawn(work.in_current_span()).await;
        Ok(answer.map_err(|_| Failure::unavailable())??)
    }

    async fn places(&self) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let present = Arc::clone(&self.present).try_acquire_owned().ok()?;
        let running = Arc::clone(&self.running).acquire_owned();
        let running = tokio::time::timeout(PATIENCE, running).await.ok()?.ok()?;
        Some((present, running))
    }
}
