//! The commands `connect` and `refresh`: the identity that their tokens prove, and its expiry.

use std::time::Instant;

use protocol::{
    Answer, ConnectRequest, ConnectResult, ErrorCode, Lifetime, Position, RefreshRequest, SubscribeResult,
    close::CloseReason,
};
use secrecy::SecretString;

use super::{
    deadlines::lifetime,
    effects::{Effect, Purpose},
    identity::{Identity, VerifyRefusal},
    state::{Authenticated, ClientState, Pending, Phase, Program},
};

impl ClientState {
    /// Handles the result of the verification that [`Effect::Verify`] requested.
    pub fn on_verified(
        &mut self,
        now: Instant,
        purpose: Purpose,
        outcome: Result<Identity, VerifyRefusal>,
        accepting: bool,
    ) -> Vec<Effect> {
        match self.take_verified(purpose) {
            Some(Pending::Connect { id, positions }) => self.connect_verified(now, id, &positions, outcome),
            Some(Pending::Refresh { id }) => self.refresh_verified(now, id, outcome),
            _ => return Vec::new(),
        }
        self.run_queue(now, accepting);
        self.take_effects()
    }

    /// Handles `connect`. Without a token, the identity that the handshake proved is used. A node that may have missed a
    /// revocation since the handshake answers with a temporary error instead.
    pub(super) fn connect(&mut self, now: Instant, id: u32, request: ConnectRequest, accepting: bool) {
        if self.phase != Phase::Connecting {
            return self.close(CloseReason::BadRequest);
        }
        let ConnectRequest { token, name, version, subs: positions } = request;
        if !name.is_empty() || !version.is_empty() {
            self.program = Some(Box::new(Program { name, version }));
        }
        match (token, self.cookie_refusal) {
            (None, Some(refusal)) => self.connect_verified(now, id, &positions, Err(refusal)),
            (None, None) if self.authenticated.is_some() && !accepting => {
                self.refuse_connect(now, id, ErrorCode::Internal);
            }
            (None, None) if self.authenticated.is_some() => self.complete_connect(now, id, &positions),
            (None, None) if !self.config.allow_anonymous => self.close(CloseReason::BadRequest),
            (token, _) => {
                self.set_pending(Pending::Connect { id, positions });
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
        positions: &[(String, Position)],
        outcome: Result<Identity, VerifyRefusal>,
    ) {
        match outcome {
            Ok(identity) => {
                if self.accept_identity(now, identity) {
                    self.complete_connect(now, id, positions);
                }
            }
            Err(VerifyRefusal::Expired) => self.refuse_connect(now, id, ErrorCode::TokenExpired),
            Err(VerifyRefusal::Unavailable) => self.refuse_connect(now, id, ErrorCode::Internal),
            // Some counted connections may have lost their peer, and the server may not know it yet. So the client may try
            // again.
            Err(VerifyRefusal::ConnectionLimit) => self.refuse_connect(now, id, ErrorCode::TooManyRequests),
            Err(refusal) => self.close(refusal.close_reason()),
        }
    }

    /// Requests the server-side subscriptions of the authenticated client. If there are none, replies to `connect` at once.
    fn complete_connect(&mut self, now: Instant, id: u32, positions: &[(String, Position)]) {
        match self.subscriptions_at_connect(now, positions) {
            Ok(requests) if requests.is_empty() => {
                let answer = self.connected(now, Vec::new());
                self.answer(id, &answer);
            }
            Ok(requests) => {
                self.set_pending(Pending::ConnectSubscriptions { id });
                self.effects.push(Effect::ConnectSubscriptions(requests));
            }
            // With these subscriptions, the connection would have more channels than permitted.
            Err(ErrorCode::LimitExceeded) => self.close(CloseReason::ChannelLimit),
            Err(error) => self.refuse_connect(now, id, error),
        }
    }

    /// Enters the connected phase. Returns the reply to `connect`.
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

    /// Answers `connect` with an error. The connection then accepts no more commands. If the client does not close it, the
    /// server closes it as stale.
    fn refuse_connect(&mut self, now: Instant, id: u32, error: ErrorCode) {
        self.phase = Phase::Refused;
        self.queue.clear();
        self.queued_bytes = 0;
        self.heartbeat.stop();
        self.connect_by.get_or_insert(now + self.config.connect_timeout);
        self.refuse(id, error);
    }

    pub(super) fn refresh(&mut self, id: u32, request: RefreshRequest) {
        match request.token {
            Some(token) => {
                self.set_pending(Pending::Refresh { id });
                self.verify(Purpose::Refresh { id }, Some(token));
            }
            None => self.close(CloseReason::BadRequest),
        }
    }

    fn refresh_verified(&mut self, now: Instant, id: u32, outcome: Result<Identity, VerifyRefusal>) {
        match outcome {
            Ok(identity) => {
                if self.accept_identity(now, identity) {
                    let lifetime = self.lifetime(now);
                    self.answer(id, &Answer::Refresh(lifetime));
                }
            }
            // After an error reply the client would not reconnect; after this close it reconnects with a new token.
            Err(VerifyRefusal::Expired) => self.close(CloseReason::Expired),
            Err(VerifyRefusal::Unavailable) => self.refuse(id, ErrorCode::Internal),
            Err(refusal) => self.close(refusal.close_reason()),
        }
    }

    /// Stores the first identity, or the identity of a newer token for the same user and session. If the user or the session
    /// differs, closes the connection and returns false.
    fn accept_identity(&mut self, now: Instant, mut identity: Identity) -> bool {
        let same = self
            .identity()
            .is_none_or(|known| (&known.subject, known.session) == (&identity.subject, identity.session));
        if same {
            // Values that the new token does not contain are kept.
            identity.conn_info = identity.conn_info.or_else(|| self.identity()?.conn_info.clone());
            identity.meta = identity.meta.or_else(|| self.identity()?.meta.clone());
            let changed = self.identity().is_some_and(|known| known.conn_info != identity.conn_info);
            let authenticated = Authenticated::new(self.client, identity, now);
            if changed {
                self.subscriptions.update_info(&authenticated.info);
            }
            self.authenticated = Some(authenticated);
        } else {
            self.close(CloseReason::InvalidToken);
        }
        same
    }

    /// The end of the grace period after the expiry of the identity.
    pub(super) fn expired_by(&self) -> Option<Instant> {
        let expires_at = self.authenticated.as_ref()?.expires_at;
        expires_at.map(|at| at + self.config.expired_grace)
    }

    /// The remaining lifetime of the identity, in the form of the protocol.
    pub(super) fn lifetime(&self, now: Instant) -> Option<Lifetime> {
        self.authenticated.as_ref()?.expires_at.map(|at| lifetime(now, at))
    }
}
