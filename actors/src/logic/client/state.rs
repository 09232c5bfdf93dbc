//! The dialogue of one connection: what a client may say when, and what is answered. Pure: no I/O, no clock.
//!
//! The driver feeds it frames, outcomes of what it asked for, requests of the server and the passing of time, and performs
//! the [`Effect`]s it returns, in order. It trusts nothing by itself: an identity comes only from the one verifier, at the
//! handshake or in [`Dialogue::on_verified`]. After [`Effect::Close`] it says nothing more, whatever it is fed.
//!
//! Commands are taken strictly in order (`turns`). While one of them waits for the world outside, those behind it wait in a
//! bounded queue, because centrifuge-js sends its subscribes together with `connect`; if `connect` fails they are dropped.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use crate::limits::Gcra;
use protocol::{
    Answer, ClientInfo, Command, DecodeError, Emulation, Encoding, ErrorCode, Position, SubscribeRequest,
    channel_name::ChannelName, close::CloseReason, id::ConnectionId,
};

use super::{
    config::DialogueConfig,
    effects::{Effect, Identity, Opening, Purpose, VerifyRefusal},
    heartbeat::{Beat, Heartbeat},
    question::Question,
    subscription_table::Subscriptions,
};

/// Where the dialogue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// `connect` has not been answered with success.
    Opening,
    /// `connect` was answered with success.
    Connected,
    /// `connect` was answered with an error: nothing is left to say.
    Refused,
    /// The end was declared.
    Closed,
}

/// The command that waits for the world outside; those behind it wait for it.
#[derive(Debug)]
pub(super) enum Pending {
    /// `connect`: its token is being verified.
    Connect {
        id: u32,
        /// Where the client stands in channels that the server subscribes it to.
        wanted: Vec<(String, Position)>,
    },
    /// `connect`: its subscriptions are being made.
    Gather { id: u32 },
    /// `refresh`: its token is being verified.
    Refresh { id: u32 },
    /// `subscribe`: its token is being verified.
    Subscribe { id: u32, channel: ChannelName, request: Box<SubscribeRequest> },
    /// `sub_refresh`: its token is being verified.
    SubRefresh { id: u32, channel: ChannelName },
    /// What only members may do: the channel has not answered yet whether it takes the connection in.
    Membership(Command),
    /// `history` or `presence`: the answers before it are being read.
    Room { id: u32, channel: ChannelName, question: Question },
}

impl Pending {
    /// What the driver was told that it is for.
    pub(super) fn purpose(&self) -> Option<Purpose> {
        match *self {
            Self::Connect { id, .. } => Some(Purpose::Connect { id }),
            Self::Gather { .. } | Self::Membership(_) | Self::Room { .. } => None,
            Self::Refresh { id } => Some(Purpose::Refresh { id }),
            Self::Subscribe { id, .. } => Some(Purpose::Subscribe { id }),
            Self::SubRefresh { id, .. } => Some(Purpose::SubRefresh { id }),
        }
    }
}

/// Who speaks.
#[derive(Debug)]
pub(super) struct Speaker {
    pub(super) who: Identity,
    /// When the token that proved it expires.
    pub(super) expires_at: Option<Instant>,
    /// The same, as others see it.
    pub(super) info: Arc<ClientInfo>,
}

/// What a client says of its program.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) version: String,
}

/// The state of one connection's dialogue.
#[derive(Debug)]
pub struct Dialogue {
    pub(super) config: Arc<DialogueConfig>,
    pub(super) client: ConnectionId,
    pub(super) encoding: Encoding,
    /// A moment on both clocks.
    pub(super) began: (Instant, i64),
    pub(super) emulation: Option<Box<Emulation>>,
    pub(super) phase: Phase,
    pub(super) speaker: Option<Speaker>,
    /// Why the handshake's cookie is not who speaks.
    pub(super) unproven: Option<VerifyRefusal>,
    pub(super) program: Option<Box<Program>>,
    /// When `connect` must have succeeded.
    pub(super) connect_by: Option<Instant>,
    pub(super) heartbeat: Heartbeat,
    pub(super) pending: Option<Box<Pending>>,
    pub(super) waiting: VecDeque<Command>,
    pub(super) waiting_bytes: usize,
    pub(super) subscriptions: Subscriptions,
    pub(super) commands: Gcra,
    pub(super) strikes: u32,
    pub(super) effects: Vec<Effect>,
}

