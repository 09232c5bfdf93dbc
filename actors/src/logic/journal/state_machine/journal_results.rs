//! How a durable channel handles the results of its journal calls.

use std::sync::Arc;

use protocol::{ErrorCode, HistoryResult, Position, Publication};

use super::{Action, Busy, Call, DurableChannel, Failed, GAP_MAX, Gap, Outcome, Place, Reading};
use crate::{
    history::bounded,
    journal::{Appended, NewMessage, Opened, Placement, Range, Removed, recent_window::RecentWindow},
};

impl<T> DurableChannel<T> {
    /// Handles the result of [`Call::Append`].
    pub fn appended(&mut self, number: u64, result: Result<Appended, Failed>) {
        match std::mem::replace(&mut self.busy, Busy::Idle) {
            Busy::Appending(expected, batch) if expected == number => match result {
                Ok(appended) => self.committed(number, batch, appended),
                Err(failed) => self.not_appended(batch, failed),
            },
            // A result that does not belong to the call under way changes nothing.
            other => self.busy = other,
        }
    }

    fn committed(&mut self, number: u64, batch: Vec<(T, NewMessage)>, appended: Appended) {
        let publication = |message: &NewMessage, place: Placement| Arc::new(message.at(place.offset()));
        let placed: Vec<_> = batch
            .into_iter()
            .zip(appended.placed)
            .map(|((requester, message), place)| (requester, place, publication(&message, place)))
            .collect();
        let first = placed.iter().find_map(|(_, place, _)| match place {
            Placement::New(offset) => Some(*offset),
            Placement::Earlier(_) | Placement::Outdated(_) => None,
        });
        let first = first.unwrap_or(appended.top.saturating_add(1));
        match &self.window {
            Some(window) if *window.epoch() == appended.epoch && first == window.top() + 1 => {
                self.serve(placed);
            }
            Some(window)
                if *window.epoch() == appended.epoch
                    && (1..=GAP_MAX).contains(&first.saturating_sub(window.top() + 1)) =>
            {
                let range = Range {
                    after: window.top(),
                    before: first,
                    limit: u32::MAX,
                    reverse: false,
                    ..self.range()
                };
                self.busy = Busy::ClosingGap(number, Gap { first, placed });
                self.actions.push(Action::Call(number, Call::Read(range)));
            }
            known => {
                if known.is_some() {
                    self.actions.push(Action::Lose);
                }
                self.waiting.look_again();
                self.window = Some(RecentWindow::began(appended.epoch, first));
                self.serve(placed);
            }
        }
    }

    /// Delivers and acknowledges a committed batch.
    fn serve(&mut self, placed: Vec<Place<T>>) {
        for (requester, place, publication) in placed {
            let position = self.window.as_ref().map(|window| window.at(place.offset())).unwrap_or_default();
            if matches!(place, Placement::New(_)) {
                self.deliver(publication);
            }
            self.tell(requester, Outcome::Published(position));
        }
    }

    fn deliver(&mut self, publication: Arc<Publication>) {
        if let Some(window) = &mut self.window {
            window.push(Arc::clone(&publication), self.keep);
        }
        self.actions.push(Action::Deliver(publication));
    }

    fn not_appended(&mut self, batch: Vec<(T, NewMessage)>, failed: Failed) {
        let code = match failed {
            Failed::Refused if batch.len() > 1 => {
                // Some message caused the refusal. The messages are written one by one, so that the others are published.
                self.alone = batch.len();
                self.queued_bytes += batch.iter().map(|(_, message)| message.weight()).sum::<usize>();
                return batch.into_iter().rev().for_each(|message| self.queue.push_front(message));
            }
            Failed::Refused => ErrorCode::BadRequest,
            Failed::Unavailable => ErrorCode::Internal,
            Failed::Unknown => {
                self.unsettled = true;
                ErrorCode::Internal
            }
        };
        batch.into_iter().for_each(|(requester, _)| self.tell(requester, Outcome::Refused(code)));
    }

