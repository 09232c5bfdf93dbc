//! [`ClientState`]: the protocol state of one connection, and its entry points.
//!
//! The driver of the connection calls the entry points. The state verifies no credential itself: an identity comes only from
//! the server's verifier, at the handshake or in [`ClientState::on_verified`]. After [`Effect::Close`] the state returns no
//! more effects.
//!
//! Commands are handled in order. Only pongs, and the refusals of commands over the rate limit, do not wait. While one command
//! is pending (for example, its token is being verified), later commands wait in a bounded queue. Such a wait is common:
//! centrifuge-js sends its subscribes together with `connect`. If `connect` fails, the queue is dropped.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use protocol::{
    Answer, ClientInfo, Command, DecodeError, Emulation, Encoding, ErrorCode, Position, SubscribeRequest,
    channel_name::ChannelName, close::CloseReason, id::ConnectionId,
};

use super::{
    config::ClientConfig,
    effects::{ChannelQuery, Effect, Purpose},
    heartbeat::{Beat, Heartbeat},
    identity::{Identity, VerifyRefusal},
    subscription_table::SubscriptionTable,
};
use crate::{denials::TokenMark, limits::Gcra};

/// The properties of a connection that are known when it opens.
#[derive(Debug)]
pub struct ConnectionParameters {
    /// The connection's id.
    pub client: ConnectionId,
    /// The encoding of the connection's frames.
    pub encoding: Encoding,
    /// When the connection opened.
    pub now: Instant,
    /// The same moment in seconds since the Unix epoch.
    pub unix_seconds: i64,
    /// A random number from 0 to 1. It spreads the first pings of connections that open at the same time.
    pub jitter: f64,
    /// For an emulated transport: values for the reply to `connect`. The client needs them to send further commands.
    pub emulation: Option<Box<Emulation>>,
    /// Why the cookie of the handshake was refused; `None` if no cookie was refused. A `connect` without a token is refused for
    /// the same reason.
    pub cookie_refusal: Option<VerifyRefusal>,
}

/// The phase of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// `connect` has not been answered yet.
    Connecting,
    /// `connect` has succeeded.
    Connected,
    /// `connect` was answered with an error. No other command is accepted.
    Refused,
    /// The connection will be closed.
    Closed,
}

/// The command that waits for a result. Later commands wait behind this command.
#[derive(Debug)]
pub(super) enum Pending {
    /// `connect`: its token is being verified.
    Connect {
        id: u32,
        /// The client's positions in channels of server-side subscriptions.
        positions: Vec<(String, Position)>,
    },
    /// `connect`: the server-side subscriptions are being made.
    ConnectSubscriptions { id: u32 },
    /// `refresh`: its token is being verified.
    Refresh { id: u32 },
    /// `subscribe`: its token is being verified.
    Subscribe { id: u32, channel: ChannelName, request: Box<SubscribeRequest> },
    /// `sub_refresh`: its token is being verified.
    SubRefresh { id: u32, channel: ChannelName },
    /// A command that waits until channels confirm or refuse subscriptions.
    Membership(Command),
    /// `history` or `presence`: it waits for space in the outbox.
    AnswerSpace { id: u32, channel: ChannelName, query: ChannelQuery },
}

impl Pending {
    /// What the token is verified for, while the command waits for a token; `None` if the command waits for something else.
    pub(super) fn purpose(&self) -> Option<Purpose> {
        match *self {
            Self::Connect { id, .. } => Some(Purpose::Connect { id }),
            Self::ConnectSubscriptions { .. } | Self::Membership(_) | Self::AnswerSpace { .. } => None,
            Self::Refresh { id } => Some(Purpose::Refresh { id }),
            Self::Subscribe { id, .. } => Some(Purpose::Subscribe { id }),
            Self::SubRefresh { id, .. } => Some(Purpose::SubRefresh { id }),
        }
    }
}

/// The verified identity of the connection.
#[derive(Debug)]
pub(super) struct Authenticated {
    pub(super) identity: Identity,
    /// When the identity expires: the expiry of its token, or the time that the server API has set. `None` for no expiry.
    pub(super) expires_at: Option<Instant>,
    /// The connection as other clients see it.
    pub(super) info: Arc<ClientInfo>,
}

impl Authenticated {
    pub(super) fn new(client: ConnectionId, identity: Identity, now: Instant) -> Self {
        let (user, conn_info) = (identity.subject.clone(), identity.conn_info.clone());
        let info = Arc::new(ClientInfo { user, client, conn_info, chan_info: None });
        Self { expires_at: identity.expires_at(now), info, identity }
    }
}

/// The name and the version in `connect`.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) version: String,
}

/// The protocol state of one connection.
#[derive(Debug)]
pub struct ClientState {
    pub(super) config: Arc<ClientConfig>,
    pub(super) client: ConnectionId,
    pub(super) encoding: Encoding,
    /// The moment of opening on both clocks: monotonic, and in seconds since the Unix epoch.
    pub(super) opened_at: (Instant, i64),
    pub(super) emulation: Option<Box<Emulation>>,
    pub(super) phase: Phase,
    pub(super) authenticated: Option<Authenticated>,
    /// Why the cookie of the handshake was refused; `None` if no cookie was refused.
    pub(super) cookie_refusal: Option<VerifyRefusal>,
    pub(super) program: Option<Box<Program>>,
    /// When the connection is closed as stale. `None` after a successful `connect`, and for an authenticated handshake:
    /// `connect` may then come at any time.
    pub(super) connect_by: Option<Instant>,
    pub(super) heartbeat: Heartbeat,
    pub(super) pending: Option<Box<Pending>>,
    /// The commands behind the pending command. The number beside a command is its share of the size of its frame, in bytes.
    pub(super) queue: VecDeque<(Command, usize)>,
    pub(super) queued_bytes: usize,
    pub(super) subscriptions: SubscriptionTable,
    pub(super) commands: Gcra,
    pub(super) refused_frames: u32,
    pub(super) effects: Vec<Effect>,
}

