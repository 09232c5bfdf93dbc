//! Encodes answers and pushes as Protobuf messages. A payload is copied once, into the bytes that will be sent.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use secrecy::ExposeSecret as _;

use super::{requests::Empty, results};
use crate::{
    Answer, ClientInfo, ConnectResult, DataForm, ErrorCode, HistoryResult, Lifetime, Payload, Publication,
    Push, SubscribeResult,
};

/// A ping of the server: a message without fields.
pub const PING: Bytes = Bytes::from_static(&[0]);

/// Encodes one answer, preceded by its length.
#[must_use]
pub fn encode_reply(id: u32, answer: &Answer) -> Bytes {
    let mut reply = results::Reply { id, ..Default::default() };
    match answer {
        Answer::Connect(result) => reply.connect = Some(Box::new(connect(result))),
        Answer::Subscribe(result) => reply.subscribe = Some(Box::new(subscribe(result))),
        Answer::Unsubscribe => reply.unsubscribe = Some(Empty {}),
        Answer::Publish => reply.publish = Some(Empty {}),
        Answer::Presence(members) => {
            let presence = members.iter().map(|member| (member.client.to_string(), info(member)));
            reply.presence = Some(results::PresenceResult { presence: presence.collect() });
        }
        Answer::PresenceStats(stats) => {
            reply.presence_stats =
                Some(results::PresenceStatsResult { num_clients: stats.clients, num_users: stats.users });
        }
        Answer::History(result) => reply.history = Some(history(result)),
        Answer::Refresh(until) => {
            let results::Lifetime { expires, ttl } = lifetime(*until);
            reply.refresh = Some(results::RefreshResult { expires, ttl });
        }
        Answer::SubRefresh(until) => reply.sub_refresh = Some(lifetime(*until)),
        Answer::Error(code) => reply.error = Some(error(*code)),
    }
    reply.encode_length_delimited_to_vec().into()
}

/// Encodes one push, preceded by its length.
#[must_use]
pub fn encode_push(push: &Push<'_>) -> Bytes {
    let mut message = results::Push::default();
    match push {
        Push::Publication { channel, publication: published, form } => {
            message.channel = (*channel).to_owned();
            message.r#pub = Some(publication(published, *form));
        }
        Push::Join { channel, info: member } => {
            message.channel = (*channel).to_owned();
            message.join = Some(results::Member { info: Some(info(member)) });
        }
        Push::Leave { channel, info: member } => {
            message.channel = (*channel).to_owned();
            message.leave = Some(results::Member { info: Some(info(member)) });
        }
        Push::Unsubscribe { channel, code } => {
            message.channel = (*channel).to_owned();
            message.unsubscribe =
                Some(results::Unsubscribe { code: code.code().into(), reason: code.text().to_owned() });
        }
        Push::Subscribe { channel, result } => {
            message.channel = (*channel).to_owned();
            message.subscribe = Some(common_fields(result));
        }
        Push::Message { data } => message.message = Some(results::Data { data: data.share() }),
        Push::Disconnect(close_message) => {
            message.disconnect = Some(results::Disconnect {
                code: close_message.code().into(),
                reason: close_message.text().to_owned(),
                reconnect: close_message.reconnects(),
            });
        }
        Push::Refresh(until) => message.refresh = Some(lifetime(*until)),
    }
    let reply = results::Reply { push: Some(message), ..Default::default() };
    reply.encode_length_delimited_to_vec().into()
}

fn error(code: ErrorCode) -> results::Error {
    results::Error {
        code: code.code().into(),
        message: code.message().to_owned(),
        temporary: code.temporary(),
    }
}

fn lifetime(until: Option<Lifetime>) -> results::Lifetime {
    results::Lifetime { expires: until.is_some(), ttl: until.map_or(0, |until| until.ttl) }
}

fn connect(result: &ConnectResult) -> results::ConnectResult {
    let until = lifetime(result.lifetime);
    let emulation = result.emulation.as_ref();
    results::ConnectResult {
        client: result.client.to_string(),
        version: result.version.clone(),
        expires: until.expires,
        ttl: until.ttl,
        subs: result.subs.iter().map(server_side).collect(),
        ping: result.ping.unwrap_or(0),
        pong: result.ping.is_some(),
        session: emulation.map(|known| known.session.expose_secret().to_owned()).unwrap_or_default(),
        node: emulation.map(|known| known.node.clone()).unwrap_or_default(),
    }
}

fn server_side((channel, result): &(String, SubscribeResult)) -> results::ServerSide {
    results::ServerSide { channel: channel.clone(), result: Some(subscribe(result)) }
}

fn subscribe(result: &SubscribeResult) -> results::SubscribeResult {
    let until = lifetime(result.lifetime);
    let form = if result.delta { DataForm::Whole } else { DataForm::Plain };
    let results::SubscribePush { recoverable, epoch, offset, positioned, data } = common_fields(result);
    results::SubscribeResult {
        expires: until.expires,
        ttl: until.ttl,
        recoverable,
        epoch,
        publications: publications(&result.publications, form),
        recovered: result.recovered,
        offset,
        positioned,
        data,
        was_recovering: result.was_recovering,
        delta: result.delta,
    }
}

/// The fields of a subscription's result that the reply and the push have in common.
fn common_fields(result: &SubscribeResult) -> results::SubscribePush {
    let position = result.position.clone().unwrap_or_default();
    results::SubscribePush {
        recoverable: result.recoverable,
        epoch: position.epoch,
        offset: position.offset,
        positioned: result.positioned,
        data: shared(result.data.as_ref()),
    }
}

fn history(result: &HistoryResult) -> results::HistoryResult {
    results::HistoryResult {
        publications: publications(&result.publications, DataForm::Plain),
        epoch: result.position.epoch.clone(),
        offset: result.position.offset,
    }
}

fn publications(publications: &[Arc<Publication>], form: DataForm<'_>) -> Vec<results::Publication> {
    publications.iter().map(|published| publication(published, form)).collect()
}

fn publication(published: &Publication, form: DataForm<'_>) -> results::Publication {
    let (data, delta) = match form {
        DataForm::Plain | DataForm::Whole => (published.data.share(), false),
        DataForm::Delta(delta) => (Bytes::copy_from_slice(delta), true),
    };
    results::Publication {
        data,
        info: published.info.as_deref().map(info),
        offset: published.offset,
        tags: published.tags.iter().cloned().collect(),
        delta,
        time: published.time_ms,
    }
}

fn info(member: &ClientInfo) -> results::ClientInfo {
    results::ClientInfo {
        user: member.user.as_str().to_owned(),
        client: member.client.to_string(),
        conn_info: shared(member.conn_info.as_ref()),
        chan_info: shared(member.chan_info.as_ref()),
    }
}

/// The bytes of a payload; no bytes if there is no payload, because Protobuf does not distinguish an absent field from an empty
/// one.
fn shared(payload: Option<&Payload>) -> Bytes {
    payload.map(Payload::share).unwrap_or_default()
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
