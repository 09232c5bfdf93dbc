//! Who speaks: `connect` and `refresh`, the identity that they prove, and how long it holds.

use std::{sync::Arc, time::Instant};

use protocol::{
    Answer, ClientInfo, ConnectRequest, ConnectResult, ErrorCode, Lifetime, Position, RefreshRequest,
    SubscribeResult, close::CloseReason, id::ConnectionId,
};
use secrecy::SecretString;

use super::{
    effects::{Effect, Identity, Purpose, VerifyRefusal},
    state::{Dialogue, Pending, Phase, Program, Speaker},
};

impl Speaker {
    pub(super) fn new(client: ConnectionId, who: Identity, now: Instant) -> Self {
        let (user, conn_info) = (who.subject.clone(), who.conn_info.clone());
        let info = Arc::new(ClientInfo { user, client, conn_info, chan_info: None });
        Self { expires_at: who.expires_at(now), info, who }
    }
}

impl Dialogue {
    /// The verification that [`Effect::Verify`] asked for is done.
    pub fn on_verified(
        &mut self,
        now: Instant,
        purpose: Purpose,
        outcome: Result<Identity, VerifyRefusal>,
        accepting: bool,
    ) -> Vec<Effect> {
        match self.settle(purpose) {
            Some(Pending::Connect { id, wanted }) => self.connect_verified(now, id, &wanted, outcome),
            Some(Pending::Refresh { id }) => self.refresh_verified(now, id, outcome),
            _ => return Vec::new(),
        }
        self.go_on(now, accepting);
        self.take_effects()
    }

    pub(super) fn connect(&mut self, now: Instant, id: u32, request: ConnectRequest) {
        if self.phase != Phase::Opening {
            return self.close(CloseReason::BadRequest);
        }
        let ConnectRequest { token, name, version, subs: wanted } = request;
        if !name.is_empty() || !version.is_empty() {
            self.program = Some(Box::new(Program { name, version }));
        }
        match (token, self.unproven) {
            (None, Some(refusal)) => self.connect_verified(now, id, &wanted, Err(refusal)),
            (None, None) if self.speaker.is_some() => self.admitted(now, id, &wanted),
            (None, None) if !self.config.allow_anonymous => self.close(CloseReason::BadRequest),
            (token, _) => {
                self.wait_for(Pending::Connect { id, wanted });
                self.verify(Purpose::Connect { id }, token);
            }
        }
    }

    fn verify(&mut self, purpose: Purpose, token: Option<SecretString>) {
        self.effects.push(Effect::Verify { purpose, token });
    }

    fn connect_verified(
        &mut self,
        now: Instant,
        id: u32,
        wanted: &[(String, Position)],
        outcome: Result<Identity, VerifyRefusal>,
    ) {
        match outcome {
            Ok(identity) => {
                if self.adopt(now, identity) {
                    self.admitted(now, id, wanted);
                }
            }
            Err(VerifyRefusal::Expired) => self.refuse_connect(now, id, ErrorCode::TokenExpired),
            Err(VerifyRefusal::Unavailable) => self.refuse_connect(now, id, ErrorCode::Internal),
            Err(refusal) => self.close(refusal.close_reason()),
        }
    }

    /// Who speaks is known: what the server subscribes them to comes next, and then the answer.
    fn admitted(&mut self, now: Instant, id: u32, wanted: &[(String, Position)]) {
        match self.subscriptions_at_connect(now, wanted) {
            Ok(joinings) if joinings.is_empty() => {
                let answer = self.connected(now, Vec::new());
                self.answer(id, &answer);
            }
            Ok(joinings) => {
                self.wait_for(Pending::Gather { id });
                self.effects.push(Effect::Gather(joinings));
            }
            Err(error) => self.refuse_connect(now, id, error),
        }
    }

    /// `connect` succeeds.
    pub(super) fn connected(&mut self, now: Instant, subs: Vec<(String, SubscribeResult)>) -> Answer {
        self.phase = Phase::Connected;
        self.connect_by = None;
        self.heartbeat.forget_pong();
        self.heartbeat.start(&self.config, now);
        Answer::Connect(Box::new(ConnectResult {
            client: self.client,
            version: self.config.version.clone(),
            lifetime: self.lifetime(now),
            ping: Some(u32::try_from(self.config.ping_interval.as_secs()).unwrap_or(u32::MAX).max(1)),
            subs,
            emulation: self.emulation.take().map(|emulation| *emulation),
        }))
    }

    /// The connection is of no use any more; the client closes it, or it goes stale.
    fn refuse_connect(&mut self, now: Instant, id: u32, error: ErrorCode) {
        self.phase = Phase::Refused;
        self.waiting.clear();
        self.heartbeat.stop();
        self.connect_by.get_or_insert(now + self.config.connect_timeout);
        self.refuse(id, error);
    }

    pub(super) fn refresh(&mut self, id: u32, request: RefreshRequest) {
        match request.token {
            Some(token) => {
                self.wait_for(Pending::Refresh { id });
                self.verify(Purpose::Refresh { id }, Some(token));
            }
            None => self.close(CloseReason::BadRequest),
        }
    }

    fn refresh_verified(&mut self, now: Instant, id: u32, outcome: Result<Identity, VerifyRefusal>) {
        match outcome {
            Ok(identity) => {
                if self.adopt(now, identity) {
                    let lifetime = self.lifetime(now);
                    self.answer(id, &Answer::Refresh(lifetime));
                }
            }
            // An error reply would end the client for good; after this close it comes back with a new token.
            Err(VerifyRefusal::Expired) => self.close(CloseReason::Expired),
            Err(VerifyRefusal::Unavailable) => self.refuse(id, ErrorCode::Internal),
            Err(refusal) => self.close(refusal.close_reason()),
        }
    }

    /// Takes a newer proof of the same identity, or the first; closes on another one and says false.
    fn adopt(&mut self, now: Instant, mut identity: Identity) -> bool {
        let same = self
            .speaker()
            .is_none_or(|who| (&who.subject, who.session) == (&identity.subject, identity.session));
        if same {
            // What a token does not say stays as it was.
            identity.conn_info = identity.conn_info.or_else(|| self.speaker()?.conn_info.clone());
            identity.meta = identity.meta.or_else(|| self.speaker()?.meta.clone());
            let changed = self.speaker().is_some_and(|who| who.conn_info != identity.conn_info);
            let speaker = Speaker::new(self.client, identity, now);
            if changed {
                self.subscriptions.show(&speaker.info);
            }
            self.speaker = Some(speaker);
        } else {
            self.close(CloseReason::InvalidToken);
        }
        same
    }

    /// When the grace after the token's expiry is over.
    pub(super) fn expired_by(&self) -> Option<Instant> {
        let expires_at = self.speaker.as_ref()?.expires_at;
        expires_at.map(|at| at + self.config.expired_grace)
    }

    /// Until when the identity holds, in the protocol's terms.
    pub(super) fn lifetime(&self, now: Instant) -> Option<Lifetime> {
        self.speaker.as_ref()?.expires_at.map(|at| lifetime(now, at))
    }
}

/// What is left until then, in the protocol's terms.
pub(super) fn lifetime(now: Instant, until: Instant) -> Lifetime {
    let left = until.saturating_duration_since(now);
    Lifetime { ttl: u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1) }
}
