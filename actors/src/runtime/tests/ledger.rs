//! A journal in memory, which can be switched off and be made to wait.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{
    logic::{
        channel::ChannelName,
        journal::{Appended, NewMessage, Opened, Placed, Range, Removed, Retention},
    },
    protocol::Publication,
    runtime::{Journal, NotAppended, NotRead, NotWritten, PortFuture},
};

#[derive(Clone)]
pub(super) struct Ledger {
    rows: Arc<Mutex<HashMap<ChannelName, Vec<NewMessage>>>>,
    pub(super) down: Arc<AtomicBool>,
    /// A permit for each answer that is let through.
    answers: Arc<Semaphore>,
    /// Sizes of the batches that were written.
    pub(super) batches: Arc<Mutex<Vec<usize>>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            rows: Arc::default(),
            down: Arc::default(),
            answers: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            batches: Arc::default(),
        }
    }
}

impl Ledger {
    /// From now on nothing is answered.
    pub(super) fn hold(&self) {
        self.answers.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// So many answers.
    pub(super) fn let_through(&self, answers: usize) {
        self.answers.add_permits(answers);
    }

    /// Whether all answers that were let through have been given.
    pub(super) fn is_spent(&self) -> bool {
        self.answers.available_permits() == 0
    }

    fn answer<T: Send + 'static, E: Send + 'static>(
        &self,
        failure: E,
        work: impl FnOnce(&mut HashMap<ChannelName, Vec<NewMessage>>) -> T + Send + 'static,
    ) -> PortFuture<Result<T, E>> {
        let (rows, down, answers) =
            (Arc::clone(&self.rows), Arc::clone(&self.down), Arc::clone(&self.answers));
        Box::pin(async move {
            answers.acquire().await.expect("never closed").forget();
            if down.load(Ordering::SeqCst) { Err(failure) } else { Ok(work(&mut rows.lock())) }
        })
    }
}

fn published(rows: &[NewMessage]) -> impl DoubleEndedIterator<Item = Arc<Publication>> {
    rows.iter().enumerate().map(|(index, message)| Arc::new(message.at(index as u64 + 1)))
}

impl Journal for Ledger {
    fn append(
        &self,
        channel: ChannelName,
        batch: Vec<NewMessage>,
        _: Retention,
    ) -> PortFuture<Result<Appended, NotAppended>> {
        let batches = Arc::clone(&self.batches);
        self.answer(NotAppended::Unavailable("switched off".to_owned()), move |rows| {
            batches.lock().push(batch.len());
            let rows = rows.entry(channel).or_default();
            let first = rows.len() as u64 + 1;
            rows.extend(batch);
            let top = rows.len() as u64;
            Appended { placed: (first..=top).map(Placed::New).collect(), top, epoch: "abcdefgh".into() }
        })
    }

    fn open(&self, channel: ChannelName, newest: Range, _: bool) -> PortFuture<Result<Opened, NotRead>> {
        self.answer(NotRead("switched off".to_owned()), move |rows| {
            let rows = rows.entry(channel).or_default();
            let mut found: Vec<_> = published(rows).rev().take(newest.limit as usize).collect();
            found.reverse();
            Opened { epoch: "abcdefgh".into(), top: rows.len() as u64, newest: found }
        })
    }

    fn read(&self, channel: ChannelName, range: Range) -> PortFuture<Result<Vec<Arc<Publication>>, NotRead>> {
        self.answer(NotRead("switched off".to_owned()), move |rows| {
            let inside = |publication: &Arc<Publication>| {
                publication.offset > range.after && publication.offset < range.before
            };
            let mut found: Vec<_> = published(rows.entry(channel).or_default()).filter(inside).collect();
            if range.reverse {
                found.reverse();
            }
            found.truncate(range.limit as usize);
            found
        })
    }

    fn remove(&self, channel: ChannelName) -> PortFuture<Result<Removed, NotWritten>> {
        self.answer(NotWritten::Unavailable("switched off".to_owned()), |rows| Removed {
            top: rows.entry(channel).or_default().len() as u64,
            epoch: "abcdefgh".into(),
        })
    }
}
