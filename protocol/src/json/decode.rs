//! Decodes a text frame into commands. If any part of the frame violates the protocol, the whole frame is an error, because
//! the connection is then closed.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    Command, CommandBody, ConnectRequest, DecodeError, HistoryRequest, MAX_COMMANDS_PER_FRAME, Payload,
    Position, PublishRequest, RefreshRequest, SubRefreshRequest, SubscribeRequest, command,
};

/// Decodes the commands of one text frame, in order: at least one command, and at most [`MAX_COMMANDS_PER_FRAME`].
///
/// # Errors
/// When the frame has no command or too many, or when any part of it is not a command of the protocol.
pub fn decode_frame(text: &str) -> Result<Vec<Command>, DecodeError> {
    let objects = text.strip_suffix('\n').unwrap_or(text);
    let mut commands = Vec::with_capacity(1);
    for line in objects.split('\n') {
        if commands.len() == MAX_COMMANDS_PER_FRAME {
            return Err(DecodeError::TooMany);
        }
        commands.push(decode_command(line)?);
    }
    Ok(commands)
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: Option<u32>,
    #[serde(borrow)]
    connect: Option<&'a RawValue>,
    #[serde(borrow)]
    subscribe: Option<&'a RawValue>,
    #[serde(borrow)]
    unsubscribe: Option<&'a RawValue>,
    #[serde(borrow)]
    publish: Option<&'a RawValue>,
    #[serde(borrow)]
    presence: Option<&'a RawValue>,
    #[serde(borrow)]
    presence_stats: Option<&'a RawValue>,
    #[serde(borrow)]
    history: Option<&'a RawValue>,
    #[serde(borrow)]
    ping: Option<&'a RawValue>,
    #[serde(borrow)]
    send: Option<&'a RawValue>,
    #[serde(borrow)]
    rpc: Option<&'a RawValue>,
    #[serde(borrow)]
    refresh: Option<&'a RawValue>,
    #[serde(borrow)]
    sub_refresh: Option<&'a RawValue>,
}

fn decode_command(line: &str) -> Result<Command, DecodeError> {
    let line = line.trim_matches([' ', '\t', '\r']);
    if line.is_empty() {
        return Err(DecodeError::BlankLine);
    }
    let envelope: Envelope<'_> = object(line)?;
    let id = envelope.id.unwrap_or(0);
    let body = match method(&envelope)? {
        Some(body) => body,
        None if id == 0 => CommandBody::Pong,
        None => return Err(DecodeError::NoMethod),
    };
    if id == 0 && !matches!(body, CommandBody::Pong | CommandBody::Send) {
        return Err(DecodeError::NoId);
    }
    Ok(Command { id, body })
}

/// The method of a command. If there are several methods, the first one in the order below counts.
fn method(envelope: &Envelope<'_>) -> Result<Option<CommandBody>, DecodeError> {
    if let Some(raw) = envelope.connect {
        return connect(raw).map(Some);
    }
    if let Some(raw) = envelope.subscribe {
        return subscribe(raw).map(Some);
    }
    if let Some(raw) = envelope.unsubscribe {
        return Ok(Some(CommandBody::Unsubscribe { channel: channel(raw)? }));
    }
    if let Some(raw) = envelope.publish {
        return publish(raw).map(Some);
    }
    if let Some(raw) = envelope.presence {
        return Ok(Some(CommandBody::Presence { channel: channel(raw)? }));
    }
    if let Some(raw) = envelope.presence_stats {
        return Ok(Some(CommandBody::PresenceStats { channel: channel(raw)? }));
    }
    if let Some(raw) = envelope.history {
        return history(raw).map(Some);
    }
    if let Some(raw) = envelope.refresh {
        let Token { token, .. } = object(raw.get())?;
        return Ok(Some(CommandBody::Refresh(RefreshRequest { token: command::secret(token) })));
    }
    if let Some(raw) = envelope.sub_refresh {
        let Token { channel, token } = object(raw.get())?;
        return Ok(Some(CommandBody::SubRefresh(SubRefreshRequest {
            channel,
            token: command::secret(token),
        })));
    }
    let others = [
        (envelope.ping, CommandBody::Ping),
        (envelope.send, CommandBody::Send),
        (envelope.rpc, CommandBody::Rpc),
    ];
    for (raw, body) in others {
        if let Some(raw) = raw {
            let _fields: Unread = object(raw.get())?;
            return Ok(Some(body));
        }
    }
    Ok(None)
}

/// A request of which no field is read.
#[derive(Deserialize)]
struct Unread {}

#[derive(Deserialize)]
struct Channel {
    #[serde(default)]
    channel: String,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    channel: String,
    token: Option<String>,
}

