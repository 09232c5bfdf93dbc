//! The state machine of one durable channel. Its shard passes events in and carries out the actions that come out.
//!
//! At most one journal call that changes or opens the channel is under way at a time. Messages that arrive meanwhile wait
//! for the next batch. The machine delivers and acknowledges publications in the order of offsets, after the journal has
//! written them. If other processes wrote between the recent window and a batch, the missing publications are read and
//! delivered first. If that is not possible, every subscriber must subscribe again.

mod journal_results;
mod next_step;
mod waiting;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use protocol::{ErrorCode, HistoryRequest, HistoryResult, Position, Publication};

use self::waiting::{Removal, Waiting};
use super::{NewMessage, Placement, Range, Retention};
use crate::{
    history::{PageBound, Recovery},
    journal::recent_window::RecentWindow,
    namespace::RecoveryMode,
};

/// The most messages of one batch.
const BATCH_MAX: usize = 256;
/// The most messages that wait for the next batch. A further message is refused with a temporary error.
const QUEUE_MAX: usize = 4_096;
/// The most bytes of the messages that wait for the next batch.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;
/// The most pages of the history that are read at the same time. Further requests wait.
const READS_MAX: usize = 4;
/// The most publications of other processes that are read to close a gap.
const HOLE_MAX: u64 = 1_000;
/// Ticks after which an unused channel is forgotten.
const QUIET_MAX: u8 = 12;

/// An action for the shard. The shard carries out actions in their order. `T` identifies a requester.
#[derive(Debug)]
pub enum Action<T> {
    /// Call the journal, and pass its result back with this number.
    Call(u64, Call),
    /// Deliver a publication to every subscriber.
    Deliver(Arc<Publication>),
    /// Answer the requester.
    Tell(T, Outcome),
    /// Subscribers may have missed publications: every subscriber must subscribe again.
    Lose,
}

/// A call of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Write a batch. Pass the result to [`DurableChannel::appended`].
    Append(Vec<NewMessage>),
    /// Read the newest publications of the channel. Pass the result to [`DurableChannel::opened`].
    Open {
        /// The bounds of the read.
        newest: Range,
        /// Whether to wait for statements that still write to the channel.
        settle: bool,
    },
    /// Read publications. Pass the result to [`DurableChannel::read`].
    Read(Range),
    /// Remove publications. Pass the result to [`DurableChannel::removed`].
    Remove {
        /// The last offset to remove. Later publications stay, even if the removal is carried out late.
        upto: u64,
    },
}

/// The answer to a requester.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The message is published at this position.
    Published(Position),
    /// The subscription begins at this position. The recovery is present if the join had a position.
    Joined(Position, Option<Recovery>),
    /// The requested page of the history.
    History(HistoryResult),
    /// All publications up to this position are removed.
    Removed(Position),
    /// The request is refused.
    Refused(ErrorCode),
}

/// Why a batch was not written, or may not have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The batch was not written, because the journal cannot be reached.
    Unavailable,
    /// The batch was not written, because the journal does not accept it.
    Refused,
    /// The outcome is not known: the batch was written, was not, or may still be written later.
    Unknown,
}

/// The call under way. It must end before another call that changes or opens the channel begins.
#[derive(Debug)]
enum Busy<T> {
    Idle,
    Appending(u64, Vec<(T, NewMessage)>),
    Opening(u64),
    /// A committed batch waits until the publications that other processes wrote before it are read.
    Closing(u64, Hole<T>),
    Removing(u64, Vec<T>),
}

/// A committed batch behind a gap, with the first offset after the gap.
#[derive(Debug)]
struct Hole<T> {
    first: u64,
    placed: Vec<Place<T>>,
}

/// The requester of a message, its placement, and the publication that it became.
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
    /// The time of the event that is being handled, in milliseconds since the Unix epoch.
    now_ms: i64,
    /// The recent window; `None` until the channel is read or written.
    hot: Option<RecentWindow>,
    /// A call had an unknown outcome. The journal may contain changes that memory lacks, or may still receive them, so no
    /// other call begins before the channel is opened again.
    unsettled: bool,
    /// Opening the channel failed. The next request or the next tick tries again.
    resting: bool,
    busy: Busy<T>,
    queue: VecDeque<(T, NewMessage)>,
    queued_bytes: usize,
    /// How many messages at the front of the queue are written one by one, because the journal refused them as a batch.
    alone: usize,
    waiting: Waiting<T>,
    reads: HashMap<u64, Reading<T>>,
    quiet: u8,
    actions: Vec<Action<T>>,
}

impl<T> DurableChannel<T> {
    /// A channel that was neither read nor written yet.
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
            waiting: Waiting::default(),
            reads: HashMap::new(),
            quiet: 0,
            actions: Vec::new(),
        }
    }

    // ---- requests ----

    /// Enqueues a message for the next batch.
    pub fn publish(&mut self, requester: T, message: NewMessage) {
        let bytes = message.weight();
        if self.queue.len() >= QUEUE_MAX || self.queued_bytes + bytes > QUEUE_BYTES {
            return self.tell(requester, Outcome::Refused(ErrorCode::Internal));
        }
        self.queued_bytes += bytes;
        self.queue.push_back((requester, message));
    }

    /// Enqueues a join. With `since`, publications after that position are recovered.
    pub fn join(&mut self, requester: T, since: Option<Position>) {
        if let Some(requester) = self.admit(requester) {
            self.waiting.joins.push_back((requester, since));
        }
    }

    /// Enqueues a request for the history.
    pub fn history(&mut self, requester: T, request: HistoryRequest, bound: PageBound) {
        if let Some(requester) = self.admit(requester) {
            self.waiting.histories.push_back((requester, request, bound));
        }
    }

    /// Enqueues the removal of everything that was published so far. The channel is read first, because other processes may
    /// have published, too.
    pub fn remove(&mut self, requester: T) {
        if let Some(requester) = self.admit(requester) {
            self.waiting.removals.push_back((requester, Removal::Asked));
        }
    }

    /// Drops the waiting requests of gone requesters, and returns these requesters. Messages stay in the queue.
    pub fn forget(&mut self, gone: impl FnMut(&T) -> bool) -> Vec<T> {
        self.waiting.forget(gone)
    }

    /// The requesters that wait for the channel to be read or for a removal.
    pub fn waiting_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.waiting.requesters_mut()
    }

    /// Drops the messages of gone requesters that wait for the next batch, and returns these requesters. Call it before
    /// [`Self::step`]: a batch under way cannot be recalled.
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

    /// Returns the requester if its request may wait. Otherwise refuses the request.
    fn admit(&mut self, requester: T) -> Option<T> {
        if self.waiting.is_full() {
            self.tell(requester, Outcome::Refused(ErrorCode::Internal));
            return None;
        }
        Some(requester)
    }
}
