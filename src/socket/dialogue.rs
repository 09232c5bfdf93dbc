//! The dialogue of one connection: what a client may say when, and what is answered. Pure: no I/O, no clock.
//!
//! The connection actor feeds it frames, outcomes of verifications and the passing of time, and performs the
//! [`Effect`]s it returns, in order. It trusts nothing by itself: an identity comes only from the one verifier, at the
//! handshake or in [`Dialogue::on_verified`]. After [`Effect::Close`] it says nothing more, whatever it is fed.
//!
//! Commands are taken strictly in order. While a verification is under way those behind it wait in a bounded queue,
//! because centrifuge-js sends its subscribes together with `connect`; if `connect` fails they are dropped.

mod commands;
mod config;
mod effect;
mod heartbeat;

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use portcullis_actors::{
    close::CloseReason,
    id::ConnectionId,
    logic::{channel::ChannelName, limits::Gcra},
    protocol::{Answer, Command, CommandBody, Encoding, ErrorCode, Lifetime},
};

pub use config::DialogueConfig;
pub use effect::{Effect, Identity, Purpose, VerifyRefusal};
use heartbeat::{Beat, Heartbeat};

/// Where the dialogue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// `connect` has not been answered with success.
    Opening,
    /// `connect` was answered with success.
    Connected,
    /// `connect` was answered with an error: nothing is left to say.
    Refused,
    /// The end was declared.
    Closed,
}

/// The state of one connection's dialogue.
#[derive(Debug)]
pub struct Dialogue {
    config: Arc<DialogueConfig>,
    encoding: Encoding,
    client: ConnectionId,
    phase: Phase,
    /// Who speaks, and when the token that proved it expires.
    identity: Option<(Identity, Option<Instant>)>,
    /// When `connect` must have succeeded.
    connect_by: Option<Instant>,
    heartbeat: Heartbeat,
    pending: Option<Purpose>,
    waiting: VecDeque<Command>,
    waiting_bytes: usize,
    channels: HashSet<ChannelName>,
    commands: Gcra,
    strikes: u32,
    effects: Vec<Effect>,
}

impl Dialogue {
    /// A dialogue that begins now. `identity` is there when the handshake was authenticated, and the connection is then
    /// registered with its session already. `first_ping_jitter` (0 to 1) spreads the first pings of many connections.
    #[must_use]
    pub fn new(
        config: Arc<DialogueConfig>,
        encoding: Encoding,
        client: ConnectionId,
        now: Instant,
        first_ping_jitter: f64,
        identity: Option<Identity>,
    ) -> Self {
        let connect_by = identity.is_none().then(|| now + config.connect_timeout);
        let mut heartbeat = Heartbeat::new(first_ping_jitter);
        if identity.is_some() {
            heartbeat.start(&config, now);
        }
        Self {
            encoding,
            client,
            phase: Phase::Opening,
            identity: identity.map(|who| (who.clone(), who.expires_at(now))),
            connect_by,
            heartbeat,
            pending: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            channels: HashSet::new(),
            commands: Gcra::new(now),
            strikes: 0,
            effects: Vec::new(),
            config,
        }
    }

    /// A frame came. `accepting` is false while this node cannot be sure that it has heard of every revocation:
    /// nothing that needs trust is done then.
    pub fn on_frame(&mut self, now: Instant, frame: &[u8], accepting: bool) -> Vec<Effect> {
        if self.is_closed() {
            return Vec::new();
        }
        match self.encoding.decode(frame) {
            Ok(commands) => {
                self.take_commands(now, commands, accepting);
                self.bound_waiting(frame.len());
            }
            Err(_) => self.close(CloseReason::BadRequest),
        }
        self.take_effects()
    }

    /// A pong frame of the WebSocket protocol came. One that nobody asked for is allowed (RFC 6455, section 5.5.3).
    pub fn on_native_pong(&mut self) {
        if self.phase == Phase::Opening {
            self.heartbeat.pong();
        }
    }

    /// The verification that [`Effect::Verify`] asked for is done.
    pub fn on_verified(
        &mut self,
        now: Instant,
        purpose: Purpose,
        outcome: Result<Identity, VerifyRefusal>,
        accepting: bool,
    ) -> Vec<Effect> {
        if self.is_closed() || self.pending != Some(purpose) {
            return Vec::new();
        }
        self.pending = None;
        match purpose {
            Purpose::Connect { id } => self.connect_verified(now, id, outcome),
            Purpose::Refresh { id } => self.refresh_verified(now, id, outcome),
        }
        while self.pending.is_none() && !self.is_closed() {
            let Some(command) = self.waiting.pop_front() else {
                self.waiting_bytes = 0;
                break;
            };
            self.handle(now, command, accepting);
        }
        self.take_effects()
    }

