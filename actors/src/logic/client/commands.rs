//! What each command does, once it is its turn: the way to the rules, and what is said and asked in channels.

use std::{sync::Arc, time::Instant};

use crate::namespace::{Namespaces, Party, Who};
use protocol::{
    ClientInfo, Command, CommandBody, ErrorCode, HistoryRequest, PublishRequest, channel_name::ChannelName,
    close::CloseReason, id::Subject,
};

use super::{
    effects::{Effect, VerifyRefusal},
    question::{Question, is_large},
    state::{Dialogue, Pending, Phase},
};

/// Who asks for something.
pub(super) struct Asker {
    party: Party,
    subject: Subject,
    pub(super) info: Arc<ClientInfo>,
}

impl Asker {
    pub(super) fn who(&self) -> Who<'_> {
        Who { party: self.party, subject: &self.subject }
    }
}

impl Dialogue {
    /// Takes a command whose turn it is. Nothing is being waited for.
    pub(super) fn handle(&mut self, now: Instant, command: Command, accepting: bool) {
        let Command { id, body } = command;
        if let CommandBody::Connect(request) = body {
            return self.connect(now, id, request);
        }
        let Some(asker) = self.asker().filter(|_| self.phase != Phase::Refused) else {
            return self.close(self.nobody());
        };
        if !accepting && needs_trust(&body) {
            return self.refuse(id, ErrorCode::Internal);
        }
        if self.is_undecided(&body) {
            return self.wait_for(Pending::Membership(Command { id, body }));
        }
        match body {
            CommandBody::Subscribe(request) => self.subscribe(now, id, request, &asker),
            CommandBody::Unsubscribe { channel } => self.unsubscribe(id, &channel),
            CommandBody::Publish(request) => self.publish(id, request, &asker),
            CommandBody::Presence { channel } => self.ask(id, &channel, Question::Presence, &asker),
            CommandBody::PresenceStats { channel } => self.ask(id, &channel, Question::PresenceStats, &asker),
            CommandBody::History(request) => {
                let channel = request.channel.clone();
                self.ask(id, &channel, Question::History(request), &asker);
            }
            CommandBody::Refresh(request) => self.refresh(id, request),
            CommandBody::SubRefresh(request) => self.refresh_subscription(id, request),
            CommandBody::Rpc | CommandBody::Ping => self.refuse(id, ErrorCode::NotAvailable),
            // No reply could say so.
            CommandBody::Send => self.close(CloseReason::NotAvailable),
            CommandBody::Connect(_) | CommandBody::Pong => self.close(CloseReason::BadRequest),
        }
    }

    /// What ends a connection that asks for something although nobody knows who speaks.
    fn nobody(&self) -> CloseReason {
        let unproven = self.unproven.filter(|_| self.phase == Phase::Opening);
        unproven.map_or(CloseReason::BadRequest, VerifyRefusal::close_reason)
    }

    pub(super) fn asker(&self) -> Option<Asker> {
        let speaker = self.speaker.as_ref()?;
        let (party, subject) = (speaker.who.party, speaker.who.subject.clone());
        Some(Asker { party, subject, info: Arc::clone(&speaker.info) })
    }

    fn publish(&mut self, id: u32, request: PublishRequest, asker: &Asker) {
        match self.may_publish(&request, asker) {
            Ok(channel) => {
                let Some(data) = request.data else { return };
                let info = self.subscriptions.get(&channel).map_or(&asker.info, |joined| &joined.info);
                let info = Arc::clone(info);
                self.effects.push(Effect::Publish { channel, id, data, info });
            }
            Err(error) => self.refuse(id, error),
        }
    }

    fn may_publish(&self, request: &PublishRequest, asker: &Asker) -> Result<ChannelName, ErrorCode> {
        let channel = ChannelName::parse(&request.channel)?;
        let subscriber = self.subscriptions.is_made(&channel);
        self.config.namespaces.admit_publish(&channel, asker.who(), subscriber, request)?;
        Ok(channel)
    }

    fn ask(&mut self, id: u32, channel: &str, question: Question, asker: &Asker) {
        match self.may_ask(channel, &question, asker) {
            Ok(channel) if question.is_large() => {
                self.wait_for(Pending::Room { id, channel, question });
                self.effects.push(Effect::MakeRoom);
            }
            Ok(channel) => self.effects.push(Effect::Ask { channel, id, question }),
            Err(error) => self.refuse(id, error),
        }
    }

    /// Whether what may be done depends on a subscription that is being made. What is answered at length waits for all of
    /// them: what they recover must find its room first, because a question can wait for room and a recovery cannot.
    fn is_undecided(&self, body: &CommandBody) -> bool {
        match body {
            CommandBody::Presence { .. } => self.subscriptions.any_being_made(),
            CommandBody::History(request) if is_large(request) => self.subscriptions.any_being_made(),
            CommandBody::Publish(PublishRequest { channel, .. })
            | CommandBody::History(HistoryRequest { channel, .. })
            | CommandBody::PresenceStats { channel } => self.subscriptions.is_being_made(channel),
            _ => false,
        }
    }

    /// Whether [`Self::on_decided`] has something to do.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.pending.as_deref().is_some_and(|pending| self.is_ready(pending))
    }

    /// The subscription that a command waited for is made, or will not be.
    pub fn on_decided(&mut self, now: Instant, accepting: bool) -> Vec<Effect> {
        if self.is_decided()
            && let Some(Pending::Membership(command)) = self.pending.take().map(|pending| *pending)
        {
            self.handle(now, command, accepting);
            self.go_on(now, accepting);
        }
        self.take_effects()
    }

    fn is_ready(&self, pending: &Pending) -> bool {
        matches!(pending, Pending::Membership(command) if !self.is_undecided(&command.body))
    }

    /// There is room for the answer to the question that waited for it, as [`Effect::MakeRoom`] asked for.
    pub fn on_room(&mut self, now: Instant, accepting: bool) -> Vec<Effect> {
        let Some(Pending::Room { id, channel, question }) = self.take_pending(is_for_room) else {
            return Vec::new();
        };
        // What may be asked may have changed meanwhile.
        let Some(asker) = self.asker() else { return Vec::new() };
        match self.may_ask(&channel, &question, &asker) {
            _ if !accepting => self.refuse(id, ErrorCode::Internal),
            Ok(channel) => self.effects.push(Effect::Ask { channel, id, question }),
            Err(error) => self.refuse(id, error),
        }
        self.go_on(now, accepting);
        self.take_effects()
    }

    fn may_ask(&self, channel: &str, question: &Question, asker: &Asker) -> Result<ChannelName, ErrorCode> {
        let channel = ChannelName::parse(channel)?;
        let subscriber = self.subscriptions.is_made(&channel);
        let admit = match question {
            Question::Presence | Question::PresenceStats => Namespaces::admit_presence,
            Question::History(_) => Namespaces::admit_history,
        };
        admit(&self.config.namespaces, &channel, asker.who(), subscriber)?;
        Ok(channel)
    }
}

fn is_for_room(pending: &Pending) -> bool {
    matches!(pending, Pending::Room { .. })
}

/// Whether a command is one that a revocation forbids: not to be done by a node that may not have heard of it.
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
