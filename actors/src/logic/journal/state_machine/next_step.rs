//! How a durable channel chooses its next journal call, and answers waiting requests.

use std::time::Duration;

use protocol::HistoryResult;

use super::{
    Action, BATCH_MAX, Busy, Call, DurableChannel, Outcome, QUIET_MAX, READS_MAX, Reading,
    waiting::{Removal, Waiting},
};
use crate::{
    history::Page,
    journal::{
        NewMessage, Range,
        recent_window::{BATCH_BYTES, RecentWindow},
    },
};

impl<T> DurableChannel<T> {
    /// Drops expired publications, permits another attempt to open the channel, and counts the ticks without a use of the
    /// channel. `occupied` says whether the channel has subscribers.
    pub fn tick(&mut self, now_ms: i64, occupied: bool) {
        if let Some(window) = &mut self.window {
            window.expire(self.keep, now_ms);
        }
        self.open_failed = false;
        let used = occupied || !self.is_idle();
        self.quiet = if used { 0 } else { self.quiet.saturating_add(1) };
    }

    /// The time until [`Self::tick`] has work; `None` if it will have no work.
    #[must_use]
    pub fn next_tick(&self, now_ms: i64, occupied: bool) -> Option<Duration> {
        let unused = !occupied && self.is_idle();
        if self.open_failed || unused {
            return Some(Duration::ZERO);
        }
        let left = self.window.as_ref()?.next_expiry_ms(self.keep)?.saturating_sub(now_ms);
        Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }

    /// Begins the journal calls that are possible now, and returns the collected actions. The shard calls this after every
    /// event. `number` returns a new number for a journal call.
    pub fn step(&mut self, now_ms: i64, occupied: bool, mut number: impl FnMut() -> u64) -> Vec<Action<T>> {
        self.now_ms = now_ms;
        if let Some(window) = &mut self.window {
            window.expire(self.keep, now_ms);
        }
        if occupied || !self.is_idle() {
            self.quiet = 0;
        }
        self.answer(false);
        self.read_pages(&mut number);
        if matches!(self.busy, Busy::Idle) {
            self.begin(occupied, number());
        }
        std::mem::take(&mut self.actions)
    }

    fn begin(&mut self, occupied: bool, number: u64) {
        let has_requests = !self.queue.is_empty() || !self.waiting.is_empty();
        let unsettled = self.unsettled && (has_requests || (occupied && !self.open_failed));
        if !unsettled && let Some(upto) = self.waiting.removable() {
            let removers = self.waiting.removers();
            self.busy = Busy::Removing(number, removers);
            self.actions.push(Action::Call(number, Call::Remove { upto }));
        } else if unsettled || self.needs_opening() {
            self.waiting.advance(Removal::Requested, Removal::Reading);
            self.busy = Busy::Opening(number);
            let call = Call::Open { newest: self.range(), settle: self.unsettled };
            self.actions.push(Action::Call(number, call));
        } else if !self.queue.is_empty() {
            let batch = self.batch();
            let messages = batch.iter().map(|(_, message)| message.clone()).collect();
            self.busy = Busy::Appending(number, batch);
            self.actions.push(Action::Call(number, Call::Append(messages)));
        }
    }

    fn batch(&mut self) -> Vec<(T, NewMessage)> {
        let most = if self.alone > 0 { 1 } else { BATCH_MAX };
        self.alone = self.alone.saturating_sub(1);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < most {
            let Some((_, message)) = self.queue.front() else { break };
            bytes += message.weight();
            if bytes > BATCH_BYTES && !batch.is_empty() {
                break;
            }
            self.queued_bytes -= message.weight();
            batch.extend(self.queue.pop_front());
        }
        batch
    }