impl ClientState {
    /// The limits, delays and namespaces that apply now.
    #[must_use]
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// Takes over changed limits and namespaces. Commands that come later are judged by them; subscriptions stay. The delays of
    /// pings must not differ, because the client knows them from the reply to `connect`.
    pub fn reconfigure(&mut self, config: Arc<ClientConfig>) {
        self.config = config;
    }

    /// The state of a new connection. `identity` is present if the handshake was authenticated; the connection is then
    /// already registered with its session.
    #[must_use]
    pub fn new(
        config: Arc<ClientConfig>,
        parameters: ConnectionParameters,
        identity: Option<Identity>,
    ) -> Self {
        let now = parameters.now;
        let mut heartbeat = Heartbeat::new(parameters.jitter);
        if identity.is_some() {
            heartbeat.start(&config, now);
        }
        Self {
            client: parameters.client,
            encoding: parameters.encoding,
            opened_at: (now, parameters.unix_seconds),
            emulation: parameters.emulation,
            phase: Phase::Connecting,
            connect_by: identity.is_none().then(|| now + config.connect_timeout),
            authenticated: identity.map(|identity| Authenticated::new(parameters.client, identity, now)),
            cookie_refusal: parameters.cookie_refusal,
            program: None,
            heartbeat,
            pending: None,
            queue: VecDeque::new(),
            queued_bytes: 0,
            subscriptions: SubscriptionTable::default(),
            commands: Gcra::new(now),
            refused_frames: 0,
            effects: Vec::new(),
            config,
        }
    }

    /// Handles a frame. `accepting` is false while this node may have missed a revocation. Every command that needs a valid
    /// session is then answered with a temporary error.
    pub fn on_frame(&mut self, now: Instant, frame: &[u8], accepting: bool) -> Vec<Effect> {
        if self.is_closed() {
            return Vec::new();
        }
        match self.encoding.decode(frame) {
            Ok(commands) => self.take_commands(now, commands, frame.len(), accepting),
            // A library that batches its calls can exceed the limit by mistake. After this close reason, the client reconnects.
            Err(DecodeError::TooMany) => self.close(CloseReason::TooManyRequests),
            Err(_) => self.close(CloseReason::BadRequest),
        }
        self.take_effects()
    }

    /// Handles a pong frame of the WebSocket protocol. Unsolicited pongs are allowed (RFC 6455, section 5.5.3).
    pub fn on_native_pong(&mut self, now: Instant) {
        if self.phase == Phase::Connecting {
            self.heartbeat.pong(now);
        }
    }

    /// Handles the deadlines that have passed. The driver calls this at [`ClientState::next_deadline`] or later.
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
            Some(Beat::Ping) => self.ping(),
            Some(Beat::Lost) => self.close(CloseReason::NoPong),
            None => {}
        }
    }

    fn ping(&mut self) {
        self.effects.push(match self.phase {
            Phase::Connected => Effect::Reply(self.encoding.ping()),
            _ => Effect::NativePing,
        });
    }

    /// Pings the peer, because another connection needs the place of this connection. If the peer does not answer soon, the
    /// connection ends. Returns whether a ping is sent.
    pub(super) fn probe(&mut self, now: Instant) -> bool {
        let pinged = self.heartbeat.probe(&self.config, now);
        if pinged {
            self.ping();
        }
        pinged
    }

    /// The next deadline; `None` after [`Effect::Close`].
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        let subscription = self.subscriptions.next_end().map(|end| end + self.config.expired_grace);
        [self.connect_by, self.expired_by(), self.heartbeat.next(), subscription].into_iter().flatten().min()
    }

    /// Handles an [`Effect::Join`], [`Effect::Publish`] or [`Effect::Query`] that the driver could not perform: the lane of the
    /// channel's shard is full, or the shard restarts. The client receives a temporary error for command `id`. `unjoined` is
    /// the channel and the number of a subscription that was not made.
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

    /// Handles an [`Effect::Publish`] that exceeded a limit of the user: the rate of publications, or the quota of durable
    /// channels.
    pub fn on_publish_limited(&mut self, id: u32) -> Vec<Effect> {
        if !self.is_closed() {
            self.refuse_rate(id);
        }
        self.take_effects()
    }

    /// The channels of all subscriptions, including those that are not confirmed yet.
    pub fn channels(&self) -> impl Iterator<Item = &ChannelName> {
        self.subscriptions.iter().map(|(channel, _)| channel)
    }

    /// The latest token of the subscription to this channel; `None` if there is no subscription, or if it has no token.
    #[must_use]
    pub fn subscription_token(&self, channel: &ChannelName) -> Option<&TokenMark> {
        self.subscriptions.get(channel)?.token.as_deref()
    }

    /// The identity of the connection, once it is verified.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.authenticated.as_ref().map(|authenticated| &authenticated.identity)
    }

    /// Whether the state has returned, or is about to return, [`Effect::Close`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// The moment `now` in seconds since the Unix epoch.
    pub(super) fn unix(&self, now: Instant) -> i64 {
        let (opened, unix) = self.opened_at;
        let passed = now.saturating_duration_since(opened).as_secs();
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
            self.queue = VecDeque::new();
            self.queued_bytes = 0;
            self.pending = None;
            self.effects.push(Effect::Close(reason));
        }
    }

    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}
