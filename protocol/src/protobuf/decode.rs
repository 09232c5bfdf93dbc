//! Decodes a binary frame into commands. If any part of the frame violates the protocol, the whole frame is an error,
//! because the connection is then closed.
//!
//! A stated length is compared with the remaining bytes before memory is allocated for it. So the memory for a frame is
//! proportional to its real size.

use bytes::Bytes;
use prost::Message as _;
use secrecy::SecretString;

use super::requests;
use crate::{
    Command, CommandBody, ConnectRequest, DecodeError, HistoryRequest, MAX_COMMANDS_PER_FRAME, Payload,
    Position, PublishRequest, RefreshRequest, SubRefreshRequest, SubscribeRequest, command,
};

/// Decodes the commands of one binary frame, in order: at least one command, and at most [`MAX_COMMANDS_PER_FRAME`].
///
/// # Errors
/// When the frame has no command or too many, or when any part of it is not a command of the protocol.
pub fn decode_frame(frame: &[u8]) -> Result<Vec<Command>, DecodeError> {
    if frame.is_empty() {
        return Err(DecodeError::Empty);
    }
    let mut rest = frame;
    let mut commands = Vec::with_capacity(1);
    while !rest.is_empty() {
        if commands.len() == MAX_COMMANDS_PER_FRAME {
            return Err(DecodeError::TooMany);
        }
        let length = prost::decode_length_delimiter(&mut rest)?;
        let (message, after) = rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        commands.push(command(requests::Command::decode(message)?)?);
        rest = after;
    }
    Ok(commands)
}

/// A request with commands for an emulated stream.
pub struct Emulated {
    /// The node that holds the stream.
    pub node: String,
    /// The secret that proves that the commands belong to the stream.
    pub session: SecretString,
    /// A frame of commands.
    pub data: Bytes,
}

/// Decodes the body of a request with commands for an emulated stream.
///
/// # Errors
/// When the body is not a Protobuf message of this type.
pub fn decode_emulated(body: &[u8]) -> Result<Emulated, DecodeError> {
    let request = requests::EmulationRequest::decode(body)?;
    Ok(Emulated { node: request.node, session: request.session.into(), data: request.data })
}

/// The secret of the stream (`session`) in the body of a request with commands. `first` are the first bytes of the body. `None`
/// if they do not contain the secret.
#[must_use]
pub fn decode_emulated_session(first: &[u8]) -> Option<SecretString> {
    let mut request = requests::EmulationRequest::default();
    // An error is expected, because the end of the body is missing. The fields that arrived completely are decoded
    // nevertheless.
    let _ = request.merge(first);
    Some(request.session).filter(|session| !session.is_empty()).map(SecretString::from)
}

fn command(message: requests::Command) -> Result<Command, DecodeError> {
    let id = message.id;
    let body = match method(message) {
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
fn method(message: requests::Command) -> Option<CommandBody> {
    None.or_else(|| message.connect.map(connect))
        .or_else(|| message.subscribe.map(|request| subscribe(*request)))
        .or_else(|| message.unsubscribe.map(|request| CommandBody::Unsubscribe { channel: request.channel }))
        .or_else(|| message.publish.map(publish))
        .or_else(|| message.presence.map(|request| CommandBody::Presence { channel: request.channel }))
        .or_else(|| {
            message.presence_stats.map(|request| CommandBody::PresenceStats { channel: request.channel })
        })
        .or_else(|| message.history.map(history))
        .or_else(|| {
            let request = message.refresh?;
            Some(CommandBody::Refresh(RefreshRequest { token: command::secret(Some(request.token)) }))
        })
        .or_else(|| message.sub_refresh.map(sub_refresh))
        .or_else(|| message.ping.map(|_| CommandBody::Ping))
        .or_else(|| message.send.map(|_| CommandBody::Send))
        .or_else(|| message.rpc.map(|_| CommandBody::Rpc))
}

fn connect(request: requests::ConnectRequest) -> CommandBody {
    let subs = request.subs.into_iter().filter(|(_, known)| known.recover);
    CommandBody::Connect(ConnectRequest {
        token: command::secret(Some(request.token)),
        name: command::clipped(request.name),
        version: command::clipped(request.version),
        subs: subs
            .map(|(channel, known)| (channel, Position { offset: known.offset, epoch: known.epoch }))
            .collect(),
    })
}

fn subscribe(request: requests::SubscribeRequest) -> CommandBody {
    let position = Position { offset: request.offset, epoch: request.epoch };
    CommandBody::Subscribe(Box::new(SubscribeRequest {
        channel: request.channel,
        token: command::secret(Some(request.token)),
        recover: request.recover.then_some(position),
        must_recover: command::must_recover(request.flag),
        positioned: request.positioned,
        recoverable: request.recoverable,
        join_leave: request.join_leave,
        delta: request.delta == command::FOSSIL,
        tags_filter: request.tf.is_some(),
        kind: request.r#type,
    }))
}

/// Decodes `publish`. Any bytes are accepted as data here. Later the namespace of the channel decides whether the data must be
/// JSON. An absent field means empty data, because Protobuf does not distinguish an absent field from an empty one.
fn publish(request: requests::PublishRequest) -> CommandBody {
    CommandBody::Publish(PublishRequest {
        channel: request.channel,
        data: Some(Payload::from_bytes(request.data)),
        kind: request.r#type,
    })
}

fn history(request: requests::HistoryRequest) -> CommandBody {
    let since = request.since.map(|since| Position { offset: since.offset, epoch: since.epoch });
    CommandBody::History(HistoryRequest {
        channel: request.channel,
        limit: request.limit,
        since,
        reverse: request.reverse,
    })
}

fn sub_refresh(request: requests::SubRefreshRequest) -> CommandBody {
    let token = command::secret(Some(request.token));
    CommandBody::SubRefresh(SubRefreshRequest { channel: request.channel, token })
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
