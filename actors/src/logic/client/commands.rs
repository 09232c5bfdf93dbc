//! Handling of single commands: the dispatch, and the commands `publish`, `history`, `presence` and `presence_stats`.

use std::{sync::Arc, time::Instant};

use protocol::{
    ClientInfo, Command, CommandBody, ErrorCode, HistoryRequest, PublishRequest, channel_name::ChannelName,
    close::CloseReason, id::Subject,
};

use super::{
    effects::{ChannelQuery, Effect, wants_publications},
    identity::VerifyRefusal,
    state::{ClientState, Pending, Phase},
};
use crate::namespace::{ChannelUser, Namespaces, Party};

/// The identity of the client that sent a command.
pub(super) struct Requester {
    party: Party,
    subject: Subject,
    pub(super) info: Arc<ClientInfo>,
}

impl Requester {
    pub(super) fn channel_user(&self) -> ChannelUser<'_> {
        ChannelUser { party: self.party, subject: &self.subject }
    }
}

impl ClientState {
    /// Handles a command. The caller has checked that no other command is pending.
    pub(super) fn handle(&mut self, now: Instant, command: Command, accepting: bool) {
        let Command { id, body } = command;
        if let CommandBody::Connect(request) = body {
            return self.connect(now, id, request, accepting);
        }
        let Some(requester) = self.requester().filter(|_| self.phase != Phase::Refused) else {
            return self.close(self.unauthenticated_reason());
        };
        if !accepting && needs_trust(&body) {
            return self.refuse(id, ErrorCode::Internal);
        }
        if self.awaits_membership(&body) {
            return self.set_pending(Pending::Membership(Command { id, body }));
        }
        match body {
            CommandBody::Subscribe(request) => self.subscribe(now, id, request, &requester),
            CommandBody::Unsubscribe { channel } => self.unsubscribe(id, &channel),
            CommandBody::Publish(request) => self.publish(id, request, &requester),
            CommandBody::Presence { channel } => self.query(id, &channel, ChannelQuery::Presence, &requester),
            CommandBody::PresenceStats { channel } => {
                self.query(id, &channel, ChannelQuery::PresenceStats, &requester);
            }
            CommandBody::History(request) => {
                let channel = request.channel.clone();
                self.query(id, &channel, ChannelQuery::History(request), &requester);
            }
            CommandBody::Refresh(request) => self.refresh(id, request),
            CommandBody::SubRefresh(request) => self.refresh_subscription(id, request),
            CommandBody::Rpc | CommandBody::Ping => self.refuse(id, ErrorCode::NotAvailable),
            // `send` has no reply, so only a close can report the error.
            CommandBody::Send => self.close(CloseReason::NotAvailable),
            CommandBody::Connect(_) | CommandBody::Pong => self.close(CloseReason::BadRequest),
        }
    }

    /// The close reason for a client that sends a command before it is authenticated, or after `connect` was refused.
    fn unauthenticated_reason(&self) -> CloseReason {
        let cookie_refusal = self.cookie_refusal.filter(|_| self.phase == Phase::Connecting);
        cookie_refusal.map_or(CloseReason::BadRequest, VerifyRefusal::close_reason)
    }

    pub(super) fn requester(&self) -> Option<Requester> {
        let authenticated = self.authenticated.as_ref()?;
        let (party, subject) = (authenticated.identity.party, authenticated.identity.subject.clone());
        Some(Requester { party, subject, info: Arc::clone(&authenticated.info) })
    }

    fn publish(&mut self, id: u32, request: PublishRequest, requester: &Requester) {
        match self.may_publish(&request, requester) {
            Ok(channel) => {
                let Some(data) = request.data else { return };
                let info = self.subscriptions.get(&channel).map_or(&requester.info, |joined| &joined.info);
                let info = Arc::clone(info);
                self.effects.push(Effect::Publish { channel, id, data, info });
            }
            Err(error) => self.refuse(id, error),
        }
    }

    fn may_publish(&self, request: &PublishRequest, requester: &Requester) -> Result<ChannelName, ErrorCode> {
        let channel = ChannelName::parse(&request.channel)?;
        let subscriber = self.subscriptions.is_confirmed(&channel);
        self.config.namespaces.admit_publish(&channel, requester.channel_user(), subscriber, request)?;
        Ok(channel)
    }