    /// Handles the result of [`Call::Open`].
    pub fn opened(&mut self, number: u64, result: Result<Opened, ()>) {
        if !matches!(self.busy, Busy::Opening(expected) if expected == number) {
            return;
        }
        self.busy = Busy::Idle;
        let reopen = std::mem::take(&mut self.reopen);
        let Ok(opened) = result else {
            self.unsettled |= reopen;
            self.open_failed = true;
            return self.refuse_all();
        };
        self.unsettled = reopen;
        if let Some(window) = &self.window {
            let next = window.top() + 1;
            let missing: Vec<_> =
                opened.newest.iter().filter(|publication| publication.offset >= next).cloned().collect();
            let same = *window.epoch() == opened.epoch && opened.top + 1 >= next;
            if same && missing.len() as u64 == opened.top + 1 - next {
                missing.into_iter().for_each(|publication| self.actions.push(Action::Deliver(publication)));
            } else {
                self.actions.push(Action::Lose);
            }
        }
        self.window = Some(RecentWindow::opened(opened));
        // The joins that still cannot recover are answered, too, because another read would not find more.
        self.answer(true);
    }

    /// Refuses all waiting messages and requests, because the journal cannot be read.
    fn refuse_all(&mut self) {
        (self.queued_bytes, self.alone) = (0, 0);
        let queue = std::mem::take(&mut self.queue).into_iter().map(|(requester, _)| requester);
        let waiting = std::mem::take(&mut self.waiting).into_requesters();
        queue
            .chain(waiting)
            .for_each(|requester| self.tell(requester, Outcome::Refused(ErrorCode::Internal)));
    }

    /// Handles the result of [`Call::Read`].
    pub fn read(&mut self, number: u64, result: Result<Vec<Arc<Publication>>, ()>) {
        if let Some(Reading { requester, top, bound }) = self.reads.remove(&number) {
            let outcome = match result {
                Ok(found) => Outcome::History(HistoryResult {
                    publications: bounded(found.into_iter(), usize::MAX, bound.bytes),
                    position: top,
                }),
                Err(()) => Outcome::Refused(ErrorCode::Internal),
            };
            return self.tell(requester, outcome);
        }
        match std::mem::replace(&mut self.busy, Busy::Idle) {
            Busy::ClosingGap(expected, gap) if expected == number => {
                self.close_gap(gap, result.unwrap_or_default());
            }
            other => self.busy = other,
        }
    }

    /// Delivers the publications of other processes, and then delivers and acknowledges the batch. If not all publications
    /// before the batch were read, every subscriber must subscribe again.
    fn close_gap(&mut self, Gap { first, placed }: Gap<T>, read: Vec<Arc<Publication>>) {
        let next = self.window.as_ref().map_or(1, |window| window.top() + 1);
        if read.len() as u64 == first - next {
            read.into_iter().for_each(|publication| self.deliver(publication));
        } else {
            self.actions.push(Action::Lose);
            self.window =
                self.window.take().map(|window| RecentWindow::began(Arc::clone(window.epoch()), first));
        }
        self.serve(placed);
    }

    /// Handles the result of [`Call::Remove`].
    pub fn removed(&mut self, number: u64, result: Result<Removed, ()>) {
        match std::mem::replace(&mut self.busy, Busy::Idle) {
            Busy::Removing(expected, removers) if expected == number => {
                let outcome = match result {
                    Ok(Removed { upto, epoch }) => {
                        if let Some(window) = &mut self.window {
                            window.remove(upto);
                        }
                        Outcome::Removed(Position { offset: upto, epoch: epoch.as_ref().to_owned() })
                    }
                    // The outcome is not known, and the removal may still happen. So the channel is opened again before the
                    // next call.
                    Err(()) => {
                        self.unsettled = true;
                        Outcome::Refused(ErrorCode::Internal)
                    }
                };
                removers.into_iter().for_each(|requester| self.tell(requester, outcome.clone()));
            }
            other => self.busy = other,
        }
    }
}
