//! Rooms whose history is in the journal: their requests to the journal, and the handling of its answers.

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
    clock::wall_clock_ms,
    messages::{Publishment, What},
};

impl Room {
    /// Starts a request, which is completed when the journal has answered.
    pub(crate) fn ask_journal(&mut self, what: What) {
        let Source::Durable(durable) = &mut self.source else { return };
        match what {
            What::Join(joining) => {
                let terms = joining.join().map(|join| &join.terms);
                let since = terms.filter(|terms| terms.positioned || terms.recoverable);
                let since = since.and_then(|terms| terms.recover.clone());
                durable.state.join(Waiter::Join(joining), since);
            }
            What::Publish(publishment) => {
                let Publishment { data, info, tags, key, version, asker, bytes, .. } = *publishment;
                let (idempotency_key, time_ms) = (key.clone(), wall_clock_ms());
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
        let occupied = !self.members.is_empty();
        let Source::Durable(durable) = &mut self.source else { return };
        let (caller, keep) = (Rc::clone(&durable.caller), durable.keep);
        // Publications that still wait for a batch are not written if their connection was cut meanwhile.
        let cut = |waiter: &Waiter| match waiter {
            Waiter::Publish(by) => by.asker.is_command() && !by.asker.is_wanted(),
            _ => false,
        };
        for waiter in durable.state.retract(cut) {
            if let Waiter::Publish(by) = waiter {
                by.asker.forget();
            }
        }
        for action in durable.state.step(wall_clock_ms(), occupied, || caller.number()) {
            match action {
                Action::Call(number, call) => caller.call(self.name().clone(), keep, number, call),
                Action::Deliver(publication) => self.deliver(&publication),
                Action::Tell(waiter, outcome) => self.tell(waiter, outcome),
                // The drop of each member informs its client that it must subscribe again.
                Action::Lose => drop(self.members.clear()),
            }
        }
    }

    fn tell(&mut self, waiter: Waiter, outcome: Outcome) {
        match (waiter, outcome) {
            (Waiter::Join(joining), Outcome::Joined(top, recovery)) => {
                let counted =
                    joining.join().is_some_and(|join| join.terms.positioned || join.terms.recoverable);
                if joining.join().is_some_and(|join| join.outbox.is_open()) {
                    self.join(joining, Found { top: counted.then_some(top), recovery });
                } else {
                    joining.forget();
                }
            }
            (Waiter::Publish(by), Outcome::Published(position)) => self.published(by, Ok(Some(position))),
            (Waiter::History(asker), Outcome::History(result)) => asker.give(Ok(result)),
            (Waiter::Remove(sender), Outcome::Removed(position)) => drop(sender.send(Ok(position))),
            (Waiter::Join(joining), Outcome::Refused(code)) => joining.fail(code),
            (Waiter::Publish(by), Outcome::Refused(code)) => self.published(by, Err(code)),
            (Waiter::History(asker), Outcome::Refused(code)) => asker.give(Err(code)),
            (Waiter::Remove(sender), Outcome::Refused(code)) => drop(sender.send(Err(code))),
            // The outcome does not belong to this kind of request. The requester is dropped unanswered, which gives
            // it error 100.
            _ => {}
        }
    }

    /// Cancels a subscription of this connection that still waits for the journal.
    pub(crate) fn forget_joining(&mut self, connection: ConnectionId) {
        let Source::Durable(durable) = &mut self.source else { return };
        let is_its = |waiter: &Waiter| match waiter {
            Waiter::Join(joining) => joining.join().is_some_and(|join| join.info.client == connection),
            _ => false,
        };
        for waiter in durable.state.forget(is_its) {
            if let Waiter::Join(joining) = waiter {
                joining.cancel();
            }
        }
    }

    /// Replaces the visible info of a subscription that still waits for the journal.
    pub(crate) fn show_joining(&mut self, info: &Arc<ClientInfo>) {
        let Source::Durable(durable) = &mut self.source else { return };
        for waiter in durable.state.waiting_mut() {
            if let Waiter::Join(joining) = waiter {
                joining.show(info);
            }
        }
    }

    pub(crate) fn tick_journal(&mut self) {
        let occupied = !self.members.is_empty();
        let Source::Durable(durable) = &mut self.source else { return };
        durable.state.tick(wall_clock_ms(), occupied);
        self.proceed();
    }
}