    fn query(&mut self, id: u32, channel: &str, query: ChannelQuery, requester: &Requester) {
        match self.may_query(channel, &query, requester) {
            Ok(channel) if query.is_large() => {
                self.set_pending(Pending::AnswerSpace { id, channel, query });
                self.effects.push(Effect::ReserveAnswerSpace);
            }
            Ok(channel) => self.effects.push(Effect::Query { channel, id, query }),
            Err(error) => self.refuse(id, error),
        }
    }

    /// Whether a command must wait until subscriptions are confirmed. A command waits for a subscription if its permission
    /// depends on that subscription. A command with a large answer waits for all unconfirmed subscriptions. So these
    /// subscriptions get space in the outbox for their recovered publications first: a query can wait for space, but a recovery
    /// cannot.
    fn awaits_membership(&self, body: &CommandBody) -> bool {
        match body {
            CommandBody::Presence { .. } => self.subscriptions.any_unconfirmed(),
            CommandBody::History(request) if wants_publications(request) => {
                self.subscriptions.any_unconfirmed()
            }
            CommandBody::Publish(PublishRequest { channel, .. })
            | CommandBody::History(HistoryRequest { channel, .. })
            | CommandBody::PresenceStats { channel } => self.subscriptions.is_unconfirmed(channel),
            _ => false,
        }
    }

    /// Whether the subscriptions that the pending command waits for are all confirmed or refused. If so, call
    /// [`Self::on_membership_known`].
    #[must_use]
    pub fn is_membership_known(&self) -> bool {
        self.pending.as_deref().is_some_and(|pending| self.is_ready(pending))
    }

    /// Handles the pending command after the subscriptions that it waited for are confirmed or refused.
    pub fn on_membership_known(&mut self, now: Instant, accepting: bool) -> Vec<Effect> {
        if self.is_membership_known()
            && let Some(Pending::Membership(command)) = self.pending.take().map(|pending| *pending)
        {
            self.handle(now, command, accepting);
            self.run_queue(now, accepting);
        }
        self.take_effects()
    }

    fn is_ready(&self, pending: &Pending) -> bool {
        matches!(pending, Pending::Membership(command) if !self.awaits_membership(&command.body))
    }

    /// Performs the pending query after the space that [`Effect::ReserveAnswerSpace`] requested is reserved.
    pub fn on_answer_space(&mut self, now: Instant, accepting: bool) -> Vec<Effect> {
        let Some(Pending::AnswerSpace { id, channel, query }) = self.take_pending_if(waits_for_space) else {
            return Vec::new();
        };
        // The permission may have changed meanwhile.
        let Some(requester) = self.requester() else { return Vec::new() };
        match self.may_query(&channel, &query, &requester) {
            _ if !accepting => self.refuse(id, ErrorCode::Internal),
            Ok(channel) => self.effects.push(Effect::Query { channel, id, query }),
            Err(error) => self.refuse(id, error),
        }
        self.run_queue(now, accepting);
        self.take_effects()
    }

    fn may_query(
        &self,
        channel: &str,
        query: &ChannelQuery,
        requester: &Requester,
    ) -> Result<ChannelName, ErrorCode> {
        let channel = ChannelName::parse(channel)?;
        let subscriber = self.subscriptions.is_confirmed(&channel);
        let admit = match query {
            ChannelQuery::Presence | ChannelQuery::PresenceStats => Namespaces::admit_presence,
            ChannelQuery::History(_) => Namespaces::admit_history,
        };
        admit(&self.config.namespaces, &channel, requester.channel_user(), subscriber)?;
        Ok(channel)
    }
}

fn waits_for_space(pending: &Pending) -> bool {
    matches!(pending, Pending::AnswerSpace { .. })
}

/// Whether a command requires a valid session. A node that may have missed a revocation must not perform such a command.
fn needs_trust(body: &CommandBody) -> bool {
    match body {
        CommandBody::Subscribe(_)
        | CommandBody::Publish(_)
        | CommandBody::Presence { .. }
        | CommandBody::PresenceStats { .. }
        | CommandBody::History(_)
        | CommandBody::Refresh(_)
        | CommandBody::SubRefresh(_) => true,
        CommandBody::Connect(_)
        | CommandBody::Unsubscribe { .. }
        | CommandBody::Rpc
        | CommandBody::Send
        | CommandBody::Ping
        | CommandBody::Pong => false,
    }
}
