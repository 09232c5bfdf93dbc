//! Checks whether the database accepts writes, at most once a second.
//!
//! Requests for readiness need no credential and have no limit. Each check uses a connection of the pool, which sign-ins need,
//! too. So all requests within a second share one check.

use std::time::{Duration, Instant};

use store::Store;
use tokio::sync::Mutex;

use crate::core::failure::Failure;

/// How long an answer is used.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// The last answer of the database.
#[derive(Default)]
pub(super) struct DatabaseCheck(Mutex<Option<Answer>>);

struct Answer {
    at: Instant,
    accepts_writes: bool,
}

impl DatabaseCheck {
    /// Checks that the database accepts writes.
    ///
    /// # Errors
    /// `Unavailable` if it does not.
    pub(super) async fn check(&self, store: &Store) -> Result<(), Failure> {
        let mut last = self.0.lock().await;
        let accepts_writes = match &*last {
            Some(answer) if answer.at.elapsed() < GOOD_FOR => answer.accepts_writes,
            _ => {
                let accepts_writes = store.ping().await.is_ok();
                *last = Some(Answer { at: Instant::now(), accepts_writes });
                accepts_writes
            }
        };
        if accepts_writes { Ok(()) } else { Err(Failure::unavailable()) }
    }
}
