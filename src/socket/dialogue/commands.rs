//! What each command does, once it is its turn.

use std::time::Instant;

use portcullis_actors::{
    close::CloseReason,
    logic::namespace::{ChannelName, Terms, Who},
    protocol::{
        Answer, Command, CommandBody, ConnectRequest, ConnectResult, ErrorCode, PublishRequest,
        RefreshRequest, SubscribeRequest,
    },
};
use secrecy::SecretString;

use super::{Dialogue, Effect, Identity, Phase, Purpose, VerifyRefusal};

impl Dialogue {
    /// Takes a command whose turn it is. No verification is under way.
    pub(super) fn handle(&mut self, now: Instant, command: Command, accepting: bool) {
        let Command { id, body } = command;
        if let CommandBody::Connect(request) = body {
            return self.connect(now, id, request);
        }
        let speaker = self.speaker().filter(|_| self.phase != Phase::Refused);
        let Some((subject, party)) = speaker.map(|who| (who.subject.clone(), who.party)) else {
            return self.close(CloseReason::BadRequest);
        };
        let who = Who { party, subject: &subject };
        match body {
            CommandBody::Subscribe(_) | CommandBody::Publish(_) | CommandBody::Refresh(_) if !accepting => {
                self.answer(id, &Answer::Error(ErrorCode::Internal));
            }
            CommandBody::Subscribe(request) => self.subscribe(id, &request, who),
            CommandBody::Publish(request) => self.publish(id, request, who),
            CommandBody::Refresh(request) => self.refresh(id, request),
            CommandBody::Unsubscribe { channel } => self.unsubscribe(id, &channel),
            CommandBody::Presence { .. }
            | CommandBody::PresenceStats { .. }
            | CommandBody::History(_)
            | CommandBody::Rpc
            | CommandBody::SubRefresh(_)
            | CommandBody::Ping => self.answer(id, &Answer::Error(ErrorCode::NotAvailable)),
            // No reply could say so.
            CommandBody::Send => self.close(CloseReason::NotAvailable),
            CommandBody::Connect(_) | CommandBody::Pong => self.close(CloseReason::BadRequest),
        }
    }

    fn connect(&mut self, now: Instant, id: u32, request: ConnectRequest) {
        if self.phase != Phase::Opening {
            return self.close(CloseReason::BadRequest);
        }
        match request.token {
            Some(token) => self.verify(Purpose::Connect { id }, token),
            None if self.identity.is_some() => self.connected(now, id),
            None => self.close(CloseReason::BadRequest),
        }
    }

    fn verify(&mut self, purpose: Purpose, token: SecretString) {
        self.pending = Some(purpose);
        self.effects.push(Effect::Verify { purpose, token });
    }

    pub(super) fn connect_verified(
        &mut self,
        now: Instant,
        id: u32,
        outcome: Result<Identity, VerifyRefusal>,
    ) {
        match outcome {
            Ok(identity) => {
                if self.adopt(now, identity) {
                    self.connected(now, id);
                }
            }
            Err(VerifyRefusal::Expired) => self.refuse_connect(now, id, ErrorCode::TokenExpired),
            Err(VerifyRefusal::Unavailable) => self.refuse_connect(now, id, ErrorCode::Internal),
            Err(refusal) => self.close(refusal.close_reason()),
        }
    }

    fn connected(&mut self, now: Instant, id: u32) {
        self.phase = Phase::Connected;
        self.connect_by = None;
        self.heartbeat.forget_pong();
        self.heartbeat.start(&self.config, now);
        let result = ConnectResult {
            client: self.client,
            version: self.config.version.clone(),
            lifetime: self.lifetime(now),
            ping: Some(u32::try_from(self.config.ping_interval.as_secs()).unwrap_or(u32::MAX).max(1)),
            subs: Vec::new(),
            emulation: None,
        };
        self.answer(id, &Answer::Connect(Box::new(result)));
    }

