//! A journal in memory that tests can switch off or delay.

use std::{
    collections::{HashMap, HashSet},
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use logic::{
    history::bounded,
    journal::{Appended, NewMessage, Opened, Placement, Range, Removed, Retention},
};
use parking_lot::Mutex;
use protocol::{Payload, Publication, channel_name::ChannelName};
use tokio::sync::Semaphore;

use crate::runtime::{AppendError, Journal, PortFuture, ReadError, WallClock, WriteError};

/// The stored messages of one channel.
#[derive(Default)]
struct Book {
    rows: Vec<NewMessage>,
    /// The offset up to which all publications were removed.
    gone: u64,
}

impl Book {
    fn top(&self) -> u64 {
        self.rows.len() as u64
    }

    /// The publications in the range, up to the limits of one read, and whether these are all publications of the range.
    fn read(&self, range: Range) -> (Vec<Arc<Publication>>, bool) {
        let offsets = (range.after.max(self.gone) + 1)..range.before.min(self.top() + 1);
        let at = |offset: u64| Arc::new(self.rows[usize::try_from(offset).unwrap() - 1].at(offset));
        let mut covered: Vec<_> = offsets.map(at).collect();
        if range.reverse {
            covered.reverse();
        }
        let count = covered.len();
        let found = bounded(covered.into_iter(), range.limit as usize, range.bytes);
        let whole = found.len() == count;
        (found, whole)
    }
}

#[derive(Clone)]
pub(crate) struct Ledger {
    books: Arc<Mutex<HashMap<ChannelName, Book>>>,
    pub(crate) down: Arc<AtomicBool>,
    /// One permit for each answer that may be given.
    answers: Arc<Semaphore>,
    /// The channels that never get an answer to a request.
    unanswered: Arc<Mutex<HashSet<ChannelName>>>,
    /// Sizes of the batches that were written.
    pub(crate) batches: Arc<Mutex<Vec<usize>>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            books: Arc::default(),
            down: Arc::default(),
            answers: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            unanswered: Arc::default(),
            batches: Arc::default(),
        }
    }
}

impl Ledger {
    /// Holds back all further answers.
    pub(crate) fn hold(&self) {
        self.answers.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Never answers a further request for this channel.
    pub(crate) fn never_answer(&self, channel: &ChannelName) {
        self.unanswered.lock().insert(channel.clone());
    }

    /// Permits this many answers.
    pub(crate) fn let_through(&self, answers: usize) {
        self.answers.add_permits(answers);
    }

    /// Writes a message as another process does.
    pub(crate) fn write(&self, channel: &ChannelName, data: &'static str) {
        let message = NewMessage {
            data: Payload::parse(data).unwrap(),
            info: None,
            tags: Vec::new(),
            time_ms: WallClock::default().now_ms(),
            idempotency_key: None,
            version: None,
        };
        self.books.lock().entry(channel.clone()).or_default().rows.push(message);
    }

    /// Whether all permitted answers have been given.
    pub(crate) fn is_spent(&self) -> bool {
        self.answers.available_permits() == 0
    }

    fn answer<T: Send + 'static, E: Send + 'static>(
        &self,
        failure: E,
        channel: ChannelName,
        work: impl FnOnce(&mut Book) -> T + Send + 'static,
    ) -> PortFuture<Result<T, E>> {
        if self.unanswered.lock().contains(&channel) {
            return Box::pin(pending());
        }
        let (books, down, answers) =
            (Arc::clone(&self.books), Arc::clone(&self.down), Arc::clone(&self.answers));
        Box::pin(async move {
            answers.acquire().await.expect("the semaphore is never closed").forget();
            if down.load(Ordering::SeqCst) {
                Err(failure)
            } else {
                Ok(work(books.lock().entry(channel).or_default()))
            }
        })
    }
}

impl Journal for Ledger {
    fn append(
        &self,
        channel: ChannelName,
        batch: Vec<NewMessage>,
        _: Retention,
    ) -> PortFuture<Result<Appended, AppendError>> {
        let batches = Arc::clone(&self.batches);
        self.answer(AppendError::Unavailable("switched off".to_owned()), channel, move |book| {
            batches.lock().push(batch.len());
            let first = book.top() + 1;
            book.rows.extend(batch);
            let top = book.top();
            Appended { placed: (first..=top).map(Placement::New).collect(), top, epoch: "abcdefgh".into() }
        })
    }

    fn open(&self, channel: ChannelName, newest: Range, _: bool) -> PortFuture<Result<Opened, ReadError>> {
        self.answer(ReadError("switched off".to_owned()), channel, move |book| {
            let (mut found, whole) = book.read(newest);
            found.reverse();
            Opened { epoch: "abcdefgh".into(), top: book.top(), newest: found, whole }
        })
    }

    fn read(
        &self,
        channel: ChannelName,
        range: Range,
    ) -> PortFuture<Result<Vec<Arc<Publication>>, ReadError>> {
        self.answer(ReadError("switched off".to_owned()), channel, move |book| book.read(range).0)
    }

    fn remove(&self, channel: ChannelName, upto: u64) -> PortFuture<Result<Removed, WriteError>> {
        self.answer(WriteError::Unavailable("switched off".to_owned()), channel, move |book| {
            let upto = upto.min(book.top());
            book.gone = book.gone.max(upto);
            Removed { upto, epoch: "abcdefgh".into() }
        })
    }
}