    /// Whether a waiting request requires that the channel is opened.
    fn needs_opening(&self) -> bool {
        let Waiting { joins, unread, histories, pages, .. } = &self.waiting;
        let unanswerable = !unread.is_empty() || self.waiting.any_removal_unread();
        let any = !joins.is_empty() || !histories.is_empty() || !pages.is_empty();
        unanswerable || (self.window.is_none() && any)
    }

    /// Answers the waiting requests that the recent window suffices for. After an open (`just_read`), every waiting join is
    /// answered.
    pub(super) fn answer(&mut self, just_read: bool) {
        // In these states the recent window may lack publications, so it answers no request. The waiting requests, which may be
        // many, are not visited.
        if self.unsettled || matches!(self.busy, Busy::ClosingGap(..)) {
            return;
        }
        let Some(window) = &self.window else { return };
        if just_read {
            self.waiting.advance(Removal::Reading, Removal::Upto(window.top()));
            self.waiting.look_again();
        }
        while let Some((requester, since)) = self.waiting.joins.pop_front() {
            if !just_read && since.as_ref().is_some_and(|since| !window.can_recover(since)) {
                self.waiting.unread.push_back((requester, since));
                continue;
            }
            let recovery = since.as_ref().map(|since| window.recover(since, self.mode));
            self.actions.push(Action::Tell(requester, Outcome::Joined(window.position(), recovery)));
        }
        while let Some((requester, request, bound)) = self.waiting.histories.pop_front() {
            let outcome = match Page::of(&request, window.epoch(), bound) {
                Err(code) => Outcome::Refused(code),
                Ok(page) => match window.page(page, bound) {
                    Some(publications) => {
                        Outcome::History(HistoryResult { publications, position: window.position() })
                    }
                    None => {
                        self.waiting.pages.push_back((requester, request, bound));
                        continue;
                    }
                },
            };
            self.actions.push(Action::Tell(requester, outcome));
        }
    }

    /// Begins to read pages from the journal. These are the pages that the recent window does not have or, during the closing
    /// of a gap, all requested pages.
    fn read_pages(&mut self, mut number: impl FnMut() -> u64) {
        while self.reads.len() < READS_MAX && !self.unsettled {
            let Some(window) = &self.window else { return };
            let next = self.waiting.pages.pop_front().or_else(|| self.waiting.histories.pop_front());
            let Some((requester, request, bound)) = next else { return };
            let page = match Page::of(&request, window.epoch(), bound) {
                Ok(page) => page,
                Err(code) => {
                    self.tell(requester, Outcome::Refused(code));
                    continue;
                }
            };
            let end = window.top().saturating_add(1);
            let (after, before) = match page.since {
                Some(since) if page.reverse => (0, since.min(end)),
                Some(since) => (since, end),
                None => (0, end),
            };
            let limit = u32::try_from(page.limit).unwrap_or(u32::MAX).min(self.keep.size);
            let range =
                Range { after, before, limit, bytes: bound.bytes, reverse: page.reverse, ..self.range() };
            let number = number();
            self.reads.insert(number, Reading { requester, top: window.position(), bound });
            self.actions.push(Action::Call(number, Call::Read(range)));
        }
    }

    pub(super) fn range(&self) -> Range {
        RecentWindow::range(self.keep, self.now_ms)
    }

    pub(super) fn tell(&mut self, requester: T, outcome: Outcome) {
        self.actions.push(Action::Tell(requester, outcome));
    }

    /// Whether no journal call is under way, and no request waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.busy, Busy::Idle)
            && self.queue.is_empty()
            && self.waiting.is_empty()
            && self.reads.is_empty()
    }

    /// Whether the channel has been unused for so long that its state may be dropped.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.is_idle() && self.quiet >= QUIET_MAX
    }

    /// The weight of the publications in memory, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.window.as_ref().map_or(0, RecentWindow::bytes)
    }

    /// Drops the older half of the publications in the recent window, to free memory.
    pub fn halve(&mut self) {
        if let Some(window) = &mut self.window {
            window.halve();
        }
    }
}
