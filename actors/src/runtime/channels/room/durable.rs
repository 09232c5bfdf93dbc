//! The rooms of durable channels: their requests to the journal, and the handling of its answers.

use std::{rc::Rc, sync::Arc};

use logic::{
    history::PageBound,
    journal::{Action, NewMessage, Outcome},
};
use protocol::{ClientInfo, id::ConnectionId};

use super::{
    Room, Source,
    durable_history::{Publisher, Waiter},
    recovery::Found,
};
use crate::runtime::channels::{
    events::ChannelEventKind,
    messages::{Publishment, What},
    reply::{FollowUp, Joining, Leaving},
};

impl Room {
    /// Starts a request. It is completed when the journal has answered, or at once if the publications in memory suffice or the
    /// request is refused.
    pub(crate) fn ask_journal(&mut self, what: What) {
        let Source::Durable(durable) = &mut self.source else { return };
        match what {
            What::Join(joining) => durable.join(joining),
            What::Publish(publishment) => {
                let Publishment { data, info, tags, key, version, asker, bytes, .. } = *publishment;
                let (idempotency_key, time_ms) = (key.clone(), self.clock.now_ms());
                let message = NewMessage { data, info, tags, time_ms, idempotency_key, version };
                durable.state.publish(Waiter::Publish(Publisher { asker, key, bytes }), message);
            }
            What::History(request, asker) => {
                let bound = if asker.is_command() { PageBound::CLIENT } else { PageBound::SERVER };
                durable.state.history(Waiter::History(asker), request, bound);
            }
            What::Remove(sender) => durable.state.remove(Waiter::Remove(sender)),
        }
        self.proceed();
    }

    /// Carries out the actions that are possible now.
    pub(crate) fn proceed(&mut self) {
        // A follow-up is a new request. It must not overtake the actions before it.
        while self.proceed_once() {}
    }

    /// Carries out the actions of one step. Returns whether a follow-up has become a new request, which may need another step.
    fn proceed_once(&mut self) -> bool {
        let occupied = !self.members.is_empty();
        let Source::Durable(durable) = &mut self.source else { return false };
        let (access, keep) = (Rc::clone(&durable.access), durable.keep);
        // Publications that still wait for a batch are not written if their connection has ended meanwhile.
        let ended = |waiter: &Waiter| match waiter {
            Waiter::Publish(by) => by.asker.is_command() && !by.asker.is_wanted(),
            _ => false,
        };
        for waiter in durable.state.retract(ended) {
            if let Waiter::Publish(by) = waiter {
                by.asker.forget();
            }
        }
        let mut added = false;
        for action in durable.state.step(self.clock.now_ms(), occupied, || access.number()) {
            match action {
                Action::Call(number, call) => access.call(self.name().clone(), keep, number, call),
                Action::Deliver(publication) => self.deliver(&publication),
                Action::Tell(Waiter::Join(joining), outcome) => added |= self.tell_join(joining, outcome),
                Action::Tell(waiter, outcome) => self.tell(waiter, outcome),
                // The drop of each member informs its client that it must subscribe again.
                Action::Lose => {
                    drop(self.members.clear());
                    if occupied {
                        self.report(ChannelEventKind::Vacated, None);
                    }
                }
            }
        }
        added
    }

    /// Makes or refuses a subscription, and then handles its follow-ups. Returns whether one of them is another subscription.
    fn tell_join(&mut self, mut joining: Joining, outcome: Outcome) -> bool {
        let Some(join) = joining.join() else { return false };
        let (connection, wanted) = (join.info.client, join.outbox.is_open());
        let with_position = join.terms.positioned || join.terms.recoverable;
        let Source::Durable(durable) = &mut self.source else { return false };
        let mut next = durable.take_follow_ups(connection, &mut joining);
        if !wanted {
            joining.forget();
            return false;
        }
        match outcome {
            Outcome::Joined(top, mut recovery) => {
                // A subscription that ends at once must receive no publication: its token may have been denied.
                if let (Some(FollowUp::Leave(_)), Some(recovery)) = (next.front(), &mut recovery) {
                    recovery.publications.clear();
                }
                self.join(joining, Found { top: with_position.then_some(top), recovery });
            }
            Outcome::Refused(code) => joining.fail(code),
            // The outcome does not belong to this kind of request. The drop of the requester answers with error 100.
            _ => drop(joining),
        }
        while let Some(follow_up) = next.pop_front() {
            match follow_up {
                FollowUp::Leave(leaving) => self.leave(connection, Some(leaving)),
                FollowUp::Join(joining) => {
                    let Source::Durable(durable) = &mut self.source else { return false };
                    durable.join_followed_by(connection, *joining, next);
                    return true;
                }
            }
        }
        false
    }

    fn tell(&mut self, waiter: Waiter, outcome: Outcome) {
        match (waiter, outcome) {
            (Waiter::Publish(by), Outcome::Published(position)) => {
                self.report(ChannelEventKind::Published, Some(position.clone()));
                self.published(by, Ok(Some(position)));
            }
            (Waiter::History(asker), Outcome::History(result)) => asker.give(Ok(result)),
            (Waiter::Remove(sender), Outcome::Removed(position)) => drop(sender.send(Ok(position))),
            (Waiter::Publish(by), Outcome::Refused(code)) => self.published(by, Err(code)),
            (Waiter::History(asker), Outcome::Refused(code)) => asker.give(Err(code)),
            (Waiter::Remove(sender), Outcome::Refused(code)) => drop(sender.send(Err(code))),
            // The outcome does not belong to this kind of request. The drop of the requester answers with error 100.
            _ => {}
        }
    }

    /// Ends a subscription. If the subscription still waits for the journal, an unsubscribe command of the client waits until
    /// the subscription is made, so that commands are answered in their order. If the server ends the subscription, or the
    /// connection has ended, the subscription ends at once, because nothing may be delivered after a denial.
    pub(crate) fn leave_in_turn(&mut self, connection: ConnectionId, leaving: Leaving) {
        let leaving = match &mut self.source {
            Source::Durable(durable) if leaving.is_answer() => match durable.leave(connection, leaving) {
                Ok(()) => return,
                Err(leaving) => leaving,
            },
            Source::Durable(durable) => {
                let joining = durable.take_joins(connection);
                if leaving.is_silent() {
                    joining.into_iter().for_each(Joining::forget);
                } else {
                    // The drop refuses the subscription with error 100, and answers its follow-ups.
                    drop(joining);
                }
                leaving
            }
            Source::Memory { .. } => leaving,
        };
        self.leave(connection, Some(leaving));
    }

    /// Replaces the visible info of a subscription that still waits for the journal.
    pub(crate) fn show_joining(&mut self, info: &Arc<ClientInfo>) {
        let Source::Durable(durable) = &mut self.source else { return };
        if let Some(joining) = durable.waiting_join(info.client) {
            joining.show(info);
        }
    }

    pub(crate) fn tick_journal(&mut self) {
        let occupied = !self.members.is_empty();
        let Source::Durable(durable) = &mut self.source else { return };
        durable.state.tick(self.clock.now_ms(), occupied);
        self.proceed();
    }
}
