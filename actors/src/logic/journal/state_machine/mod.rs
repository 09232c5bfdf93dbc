//! One durable channel, as its shard drives it: events in, actions out.
//!
//! At most one call of the journal that changes or opens the channel is under way at a time; what is published meanwhile
//! goes into the next batch, and joins wait meanwhile. A publication is delivered, and acknowledged, when the journal
//! has it, in the order of offsets. If memory no longer ends where the journal goes on, the missing part is read back and
//! delivered first; if that cannot be done, every subscriber is told to come back.

mod journal_results;
mod next_step;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use protocol::{ErrorCode, HistoryRequest, HistoryResult, Position, Publication};

use super::{NewMessage, Placement, Range, Retention};
use crate::{
    history::{PageBound, Recovery},
    journal::recent_window::RecentWindow,
    namespace::RecoveryMode,
};

/// Messages of one batch.
const BATCH_MAX: usize = 256;
/// Messages that wait for the batch under way; one more is refused and its publisher told to try again.
const QUEUE_MAX: usize = 4_096;
/// Their bytes.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;
/// Subscriptions and questions that wait for the channel to be read; one more is refused likewise.
const WAITING_MAX: usize = 16_384;
/// Pages of the history that are read at a time; others wait.
const READS_MAX: usize = 4;
/// Publications of others that are read back to close a hole.
const HOLE_MAX: u64 = 1_000;
/// Ticks after which an unused channel is forgotten.
const QUIET_MAX: u8 = 12;

/// What is to be done, in the order in which it is given. `T` identifies the requester.
#[derive(Debug)]
pub enum Action<T> {
    /// Ask the journal; the answer belongs to this number.
    Call(u64, Call),
    /// Hand a publication to every subscriber.
    Deliver(Arc<Publication>),
    /// Answer the requester.
    Tell(T, Outcome),
    /// What is known of the channel is void: every subscriber has to come back.
    Lose,
}

/// A question to the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Answer with [`DurableChannel::appended`].
    Append(Vec<NewMessage>),
    /// Answer with [`DurableChannel::opened`].
    Open {
        /// What of the channel.
        newest: Range,
        /// Whether to wait for what is still being written.
        settle: bool,
    },
    /// Answer with [`DurableChannel::read`].
    Read(Range),
    /// Answer with [`DurableChannel::removed`].
    Remove {
        /// What came later stays, however late this is carried out.
        upto: u64,
    },
}

/// The answer to a requester.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is published, here.
    Published(Position),
    /// The subscription may begin at this top, with what was missed, if that was asked.
    Joined(Position, Option<Recovery>),
    /// What was published.
    History(HistoryResult),
    /// Everything up to here is removed.
    Removed(Position),
    /// It cannot be done.
    Refused(ErrorCode),
}

/// Why a batch is not known to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It was not: the journal cannot be reached.
    Unavailable,
    /// It was not: the journal will not take it.
    Refused,
    /// It was, or not, or will yet be.
    Unknown,
}

/// A request that waits until the channel is read.
#[derive(Debug)]
enum Ask {
    Join(Option<Position>),
    History(HistoryRequest, PageBound),
    Remove(Removal),
}

/// How far a removal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removal {
    Asked,
    /// The channel is being read for it: what is read was not read before it was asked.
    Reading,
    /// It takes everything up to there.
    Upto(u64),
}

/// What is under way and must end before anything else that changes or opens the channel begins.
#[derive(Debug)]
enum Busy<T> {
    Idle,
    Appending(u64, Vec<(T, NewMessage)>),
    Opening(u64),
    /// A committed batch waits for what others wrote before it.
    Closing(u64, Hole<T>),
    Removing(u64, Vec<T>),
}

/// A committed batch, and the offset at which it goes on.
#[derive(Debug)]
struct Hole<T> {
    first: u64,
    placed: Vec<Place<T>>,
}

/// A requester's message and where it was placed.
type Place<T> = (T, Placement, Arc<Publication>);

/// A page that is being read.
#[derive(Debug)]
struct Reading<T> {
    requester: T,
    top: Position,
    bound: PageBound,
}

