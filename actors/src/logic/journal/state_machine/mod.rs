//! The state machine of one durable channel. The channel's shard passes events to the machine, and carries out the actions that
//! the machine returns.
//!
//! At any time, at most one journal call that changes or opens the channel is under way. Messages that arrive meanwhile wait
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
    erasure::Erasure,
    history::{PageBound, Recovery},
    journal::recent_window::RecentWindow,
    namespace::RecoveryMode,
};

/// The largest number of messages in one batch.
const BATCH_MAX: usize = 256;
/// The largest number of messages that wait for the next batch. A further message is refused with a temporary error.
const QUEUE_MAX: usize = 4_096;
/// The largest weight of the messages that wait for the next batch, in bytes.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;
/// The largest number of pages of the history that are read at the same time. Further requests wait.
const READS_MAX: usize = 4;
/// The largest number of publications of other processes that are read to close a gap.
const GAP_MAX: u64 = 1_000;
/// After this number of calls of [`DurableChannel::tick`], the state of an unused channel is dropped.
const QUIET_MAX: u8 = 12;

/// An action for the shard. The shard carries out actions in their order. `T` identifies a requester.
#[derive(Debug)]
pub enum Action<T> {
    /// Call the journal, and pass back the result with this number.
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
    /// The message, or an earlier message with the same idempotency key, is published at this position. If the version of the
    /// message is outdated, this is the newest position of the channel.
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

/// Why the journal did not confirm a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The batch was not written, because the journal is not available.
    Unavailable,
    /// The batch was not written, because the journal does not accept it.
    Refused,
    /// The outcome is not known: the batch may have been written already, may be written later, or may never be written.
    Unknown,
}

/// The journal call under way that changes or opens the channel. It must end before the next such call begins.
#[derive(Debug)]
enum Busy<T> {
    Idle,
    Appending(u64, Vec<(T, NewMessage)>),
    Opening(u64),
    /// A committed batch waits until the publications that other processes wrote before the batch are read.
    ClosingGap(u64, Gap<T>),
    Removing(u64, Vec<T>),
}

/// A committed batch behind a gap, with the first offset after the gap.
#[derive(Debug)]
struct Gap<T> {
    first: u64,
    placed: Vec<Place<T>>,
}

/// A message of a committed batch: its requester, its placement, and its publication if the message is new.
type Place<T> = (T, Placement, Arc<Publication>);

/// A page of the history that is being read.
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
    /// The time of the last [`Self::step`], in milliseconds since the Unix epoch.
    now_ms: i64,
    /// The recent window; `None` until the channel is read or written.
    window: Option<RecentWindow>,
    /// Whether a call had an unknown outcome. The journal may then contain changes that are not in memory, or may still receive
    /// some. So no other call begins before the channel is opened again. The same holds after [`Self::reread`].
    unsettled: bool,
    /// Whether publications were changed in the journal while it was read.
    reopen: bool,
    /// Whether an attempt to open the channel has failed since the last tick. Until the next tick, only a request causes
    /// another attempt.
    open_failed: bool,
    busy: Busy<T>,
    queue: VecDeque<(T, NewMessage)>,
    queued_bytes: usize,
    /// The number of messages at the front of the queue that must be written one by one, because the journal refused them as a
    /// batch.
    alone: usize,
    waiting: Waiting<T>,
    reads: HashMap<u64, Reading<T>>,
    /// The number of ticks since the channel was last used.
    quiet: u8,
    actions: Vec<Action<T>>,
}

impl<T> DurableChannel<T> {
    /// Replaces the content of some publications in memory. Their offsets stay. Returns their number. The caller has erased
    /// them in the journal before.
    pub fn erase(&mut self, erasure: &Erasure) -> usize {
        self.window.as_mut().map_or(0, |window| window.erase(erasure))
    }

    /// The state of a channel that was neither read nor written yet.
    #[must_use]
    pub fn new(keep: Retention, mode: RecoveryMode) -> Self {
        Self {
            keep,
            mode,
            now_ms: 0,
            window: None,
            unsettled: false,
            reopen: false,
            open_failed: false,
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

    /// Changes how much history is kept.
    pub fn set_retention(&mut self, keep: Retention) {
        self.keep = keep;
    }

    /// Notes that publications of the channel were changed in the journal. The channel is opened again before it answers from
    /// memory. A call under way may have read the earlier content, so its result does not count.
    pub fn reread(&mut self) {
        match self.busy {
            Busy::Opening(_) => self.reopen = true,
            Busy::Idle if self.window.is_none() => {}
            _ => self.unsettled = true,
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

    /// Enqueues the removal of all publications up to now. The channel is read first, because other processes may have
    /// published, too.
    pub fn remove(&mut self, requester: T) {
        if let Some(requester) = self.admit(requester) {
            self.waiting.removals.push_back((requester, Removal::Requested));
        }
    }

    /// Drops the waiting requests of the requesters for which `gone` is true, and returns these requesters. Messages stay in
    /// the queue.
    pub fn forget(&mut self, gone: impl FnMut(&T) -> bool) -> Vec<T> {
        self.waiting.forget(gone)
    }

    /// The requesters that still wait for a join, a page of history or a removal.
    pub fn waiting_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.waiting.requesters_mut()
    }

    /// Drops the waiting messages of the requesters for which `gone` is true, and returns these requesters. Call this before
    /// each [`Self::step`], because a batch that is under way cannot be recalled. Nothing is dropped during a call that changes
    /// or opens the channel, because no batch can begin then.
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
