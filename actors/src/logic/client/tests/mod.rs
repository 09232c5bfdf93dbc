//! Tests of the client state. Most tests pass inputs to the state, and compare the effects as lines of text.

mod channels;
mod connect;
mod limits;
mod membership;
mod properties;
mod queries;
mod server_side;
mod timing;
mod tokens;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    Answer, Encoding, ErrorCode,
    channel_name::ChannelName,
    close::CloseReason,
    id::{ConnectionId, SessionId, UserId},
};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::*;
use crate::{denials::TokenMark, namespace::Party};

/// A connection under test, with its own clock.
pub(super) struct TestConnection {
    pub(super) client: ClientState,
    pub(super) now: Instant,
    pub(super) accepting: bool,
    /// Whether channels confirm subscriptions immediately.
    channels_answer: bool,
}

pub(super) fn identity() -> Identity {
    Identity {
        subject: UserId(42).into(),
        account: Some(UserId(42)),
        party: Party::User,
        conn_info: None,
        meta: None,
        subscriptions: Box::default(),
        session: SessionId(Uuid::from_u128(7)),
        token_expires_in: Some(Duration::from_secs(3600)),
    }
}

fn config() -> ClientConfig {
    ClientConfig { version: "portcullis test".to_owned(), max_channels: 3, ..ClientConfig::default() }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The parameters of a connection that opens 1,000 seconds after the Unix epoch.
fn opening(now: Instant, jitter: f64) -> ConnectionParameters {
    let client = ConnectionId(Uuid::from_u128(1));
    ConnectionParameters {
        client,
        encoding: Encoding::Json,
        now,
        unix_seconds: 1_000,
        jitter,
        emulation: None,
        cookie_refusal: None,
    }
}

/// An effect as one line of text.
pub(super) fn line(effect: &Effect) -> String {
    match effect {
        Effect::Reply(bytes) => text(bytes),
        Effect::Release(bytes) => format!("release {}", text(bytes)),
        Effect::Verify { purpose, token } => {
            format!("verify {purpose:?} {}", token.as_ref().map_or("no token", |token| token.expose_secret()))
        }
        Effect::VerifySubscription { purpose, channel, token } => {
            format!("verify {purpose:?} {channel} {}", token.expose_secret())
        }
        Effect::Join { request, id: Some(id) } => format!("join {} {id}", request.channel),
        Effect::Join { request, id: None } => format!("join {}", request.channel),
        Effect::ConnectSubscriptions(requests) => {
            let names: Vec<&str> = requests.iter().map(|request| request.channel.as_str()).collect();
            format!("connect subscriptions {}", names.join(" "))
        }
        Effect::Leave { channel, notice: UnsubscribeNotice::Reply(id) } => format!("leave {channel} {id}"),
        Effect::Leave { channel, notice: UnsubscribeNotice::Push(code) } => {
            format!("leave {channel} push {}", code.code())
        }
        Effect::Publish { channel, id, data, .. } => {
            format!("publish {channel} {id} {}", text(data.as_bytes()))
        }
        Effect::Query { channel, id, query: ChannelQuery::Presence } => format!("presence {channel} {id}"),
        Effect::Query { channel, id, query: ChannelQuery::PresenceStats } => format!("stats {channel} {id}"),
        Effect::Query { channel, id, query: ChannelQuery::History(request) } => {
            format!("history {channel} {id} {}", request.limit)
        }
        Effect::ReserveAnswerSpace => "reserve space".to_owned(),
        Effect::NativePing => "native ping".to_owned(),
        Effect::Close(reason) => format!("close {}", reason.code()),
    }
}

fn lines(effects: &[Effect]) -> Vec<String> {
    effects.iter().map(line).collect()
}

impl TestConnection {
    fn new(identity: Option<Identity>, config: ClientConfig) -> Self {
        let now = Instant::now();
        let client = ClientState::new(Arc::new(config), opening(now, 0.5), identity);
        Self { client, now, accepting: true, channels_answer: true }
    }

    /// A connection after a handshake without a credential.
    pub(super) fn unauthenticated() -> Self {
        Self::new(None, config())
    }

    /// A connection after a handshake with a refused cookie.
    pub(super) fn with_refused_cookie(refusal: VerifyRefusal, config: ClientConfig) -> Self {
        let now = Instant::now();
        let opening = ConnectionParameters { cookie_refusal: Some(refusal), ..opening(now, 0.5) };
        Self {
            client: ClientState::new(Arc::new(config), opening, None),
            now,
            accepting: true,
            channels_answer: true,
        }
    }

    /// A connection after an authenticated handshake.
    pub(super) fn authenticated() -> Self {
        Self::new(Some(identity()), config())
    }

    /// A connection after `connect`, authenticated by the handshake.
    fn connected() -> Self {
        let mut connection = Self::authenticated();
        assert!(connection.receive(r#"{"id":1,"connect":{}}"#)[0].contains(r#""connect":{"client""#));
        connection
    }

    /// Passes a frame of the client to the connection.
    pub(super) fn receive(&mut self, frame: &str) -> Vec<String> {
        let effects = self.client.on_frame(self.now, frame.as_bytes(), self.accepting);
        self.performed(effects)
    }

    /// The effects as lines. If `channels_answer` is true, the requested subscriptions are confirmed immediately.
    fn performed(&mut self, mut effects: Vec<Effect>) -> Vec<String> {
        let mut done = 0;
        while let Some(effect) = effects.get(done).filter(|_| self.channels_answer) {
            if let Effect::Join { request, .. } = effect {
                self.client
                    .on_server_request(
                        self.now,
                        ServerRequest::Confirm(request.channel.clone(), request.number),
                    )
                    .1
                    .unwrap();
                effects.extend(self.client.on_membership_known(self.now, self.accepting));
            }
            done += 1;
        }
        lines(&effects)
    }

    fn membership_known(&mut self) -> Vec<String> {
        lines(&self.client.on_membership_known(self.now, self.accepting))
    }

    fn verified(&mut self, purpose: Purpose, outcome: Result<Identity, VerifyRefusal>) -> Vec<String> {
        let effects = self.client.on_verified(self.now, purpose, outcome, self.accepting);
        self.performed(effects)
    }

    fn subscription_verified(
        &mut self,
        purpose: Purpose,
        outcome: Result<SubscriptionGrant, SubscriptionRefusal>,
    ) -> Vec<String> {
        self.subscription_judged(purpose, outcome, |_| false)
    }

    fn subscription_judged(
        &mut self,
        purpose: Purpose,
        outcome: Result<SubscriptionGrant, SubscriptionRefusal>,
        is_denied: impl FnOnce(&TokenMark) -> bool,
    ) -> Vec<String> {
        let (now, accepting) = (self.now, self.accepting);
        let effects = self.client.on_subscription_verified(now, purpose, outcome, is_denied, accepting);
        self.performed(effects)
    }

    fn space_reserved(&mut self) -> Vec<String> {
        lines(&self.client.on_answer_space(self.now, self.accepting))
    }

    fn server_request(&mut self, request: ServerRequest) -> Vec<String> {
        let (effects, done) = self.client.on_server_request(self.now, request);
        assert!(
            done == Ok(true) || effects.is_empty(),
            "a request that returns effects must answer `Ok(true)`"
        );
        self.performed(effects)
    }

    fn channels(&self) -> usize {
        self.client.describe().subscriptions.len()
    }

    fn after(&mut self, seconds: f64) -> Vec<String> {
        self.now += Duration::from_secs_f64(seconds);
        lines(&self.client.on_tick(self.now))
    }

    /// Advances the time to the next deadline. Returns how many seconds passed, and the effects.
    fn next(&mut self) -> (f64, Vec<String>) {
        let due = self.client.next_deadline().unwrap().saturating_duration_since(self.now).as_secs_f64();
        (due, self.after(due))
    }

    fn subscribe(&mut self, id: u32, channel: &str) -> Vec<String> {
        self.receive(&format!(r#"{{"id":{id},"subscribe":{{"channel":"{channel}"}}}}"#))
    }
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

fn error(id: u32, code: u16) -> String {
    let code = ErrorCode::ALL.iter().find(|known| known.code() == code).unwrap();
    String::from_utf8(Encoding::Json.reply(id, &Answer::Error(*code)).to_vec()).unwrap()
}

const CONNECT_1: Purpose = Purpose::Connect { id: 1 };
const REFRESH_5: Purpose = Purpose::Refresh { id: 5 };
const CONNECT: &str = r#"{"id":1,"connect":{"token":"t"}}"#;
const REFRESH: &str = r#"{"id":5,"refresh":{"token":"t2"}}"#;
const CONNECTED: &str = "{\"id\":1,\"connect\":{\"client\":\"00000000-0000-0000-0000-000000000001\",\
    \"version\":\"portcullis test\",\"expires\":true,\"ttl\":3600,\"ping\":25,\"pong\":true}}";
