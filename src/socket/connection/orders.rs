//! What others ask of a connection, taken from its outbox and done in its own task.
//!
//! Part of the driver, in a file of its own. Whoever asked is told what became of it, if they are still there.

use std::{sync::Arc, time::Instant};

use actors::runtime::{Control, SubscribeReply};
use protocol::{Payload, UnsubscribeCode, subscription::ServerSubscription};

use super::driver::Driver;
use logic::client::ServerRequest;

impl Driver {
    /// Does what others ask of the connection, in their order.
    pub(in crate::socket) fn obey(&mut self) {
        while self.client.takes_server_requests()
            && let Some(control) = self.outbox.next_control()
        {
            match control {
                Control::Made { channel, number } => {
                    self.order(ServerRequest::Confirm(channel, number));
                }
                Control::Lost { channel, number } => {
                    self.order(ServerRequest::Forget(channel, number));
                }
                Control::Subscribe(subscription, reply) => self.subscribe_for(subscription, reply),
                Control::Unsubscribe { channel, code, reply } => {
                    let _ = reply.send(self.order(ServerRequest::Unsubscribe(channel, code)));
                }
                Control::Refresh { expires_at, conn_info, reply } => {
                    let shown = conn_info.is_some();
                    let done = self.order(ServerRequest::Refresh { expires_at, conn_info });
                    let _ = reply.send(done && (!shown || self.show()));
                }
                Control::Judge(reply) => {
                    let _ = reply.send(self.judge());
                }
                Control::Describe(reply) => drop(reply.send(self.client.describe())),
            }
        }
    }

    /// Whether it was done.
    fn order(&mut self, order: ServerRequest) -> bool {
        let (effects, done) = self.client.on_server_request(Instant::now(), order);
        self.perform(effects);
        done == Ok(true)
    }

    /// Subscribes; whoever asked hears from the channel that it is done, or why it is not.
    fn subscribe_for(&mut self, subscription: Box<ServerSubscription>, reply: SubscribeReply) {
        let (effects, begun) =
            self.client.on_server_request(Instant::now(), ServerRequest::Subscribe(subscription));
        if begun == Ok(true) {
            self.asked_by = Some(reply);
            self.perform(effects);
        } else {
            self.perform(effects);
            let _ = reply.send(begun);
        }
    }

    /// What is said of the connection beside its name, once it is known who speaks.
    pub(in crate::socket) fn seen_as(&self) -> Option<Option<Payload>> {
        self.client.identity().map(|who| who.conn_info.clone())
    }

    /// Lets the channels show the connection as it is now. False if one of them takes no message now: it goes on showing what
    /// it did.
    pub(in crate::socket) fn show(&self) -> bool {
        let realtime = &self.door.realtime;
        // All of them, also after one that cannot.
        let shown = self.client.shown().map(|(channel, info)| realtime.show(channel, Arc::clone(info)));
        let all = shown.fold(true, |all, one| all & one.is_ok());
        if !all {
            tracing::warn!(connection = %self.id, "a channel takes no message: it shows a connection as it was before");
        }
        all
    }

    /// Ends the subscriptions whose tokens are denied: the client subscribes anew, with another. Says whether there are any.
    pub(in crate::socket) fn judge(&mut self) -> bool {
        let Some(subject) = self.client.identity().map(|who| who.subject.clone()) else { return false };
        let (realtime, now_ms) = (&self.door.realtime, self.door.now_ms());
        let denied = self.client.subscriptions_by(|channel, token| {
            realtime.denied(&subject, token, Some(channel), now_ms).is_some()
        });
        let any = !denied.is_empty();
        for channel in denied {
            self.order(ServerRequest::Unsubscribe(channel, UnsubscribeCode::StateInvalidated));
        }
        any
    }
}