/// A position in the form of `connect.subs`, `subscribe` and `history.since`.
#[derive(Deserialize)]
struct WirePosition {
    #[serde(default)]
    recover: Option<bool>,
    #[serde(default)]
    offset: Option<u64>,
    #[serde(default)]
    epoch: Option<String>,
}

impl WirePosition {
    fn position(self) -> Position {
        Position { offset: self.offset.unwrap_or(0), epoch: self.epoch.unwrap_or_default() }
    }
}

fn channel(raw: &RawValue) -> Result<String, DecodeError> {
    let Channel { channel } = object(raw.get())?;
    Ok(channel)
}

fn connect(raw: &RawValue) -> Result<CommandBody, DecodeError> {
    #[derive(Deserialize)]
    struct Fields {
        token: Option<String>,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        version: Option<String>,
        #[serde(default)]
        subs: Option<BTreeMap<String, WirePosition>>,
    }
    let fields: Fields = object(raw.get())?;
    let subs = fields.subs.unwrap_or_default().into_iter();
    Ok(CommandBody::Connect(ConnectRequest {
        token: command::secret(fields.token),
        name: command::clipped(fields.name.unwrap_or_default()),
        version: command::clipped(fields.version.unwrap_or_default()),
        subs: subs
            .filter(|(_, known)| known.recover.unwrap_or(false))
            .map(|(channel, known)| (channel, known.position()))
            .collect(),
    }))
}

fn subscribe(raw: &RawValue) -> Result<CommandBody, DecodeError> {
    #[derive(Deserialize)]
    struct Fields {
        #[serde(default)]
        channel: String,
        token: Option<String>,
        #[serde(default)]
        recover: Option<bool>,
        #[serde(default)]
        offset: Option<u64>,
        #[serde(default)]
        epoch: Option<String>,
        #[serde(default)]
        positioned: Option<bool>,
        #[serde(default)]
        recoverable: Option<bool>,
        #[serde(default)]
        join_leave: Option<bool>,
        #[serde(default)]
        delta: Option<String>,
        tf: Option<IgnoredAny>,
        #[serde(default, rename = "type")]
        kind: Option<i32>,
        #[serde(default)]
        flag: Option<i64>,
    }
    let fields: Fields = object(raw.get())?;
    let known = WirePosition { recover: fields.recover, offset: fields.offset, epoch: fields.epoch };
    Ok(CommandBody::Subscribe(Box::new(SubscribeRequest {
        channel: fields.channel,
        token: command::secret(fields.token),
        recover: known.recover.unwrap_or(false).then(|| known.position()),
        must_recover: command::must_recover(fields.flag.unwrap_or(0)),
        positioned: fields.positioned.unwrap_or(false),
        recoverable: fields.recoverable.unwrap_or(false),
        join_leave: fields.join_leave.unwrap_or(false),
        delta: fields.delta.as_deref() == Some(command::FOSSIL),
        tags_filter: fields.tf.is_some(),
        kind: fields.kind.unwrap_or(0),
    })))
}

fn history(raw: &RawValue) -> Result<CommandBody, DecodeError> {
    #[derive(Deserialize)]
    struct Fields {
        #[serde(default)]
        channel: String,
        #[serde(default)]
        limit: Option<i32>,
        #[serde(default)]
        since: Option<WirePosition>,
        #[serde(default)]
        reverse: Option<bool>,
    }
    let fields: Fields = object(raw.get())?;
    Ok(CommandBody::History(HistoryRequest {
        channel: fields.channel,
        limit: fields.limit.unwrap_or(0),
        since: fields.since.map(WirePosition::position),
        reverse: fields.reverse.unwrap_or(false),
    }))
}

fn publish(raw: &RawValue) -> Result<CommandBody, DecodeError> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(default)]
        channel: String,
        #[serde(borrow, default, deserialize_with = "null_is_data")]
        data: Option<&'a RawValue>,
        #[serde(default, rename = "type")]
        kind: Option<i32>,
    }
    let fields: Fields<'_> = object(raw.get())?;
    Ok(CommandBody::Publish(PublishRequest {
        channel: fields.channel,
        data: fields.data.map(Payload::from_raw).transpose()?,
        kind: fields.kind.unwrap_or(0),
    }))
}

/// Decodes `null` as data. The default for an `Option` would treat it as an absent field.
fn null_is_data<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Decodes a struct from a JSON object. An array is refused, although serde would accept it.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, DecodeError> {
    if !json.trim_start().starts_with('{') {
        return Err(DecodeError::NotAnObject);
    }
    Ok(serde_json::from_str(json)?)
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