/// The state of one durable channel.
#[derive(Debug)]
pub struct DurableChannel<T> {
    keep: Retention,
    mode: RecoveryMode,
    /// The time of the event that is being handled, in milliseconds since the epoch.
    now_ms: i64,
    /// `None` while nothing is known of it.
    hot: Option<RecentWindow>,
    /// The journal may have more than memory, or may yet get it: nothing is begun before that is settled.
    unsettled: bool,
    /// It could not be opened: the next request or the next tick tries again.
    resting: bool,
    busy: Busy<T>,
    queue: VecDeque<(T, NewMessage)>,
    queued_bytes: usize,
    /// So many of the queue go one by one: together they were refused.
    alone: usize,
    waiting: VecDeque<(T, Ask)>,
    reads: HashMap<u64, Reading<T>>,
    quiet: u8,
    actions: Vec<Action<T>>,
}

impl<T> DurableChannel<T> {
    /// A channel of which nothing is known.
    #[must_use]
    pub fn new(keep: Retention, mode: RecoveryMode) -> Self {
        Self {
            keep,
            mode,
            now_ms: 0,
            hot: None,
            unsettled: false,
            resting: false,
            busy: Busy::Idle,
            queue: VecDeque::new(),
            queued_bytes: 0,
            alone: 0,
            waiting: VecDeque::new(),
            reads: HashMap::new(),
            quiet: 0,
            actions: Vec::new(),
        }
    }

    // ---- what is asked of it ----

    /// Queues a publication.
    pub fn publish(&mut self, requester: T, message: NewMessage) {
        let bytes = message.weight();
        if self.queue.len() >= QUEUE_MAX || self.queued_bytes + bytes > QUEUE_BYTES {
            return self.tell(requester, Outcome::Refused(ErrorCode::Internal));
        }
        self.queued_bytes += bytes;
        self.queue.push_back((requester, message));
    }

    /// Queues a join; with `since`, it is to receive what was published after that position.
    pub fn join(&mut self, requester: T, since: Option<Position>) {
        self.wait(requester, Ask::Join(since));
    }

    /// Queues a request for the history.
    pub fn history(&mut self, requester: T, request: HistoryRequest, bound: PageBound) {
        self.wait(requester, Ask::History(request, bound));
    }

    /// Everything that was published so far is to be removed. The channel is read first, since others may have published, too.
    pub fn remove(&mut self, requester: T) {
        self.wait(requester, Ask::Remove(Removal::Asked));
    }

    /// Removes and returns the requesters that no longer want an answer. Publications are not taken back.
    pub fn forget(&mut self, mut gone: impl FnMut(&T) -> bool) -> Vec<T> {
        // Usually there is none, and nothing is moved.
        if !self.waiting.iter().any(|(requester, _)| gone(requester)) {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.waiting);
        let (left, kept): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(requester, _)| gone(requester));
        self.waiting = kept.into();
        left.into_iter().map(|(requester, _)| requester).collect()
    }

    /// The requesters that wait for the channel to be read or for a removal.
    pub fn waiting_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.waiting.iter_mut().map(|(requester, _)| requester)
    }

    /// Takes back the messages of gone requesters that wait for the next batch. Call it before [`Self::step`]; what is under
    /// way already cannot be taken back.
    pub fn retract(&mut self, gone: impl Fn(&T) -> bool) -> Vec<T> {
        if !matches!(self.busy, Busy::Idle) || !self.queue.iter().any(|(requester, _)| gone(requester)) {
            return Vec::new();
        }
        let mut left = Vec::new();
        let (queue, alone) = (std::mem::take(&mut self.queue), self.alone);
        for (at, (requester, message)) in queue.into_iter().enumerate() {
            if gone(&requester) {
                self.queued_bytes -= message.weight();
                self.alone -= usize::from(at < alone);
                left.push(requester);
            } else {
                self.queue.push_back((requester, message));
            }
        }
        left
    }

    fn wait(&mut self, requester: T, ask: Ask) {
        if self.waiting.len() >= WAITING_MAX {
            return self.tell(requester, Outcome::Refused(ErrorCode::Internal));
        }
        self.waiting.push_back((requester, ask));
    }
}
