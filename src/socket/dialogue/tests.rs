//! The dialogue as a script: what goes in, and line by line what comes out.

mod channels;
mod limits;
mod opening;
mod timing;

use super::*;
use std::time::Duration;

use portcullis_actors::{
    id::{SessionId, UserId},
    logic::namespace::Party,
};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

/// A connection under test, with its own time.
pub(super) struct Talk {
    pub(super) dialogue: Dialogue,
    pub(super) now: Instant,
    pub(super) accepting: bool,
}

pub(super) fn identity() -> Identity {
    Identity {
        subject: UserId(42).into(),
        account: Some(UserId(42)),
        party: Party::User,
        conn_info: None,
        subscriptions: Vec::new(),
        session: SessionId(Uuid::from_u128(7)),
        token_expires_in: Some(Duration::from_secs(3600)),
    }
}

fn config() -> DialogueConfig {
    DialogueConfig { version: "portcullis test".to_owned(), max_channels: 3, ..DialogueConfig::default() }
}

/// An effect in one line.
pub(super) fn line(effect: &Effect) -> String {
    match effect {
        Effect::Reply(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Effect::Verify { purpose, token } => format!("verify {purpose:?} {}", token.expose_secret()),
        Effect::Join { channel, id, .. } => format!("join {channel} {id}"),
        Effect::Leave { channel, id } => format!("leave {channel} {id}"),
        Effect::Publish { channel, id, data } => {
            format!("publish {channel} {id} {}", std::str::from_utf8(data.as_bytes()).unwrap())
        }
        Effect::NativePing => "native ping".to_owned(),
        Effect::Close(reason) => format!("close {}", reason.code()),
    }
}

fn lines(effects: &[Effect]) -> Vec<String> {
    effects.iter().map(line).collect()
}

impl Talk {
    fn new(identity: Option<Identity>, config: DialogueConfig) -> Self {
        let (now, client) = (Instant::now(), ConnectionId(Uuid::from_u128(1)));
        let dialogue = Dialogue::new(Arc::new(config), Encoding::Json, client, now, 0.5, identity);
        Self { dialogue, now, accepting: true }
    }

    /// A connection whose handshake had no credential.
    pub(super) fn anonymous() -> Self {
        Self::new(None, config())
    }

    /// A connection whose handshake was authenticated.
    pub(super) fn authenticated() -> Self {
        Self::new(Some(identity()), config())
    }

    /// A connection that has connected, the handshake's way.
    fn connected() -> Self {
        let mut talk = Self::authenticated();
        assert!(talk.say(r#"{"id":1,"connect":{}}"#)[0].contains(r#""connect":{"client""#));
        talk
    }

    pub(super) fn say(&mut self, frame: &str) -> Vec<String> {
        lines(&self.dialogue.on_frame(self.now, frame.as_bytes(), self.accepting))
    }

    fn verified(&mut self, purpose: Purpose, outcome: Result<Identity, VerifyRefusal>) -> Vec<String> {
        lines(&self.dialogue.on_verified(self.now, purpose, outcome, self.accepting))
    }

    fn after(&mut self, seconds: f64) -> Vec<String> {
        self.now += Duration::from_secs_f64(seconds);
        lines(&self.dialogue.on_tick(self.now))
    }

    /// Goes to the next deadline.
    fn next(&mut self) -> (f64, Vec<String>) {
        let due = self.dialogue.next_deadline().unwrap().saturating_duration_since(self.now).as_secs_f64();
        (due, self.after(due))
    }

    fn subscribe(&mut self, id: u32, channel: &str) -> Vec<String> {
        self.say(&format!(r#"{{"id":{id},"subscribe":{{"channel":"{channel}"}}}}"#))
    }
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
