//! [`Waiting`]: the requests that wait until a durable channel is read, by kind.
//!
//! Each new join and each new request for the history is compared with the recent window. A request that the window cannot
//! answer is moved to a second queue. So the state machine need not visit every waiting request at each event.

use std::collections::VecDeque;

use protocol::{HistoryRequest, Position};

use crate::history::PageBound;

/// The largest number of requests that wait. A further request is refused with a temporary error.
const WAITING_MAX: usize = 16_384;

/// A requester, and the position that it recovers from.
pub(super) type Join<T> = (T, Option<Position>);
/// A requester, and the page that it requests.
pub(super) type History<T> = (T, HistoryRequest, PageBound);

/// The progress of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// The removal waits for a read that begins after the removal was requested. Such a read shows all publications that must
    /// be removed.
    Requested,
    /// The read that began after the request is under way.
    Reading,
    /// The read is finished. The removal applies to all publications up to this offset.
    Upto(u64),
}

/// The waiting requests.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    /// Joins that will be compared with the recent window.
    pub(super) joins: VecDeque<Join<T>>,
    /// Joins that the recent window cannot answer. The newest publications of the channel must be read again for them
    /// (`Call::Open`).
    pub(super) unread: VecDeque<Join<T>>,
    /// Requests for the history that will be compared with the recent window.
    pub(super) histories: VecDeque<History<T>>,
    /// Requests for pages that the recent window does not have. Each needs a read of its own.
    pub(super) pages: VecDeque<History<T>>,
    /// Removals of the history.
    pub(super) removals: VecDeque<(T, Removal)>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            joins: VecDeque::new(),
            unread: VecDeque::new(),
            histories: VecDeque::new(),
            pages: VecDeque::new(),
            removals: VecDeque::new(),
        }
    }
}

impl<T> Waiting<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no further request may wait.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= WAITING_MAX
    }

    fn len(&self) -> usize {
        self.joins.len() + self.unread.len() + self.histories.len() + self.pages.len() + self.removals.len()
    }

    /// Moves the joins in `unread` to the front of `joins`, so that they are compared with the recent window again.
    pub(super) fn look_again(&mut self) {
        self.unread.append(&mut self.joins);
        std::mem::swap(&mut self.unread, &mut self.joins);
    }

    /// The greatest offset of the removals that are ready; `None` if no removal is ready.
    pub(super) fn removable(&self) -> Option<u64> {
        let upto = |(_, removal): &(T, Removal)| match removal {
            Removal::Upto(upto) => Some(*upto),
            Removal::Requested | Removal::Reading => None,
        };
        self.removals.iter().filter_map(upto).max()
    }

    /// Whether a removal waits for a read of the channel.
    pub(super) fn any_removal_unread(&self) -> bool {
        self.removals.iter().any(|(_, removal)| !matches!(removal, Removal::Upto(_)))
    }

    /// Moves all removals in the state `from` to the state `to`.
    pub(super) fn advance(&mut self, from: Removal, to: Removal) {
        for (_, removal) in &mut self.removals {
            if *removal == from {
                *removal = to;
            }
        }
    }

    /// Takes out the removals that are ready, and returns their requesters. One journal call carries out all these removals.
    pub(super) fn removers(&mut self) -> Vec<T> {
        let due = take_if(&mut self.removals, |(_, removal)| matches!(removal, Removal::Upto(_)));
        due.into_iter().map(|(requester, _)| requester).collect()
    }

    /// Takes out the requests of the requesters for which `gone` is true, and returns these requesters.
    pub(super) fn forget(&mut self, mut gone: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut left = Vec::new();
        for joins in [&mut self.joins, &mut self.unread] {
            let taken = take_if(joins, |(requester, _)| gone(requester));
            left.extend(taken.into_iter().map(|(requester, _)| requester));
        }
        for histories in [&mut self.histories, &mut self.pages] {
            let taken = take_if(histories, |(requester, ..)| gone(requester));
            left.extend(taken.into_iter().map(|(requester, ..)| requester));
        }
        let taken = take_if(&mut self.removals, |(requester, _)| gone(requester));
        left.extend(taken.into_iter().map(|(requester, _)| requester));
        left
    }

    /// Every requester.
    pub(super) fn requesters_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let joins = self.unread.iter_mut().chain(&mut self.joins).map(|(requester, _)| requester);
        let pages = self.pages.iter_mut().chain(&mut self.histories).map(|(requester, ..)| requester);
        joins.chain(pages).chain(self.removals.iter_mut().map(|(requester, _)| requester))
    }

    /// Takes out all requests, and returns their requesters.
    pub(super) fn into_requesters(self) -> impl Iterator<Item = T> {
        let joins = self.unread.into_iter().chain(self.joins).map(|(requester, _)| requester);
        let pages = self.pages.into_iter().chain(self.histories).map(|(requester, ..)| requester);
        joins.chain(pages).chain(self.removals.into_iter().map(|(requester, _)| requester))
    }
}

/// Takes the elements for which `matches` is true out of a queue. The queue is rebuilt only if there are such elements.
fn take_if<E>(queue: &mut VecDeque<E>, mut matches: impl FnMut(&E) -> bool) -> Vec<E> {
    if !queue.iter().any(&mut matches) {
        return Vec::new();
    }
    let (taken, kept): (Vec<_>, Vec<_>) = std::mem::take(queue).into_iter().partition(matches);
    *queue = kept.into();
    taken
}
