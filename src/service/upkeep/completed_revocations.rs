//! Writes the receipts of the revocations that every node has carried out, batch after batch.
//!
//! This is a job of every node. Requests do not depend on it. If the node of a revocation has stopped in the middle, the
//! revocation is complete when the node's lease has lapsed. Another node, or the next server, then writes the receipt.

use std::{sync::Arc, time::Duration};

use protocol::id::RevocationId;
use store::Store;

use crate::{
    audit_log::log::AuditLog,
    core::{Core, clock::Clock, failure::Failure},
};

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(1);
/// The most batches of a pass. The next pass begins with the oldest revocation again, because it may be complete by then.
const BATCHES: u32 = 40;

/// Writes receipts.
pub(crate) struct CompletedRevocations {
    store: Store,
    clock: Clock,
    audit_log: Arc<AuditLog>,
}

impl CompletedRevocations {
    /// Writes receipts into this log.
    pub(crate) fn of(core: &Core, audit_log: Arc<AuditLog>) -> Self {
        Self { store: core.store.clone(), clock: core.clock.clone(), audit_log }
    }

    /// One pass over the revocations without a receipt.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. The next pass continues.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        if !self.audit_log.takes_events() {
            return Ok(());
        }
        let (mut after, mut waiting) = (RevocationId(0), 0);
        for _ in 0..BATCHES {
            let done = self.store.complete_revocations(after, self.clock.now()).await?;
            metrics::counter!("receipts_total").increment(done.receipts as u64);
            waiting += done.waiting;
            match done.next {
                Some(next) => after = next,
                None => break,
            }
        }
        metrics::gauge!("receipts_waiting").set(waiting as f64);
        Ok(())
    }
}
