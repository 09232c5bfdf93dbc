//! How a durable channel chooses its next journal call and answers waiting requests.

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
    /// Drops expired publications and counts ticks without use. `occupied` says whether the channel has subscribers.
    pub fn tick(&mut self, now_ms: i64, occupied: bool) {
        if let Some(hot) = &mut self.hot {
            hot.expire(self.keep, now_ms);
        }
        self.resting = false;
        let used = occupied || !self.is_idle();
        self.quiet = if used { 0 } else { self.quiet.saturating_add(1) };
    }

    /// In how much time [`Self::tick`] has something to do; `None` while nothing is in sight.
    #[must_use]
    pub fn next_tick(&self, now_ms: i64, occupied: bool) -> Option<Duration> {
        let unused = !occupied && self.is_idle();
        if self.resting || unused {
            return Some(Duration::ZERO);
        }
        let left = self.hot.as_ref()?.next_expiry_ms(self.keep)?.saturating_sub(now_ms);
        Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }

    /// Begins the journal calls that are possible now, and returns the collected actions. The shard calls it after every event.
    /// `number` returns a new number for each call of the journal.
    pub fn step(&mut self, now_ms: i64, occupied: bool, mut number: impl FnMut() -> u64) -> Vec<Action<T>> {
        self.now_ms = now_ms;
        if let Some(hot) = &mut self.hot {
            hot.expire(self.keep, now_ms);
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
        let asked = !self.queue.is_empty() || !self.waiting.is_empty();
        let unsettled = self.unsettled && (asked || (occupied && !self.resting));
        if !unsettled && let Some(upto) = self.waiting.removable() {
            let removers = self.waiting.removers();
            self.busy = Busy::Removing(number, removers);
            self.actions.push(Action::Call(number, Call::Remove { upto }));
        } else if unsettled || self.needs_opening() {
            self.waiting.advance(Removal::Asked, Removal::Reading);
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

    /// Whether a request waits that needs the channel to be opened.
    fn needs_opening(&self) -> bool {
        let Waiting { joins, unread, histories, pages, .. } = &self.waiting;
        let unanswerable = !unread.is_empty() || self.waiting.any_removal_unread();
        let any = !joins.is_empty() || !histories.is_empty() || !pages.is_empty();
        unanswerable || (self.hot.is_none() && any)
    }

    /// Answers the waiting requests that memory can answer. After an open (`just_read`) every waiting join is answered.
    pub(super) fn answer(&mut self, just_read: bool) {
        // No request can be answered in these states. Many may wait, so do not visit them.
        if self.unsettled || matches!(self.busy, Busy::Closing(..)) {
            return;
        }
        let Some(hot) = &self.hot else { return };
        if just_read {
            self.waiting.advance(Removal::Reading, Removal::Upto(hot.top()));
            self.waiting.look_again();
        }
        while let Some((requester, since)) = self.waiting.joins.pop_front() {
            if !just_read && since.as_ref().is_some_and(|since| !hot.can_recover(since)) {
                self.waiting.unread.push_back((requester, since));
                continue;
            }
            let recovery = since.as_ref().map(|since| hot.recover(since, self.mode));
            self.actions.push(Action::Tell(requester, Outcome::Joined(hot.position(), recovery)));
        }
        while let Some((requester, request, bound)) = self.waiting.histories.pop_front() {
            let outcome = match Page::of(&request, hot.epoch(), bound) {
                Err(code) => Outcome::Refused(code),
                Ok(page) => match hot.page(page, bound) {
                    Some(publications) => {
                        Outcome::History(HistoryResult { publications, position: hot.position() })
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

    /// Begins reads of the pages that the recent window does not hold.
    fn read_pages(&mut self, mut number: impl FnMut() -> u64) {
        while self.reads.len() < READS_MAX && !self.unsettled {
            let Some(hot) = &self.hot else { return };
            let next = self.waiting.pages.pop_front().or_else(|| self.waiting.histories.pop_front());
            let Some((requester, request, bound)) = next else { return };
            let page = match Page::of(&request, hot.epoch(), bound) {
                Ok(page) => page,
                Err(code) => {
                    self.tell(requester, Outcome::Refused(code));
                    continue;
                }
            };
            let end = hot.top().saturating_add(1);
            let (after, before) = match page.since {
                Some(since) if page.reverse => (0, since.min(end)),
                Some(since) => (since, end),
                None => (0, end),
            };
            let limit = u32::try_from(page.limit).unwrap_or(u32::MAX).min(self.keep.size);
            let range =
                Range { after, before, limit, bytes: bound.bytes, reverse: page.reverse, ..self.range() };
            let number = number();
            self.reads.insert(number, Reading { requester, top: hot.position(), bound });
            self.actions.push(Action::Call(number, Call::Read(range)));
        }
    }

    pub(super) fn range(&self) -> Range {
        RecentWindow::range(self.keep, self.now_ms)
    }

    pub(super) fn tell(&mut self, requester: T, outcome: Outcome) {
        self.actions.push(Action::Tell(requester, outcome));
    }

    /// Whether no call is in progress and no request waits.
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
        self.hot.as_ref().map_or(0, RecentWindow::bytes)
    }

    /// Drops the older half of the publications in memory to free memory.
    pub fn halve(&mut self) {
        if let Some(hot) = &mut self.hot {
            hot.halve();
        }
    }
}
