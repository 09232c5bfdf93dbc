//! What this node has to note of the revocations that it has carried out, until a job writes it.
//!
//! Neither the answer to a request nor the feed waits for these writes. A node may carry out very many revocations, so the notes
//! are written in batches. A note that is lost is no harm: the receipt then says that the node has applied the revocation, and
//! not how many sockets it closed.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use parking_lot::Mutex;
use protocol::id::RevocationId;
use store::{NodeProgress, Store};
use tokio::sync::Notify;

use crate::core::failure::Failure;

/// The most notes that wait to be written. Further notes are dropped.
const MAX_WAITING: usize = 50_000;
/// The most notes that one statement writes.
const BATCH: usize = 1_000;

/// The notes of this node. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct ProgressNotes {
    waiting: Arc<Mutex<Vec<(RevocationId, NodeProgress)>>>,
    added: Arc<Notify>,
}

impl ProgressNotes {
    /// Adds a note. A later note on the same revocation replaces one that says that sockets are not closed.
    pub(crate) fn add(&self, id: RevocationId, progress: NodeProgress) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < MAX_WAITING {
            waiting.push((id, progress));
        } else {
            metrics::counter!("revocation_notes_lost_total").increment(1);
        }
        drop(waiting);
        self.added.notify_one();
    }

    /// Notified when there is something to write.
    pub(crate) fn added(&self) -> Arc<Notify> {
        Arc::clone(&self.added)
    }

    /// Writes everything that waits.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. The notes then wait for the next call.
    pub(crate) async fn write(&self, store: &Store) -> Result<(), Failure> {
        loop {
            let batch = self.next();
            if batch.is_empty() {
                return Ok(());
            }
            if let Err(error) = store.note_progress(batch.clone()).await {
                self.put_back(batch);
                return Err(error.into());
            }
        }
    }

    /// The oldest notes, at most one of each revocation, because one statement cannot write a row twice. A note that everything is
    /// closed is never replaced: the feed may carry a revocation out again, and then finds no sockets.
    fn next(&self) -> Vec<(RevocationId, NodeProgress)> {
        let mut waiting = self.waiting.lock();
        let few = waiting.len().min(BATCH);
        let mut batch: BTreeMap<i64, NodeProgress> = BTreeMap::new();
        for (id, progress) in waiting.drain(..few) {
            match batch.entry(id.0) {
                Entry::Vacant(free) => {
                    free.insert(progress);
                }
                Entry::Occupied(mut known) if known.get().pending > 0 => {
                    known.insert(progress);
                }
                Entry::Occupied(_) => {}
            }
        }
        batch.into_iter().map(|(id, progress)| (RevocationId(id), progress)).collect()
    }

    /// Notes that came meanwhile are newer, so these are put before them.
    fn put_back(&self, batch: Vec<(RevocationId, NodeProgress)>) {
        let mut waiting = self.waiting.lock();
        waiting.splice(..0, batch);
        waiting.truncate(MAX_WAITING);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn note(pending: u32) -> NodeProgress {
        let state = if pending == 0 { "closed" } else { "incomplete" }.to_owned();
        NodeProgress { node: Uuid::nil(), state, sockets_closed: 1, pending, after_ms: None }
    }

    #[test]
    fn the_first_note_that_everything_is_closed_is_written_also_after_a_failure() {
        let notes = ProgressNotes::default();
        notes.add(RevocationId(2), note(3));
        notes.add(RevocationId(1), note(0));
        let failed = notes.next();
        assert_eq!(failed, [(RevocationId(1), note(0)), (RevocationId(2), note(3))]);
        notes.add(RevocationId(2), note(0));
        notes.add(RevocationId(2), NodeProgress { sockets_closed: 0, ..note(0) });
        notes.put_back(failed);
        assert_eq!(notes.next(), [(RevocationId(1), note(0)), (RevocationId(2), note(0))]);
        assert!(notes.next().is_empty());
    }

    #[test]
    fn notes_beyond_the_bound_are_dropped() {
        let notes = ProgressNotes::default();
        (0..=MAX_WAITING as i64).for_each(|id| notes.add(RevocationId(id), note(0)));
        let written: usize = std::iter::from_fn(|| Some(notes.next().len()).filter(|some| *some > 0)).sum();
        assert_eq!(written, MAX_WAITING);
    }
}