    /// The connection is of no use any more; the client closes it, or it goes stale.
    fn refuse_connect(&mut self, now: Instant, id: u32, error: ErrorCode) {
        self.phase = Phase::Refused;
        self.waiting.clear();
        self.heartbeat.stop();
        self.connect_by.get_or_insert(now + self.config.connect_timeout);
        self.answer(id, &Answer::Error(error));
    }

    fn refresh(&mut self, id: u32, request: RefreshRequest) {
        match request.token {
            Some(token) => self.verify(Purpose::Refresh { id }, token),
            None => self.close(CloseReason::BadRequest),
        }
    }

    pub(super) fn refresh_verified(
        &mut self,
        now: Instant,
        id: u32,
        outcome: Result<Identity, VerifyRefusal>,
    ) {
        match outcome {
            Ok(identity) => {
                if self.adopt(now, identity) {
                    let lifetime = self.lifetime(now);
                    self.answer(id, &Answer::Refresh(lifetime));
                }
            }
            // An error reply would end the client for good; after this close it comes back with a new token.
            Err(VerifyRefusal::Expired) => self.close(CloseReason::Expired),
            Err(VerifyRefusal::Unavailable) => self.answer(id, &Answer::Error(ErrorCode::Internal)),
            Err(refusal) => self.close(refusal.close_reason()),
        }
    }

    /// Takes a newer proof of the same identity, or the first; closes on another one and says false.
    fn adopt(&mut self, now: Instant, identity: Identity) -> bool {
        let same = self
            .speaker()
            .is_none_or(|who| (&who.subject, who.session) == (&identity.subject, identity.session));
        if same {
            let expires_at = identity.expires_at(now);
            self.identity = Some((identity, expires_at));
        } else {
            self.close(CloseReason::InvalidToken);
        }
        same
    }

    fn subscribe(&mut self, id: u32, request: &SubscribeRequest, who: Who<'_>) {
        match self.may_subscribe(request, who) {
            Ok((channel, terms)) => {
                self.channels.insert(channel.clone());
                self.effects.push(Effect::Join { channel, id, terms });
            }
            Err(error) => self.answer(id, &Answer::Error(error)),
        }
    }

    fn may_subscribe(
        &self,
        request: &SubscribeRequest,
        who: Who<'_>,
    ) -> Result<(ChannelName, Terms), ErrorCode> {
        let channel = ChannelName::parse(&request.channel)?;
        if self.channels.contains(&channel) {
            return Err(ErrorCode::AlreadySubscribed);
        }
        if self.channels.len() >= self.config.max_channels {
            return Err(ErrorCode::LimitExceeded);
        }
        let terms = self.config.namespaces.admit_subscribe(&channel, who, None, request)?;
        Ok((channel, terms))
    }

    fn unsubscribe(&mut self, id: u32, channel: &str) {
        match self.channels.take(channel) {
            Some(channel) => self.effects.push(Effect::Leave { channel, id }),
            None => self.answer(id, &Answer::Unsubscribe),
        }
    }

    fn publish(&mut self, id: u32, request: PublishRequest, who: Who<'_>) {
        match self.may_publish(&request, who) {
            Ok(channel) => {
                if let Some(data) = request.data {
                    self.effects.push(Effect::Publish { channel, id, data });
                }
            }
            Err(error) => self.answer(id, &Answer::Error(error)),
        }
    }

    /// A [`Effect::Publish`] is one too many of its user.
    pub fn on_too_often(&mut self, id: u32) -> Vec<Effect> {
        if !self.is_closed() {
            self.refuse_rate(id);
        }
        self.take_effects()
    }

    fn may_publish(&self, request: &PublishRequest, who: Who<'_>) -> Result<ChannelName, ErrorCode> {
        let channel = ChannelName::parse(&request.channel)?;
        let member = self.channels.contains(&channel);
        self.config.namespaces.admit_publish(&channel, who, member, request)?;
        Ok(channel)
    }
}