    /// Time has passed; to be called at [`Dialogue::next_deadline`] or later.
    pub fn on_tick(&mut self, now: Instant) -> Vec<Effect> {
        if self.is_closed() {
            return Vec::new();
        }
        if self.connect_by.is_some_and(|deadline| deadline <= now) {
            self.close(CloseReason::Stale);
        } else if self.expired_by().is_some_and(|deadline| deadline <= now) {
            self.close(CloseReason::Expired);
        } else {
            match self.heartbeat.tick(&self.config, now) {
                Some(Beat::Ping) if self.phase == Phase::Connected => {
                    self.effects.push(Effect::Reply(self.encoding.ping()));
                }
                Some(Beat::Ping) => self.effects.push(Effect::NativePing),
                Some(Beat::Lost) => self.close(CloseReason::NoPong),
                None => {}
            }
        }
        self.take_effects()
    }

    /// When something is due next; `None` once the end was declared.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        [self.connect_by, self.expired_by(), self.heartbeat.next()].into_iter().flatten().min()
    }

    /// The server lost the subscription, or could not make it: the client, who is told so elsewhere, may subscribe
    /// again.
    pub fn channel_lost(&mut self, channel: &ChannelName) {
        self.channels.remove(channel);
    }

    /// A [`Effect::Join`] or [`Effect::Publish`] could not be done now: the client may try again.
    pub fn on_busy(&mut self, id: u32, unjoined: Option<&ChannelName>) -> Vec<Effect> {
        if self.is_closed() {
            return Vec::new();
        }
        if let Some(channel) = unjoined {
            self.channels.remove(channel);
        }
        self.answer(id, &Answer::Error(ErrorCode::Internal));
        self.take_effects()
    }

    /// The channels that the connection is subscribed to.
    pub fn channels(&self) -> impl Iterator<Item = &ChannelName> {
        self.channels.iter()
    }

    /// Who speaks, once that is known.
    #[must_use]
    pub fn speaker(&self) -> Option<&Identity> {
        self.identity.as_ref().map(|(who, _)| who)
    }

    /// Whether the end was declared.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// When the grace after the token's expiry is over.
    fn expired_by(&self) -> Option<Instant> {
        let (_, expires_at) = self.identity.as_ref()?;
        expires_at.map(|at| at + self.config.expired_grace)
    }

    /// Until when the identity holds, in the protocol's terms.
    fn lifetime(&self, now: Instant) -> Option<Lifetime> {
        let (_, expires_at) = self.identity.as_ref()?;
        let left = (*expires_at)?.saturating_duration_since(now);
        Some(Lifetime { ttl: u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1) })
    }

    fn take_commands(&mut self, now: Instant, commands: Vec<Command>, accepting: bool) {
        if self.commands.is_idle(now) {
            self.strikes = 0;
        }
        let mut refused = false;
        for command in commands {
            if self.is_closed() {
                return;
            }
            if matches!(command.body, CommandBody::Pong) {
                // Never waits: its time is measured. Never counts: it was asked for.
                self.pong();
            } else if !self.commands.check(&self.config.commands, now).is_allowed() {
                refused = true;
                self.refuse_rate(command.id);
            } else if self.pending.is_none() {
                self.handle(now, command, accepting);
            } else if self.waiting.len() < self.config.max_waiting {
                self.waiting.push_back(command);
            } else {
                self.close(CloseReason::BadRequest);
            }
        }
        self.strikes += u32::from(refused);
        if self.strikes >= self.config.max_strikes {
            self.close(CloseReason::TooManyRequests);
        }
    }

    /// What waits behind a verification is bounded in bytes, too: a command is at most as large as the frame it came in.
    fn bound_waiting(&mut self, frame: usize) {
        self.waiting_bytes = if self.waiting.is_empty() { 0 } else { self.waiting_bytes + frame };
        if self.waiting_bytes > self.config.max_waiting_bytes {
            self.close(CloseReason::BadRequest);
        }
    }

    fn refuse_rate(&mut self, id: u32) {
        if id > 0 {
            self.answer(id, &Answer::Error(ErrorCode::TooManyRequests));
        }
    }

    fn pong(&mut self) {
        if self.phase != Phase::Connected || !self.heartbeat.pong() {
            self.close(CloseReason::BadRequest);
        }
    }

    fn answer(&mut self, id: u32, answer: &Answer) {
        self.effects.push(Effect::Reply(self.encoding.reply(id, answer)));
    }

    fn close(&mut self, reason: CloseReason) {
        if !self.is_closed() {
            self.phase = Phase::Closed;
            self.waiting = VecDeque::new();
            self.pending = None;
            self.effects.push(Effect::Close(reason));
        }
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