impl Dialogue {
    /// A dialogue that begins. `identity` is there when the handshake was authenticated, and the connection is then
    /// registered with its session already.
    #[must_use]
    pub fn new(config: Arc<DialogueConfig>, opening: Opening, identity: Option<Identity>) -> Self {
        let now = opening.now;
        let mut heartbeat = Heartbeat::new(opening.jitter);
        if identity.is_some() {
            heartbeat.start(&config, now);
        }
        Self {
            client: opening.client,
            encoding: opening.encoding,
            began: (now, opening.unix_seconds),
            emulation: opening.emulation,
            phase: Phase::Opening,
            connect_by: identity.is_none().then(|| now + config.connect_timeout),
            speaker: identity.map(|who| Speaker::new(opening.client, who, now)),
            unproven: opening.unproven,
            program: None,
            heartbeat,
            pending: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            subscriptions: Subscriptions::default(),
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
            // Nothing is wrong with them but their number: a library that gathers its calls may come back.
            Err(DecodeError::TooMany) => self.close(CloseReason::TooManyRequests),
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
            self.end_subscriptions(now);
            self.beat(now);
        }
        self.take_effects()
    }

    fn beat(&mut self, now: Instant) {
        match self.heartbeat.tick(&self.config, now) {
            _ if self.is_closed() => {}
            Some(Beat::Ping) if self.phase == Phase::Connected => {
                self.effects.push(Effect::Reply(self.encoding.ping()));
            }
            Some(Beat::Ping) => self.effects.push(Effect::NativePing),
            Some(Beat::Lost) => self.close(CloseReason::NoPong),
            None => {}
        }
    }

    /// When something is due next; `None` once the end was declared.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        let subscription = self.subscriptions.next_end().map(|end| end + self.config.expired_grace);
        [self.connect_by, self.expired_by(), self.heartbeat.next(), subscription].into_iter().flatten().min()
    }

    /// An [`Effect::Join`], [`Effect::Publish`] or [`Effect::Ask`] could not be done now: the client may try again.
    pub fn on_busy(&mut self, id: Option<u32>, unjoined: Option<(&ChannelName, u64)>) -> Vec<Effect> {
        if self.is_closed() {
            return Vec::new();
        }
        if let Some((channel, number)) = unjoined {
            self.subscriptions.forget(channel, number);
        }
        if let Some(id) = id {
            self.refuse(id, ErrorCode::Internal);
        }
        self.take_effects()
    }

    /// An [`Effect::Publish`] is one too many of its user.
    pub fn on_too_often(&mut self, id: u32) -> Vec<Effect> {
        if !self.is_closed() {
            self.refuse_rate(id);
        }
        self.take_effects()
    }

    /// What the connection is subscribed to, or is about to be.
    pub fn channels(&self) -> impl Iterator<Item = &ChannelName> {
        self.subscriptions.iter().map(|(channel, _)| channel)
    }

    /// Who speaks, once that is known.
    #[must_use]
    pub fn speaker(&self) -> Option<&Identity> {
        self.speaker.as_ref().map(|speaker| &speaker.who)
    }

    /// Whether the end was declared.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// What the calendar's clock shows at `now`, in seconds since the epoch.
    pub(super) fn unix(&self, now: Instant) -> i64 {
        let (began, unix) = self.began;
        let passed = now.saturating_duration_since(began).as_secs();
        unix.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
    }

    pub(super) fn answer(&mut self, id: u32, answer: &Answer) {
        self.effects.push(Effect::Reply(self.encoding.reply(id, answer)));
    }

    pub(super) fn refuse(&mut self, id: u32, error: ErrorCode) {
        self.answer(id, &Answer::Error(error));
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        if !self.is_closed() {
            self.phase = Phase::Closed;
            self.waiting = VecDeque::new();
            self.pending = None;
            self.effects.push(Effect::Close(reason));
        }
    }

    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}
