//! What the methods answer, in the shapes of the original; payloads are embedded as they were published.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpResponse, http::header::ContentType};
use actors::runtime::{CONNECTIONS_LISTED, Connected, Done, Subscribing};
use logic::{denials::TokenMark, subscription::Source};
use protocol::{
    ClientInfo, HistoryResult, Payload, Position, PresenceStats, Publication, channel_name::ChannelName,
};
use serde::{Serialize, Serializer};
use serde_json::{json, value::RawValue};

use service::{DisconnectCount, NodeInfo};

use super::error::ApiError;

/// A method's result as JSON.
pub(super) type Answered = Result<Box<RawValue>, ApiError>;

/// The result, dressed.
pub(super) fn result(result: &RawValue) -> HttpResponse {
    let body = format!(r#"{{"result":{}}}"#, result.get());
    HttpResponse::Ok().content_type(ContentType::json()).body(body)
}

/// What a result is as JSON.
pub(super) fn encoded(result: &impl Serialize) -> Answered {
    serde_json::value::to_raw_value(result).map_err(|error| {
        tracing::error!(%error, "an answer of the server API could not be encoded");
        protocol::ErrorCode::Internal.into()
    })
}

/// A payload, embedded as it is.
struct Raw<'p>(&'p Payload);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_slice(self.0.as_bytes()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Where a publication went; nothing where positions are not counted.
pub(super) fn published(position: Option<&Position>) -> Answered {
    match position {
        Some(Position { offset, epoch }) => encoded(&json!({"offset": offset, "epoch": epoch})),
        None => encoded(&json!({})),
    }
}

/// The answers of a broadcast, in order.
pub(super) fn broadcast(answers: Vec<Answered>) -> Answered {
    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Response {
        Result(Box<RawValue>),
        Error(ApiError),
    }
    #[derive(Serialize)]
    struct Broadcast {
        responses: Vec<Response>,
    }
    let response = |answer| match answer {
        Ok(result) => Response::Result(result),
        Err(error) => Response::Error(error),
    };
    encoded(&Broadcast { responses: answers.into_iter().map(response).collect() })
}

#[derive(Serialize)]
struct Who<'i> {
    user: &'i str,
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    conn_info: Option<Raw<'i>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chan_info: Option<Raw<'i>>,
}

impl<'i> From<&'i ClientInfo> for Who<'i> {
    fn from(info: &'i ClientInfo) -> Self {
        Self {
            user: info.user.as_str(),
            client: info.client.to_string(),
            conn_info: info.conn_info.as_ref().map(Raw),
            chan_info: info.chan_info.as_ref().map(Raw),
        }
    }
}

/// Who is subscribed, by connection.
pub(super) fn presence(present: &[Arc<ClientInfo>]) -> Answered {
    #[derive(Serialize)]
    struct Presence<'i> {
        presence: BTreeMap<String, Who<'i>>,
    }
    let by_client = |info: &'_ Arc<ClientInfo>| info.client.to_string();
    let presence = present.iter().map(|info| (by_client(info), Who::from(&**info))).collect();
    encoded(&Presence { presence })
}

/// How many are subscribed.
pub(super) fn presence_stats(stats: PresenceStats) -> Answered {
    encoded(&json!({"num_clients": stats.clients, "num_users": stats.users}))
}

#[derive(Serialize)]
struct Published<'p> {
    data: Raw<'p>,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<Who<'p>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<&'p str, &'p str>,
    #[serde(skip_serializing_if = "is_zero")]
    time: i64,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl<'p> From<&'p Publication> for Published<'p> {
    fn from(publication: &'p Publication) -> Self {
        Self {
            data: Raw(&publication.data),
            offset: publication.offset,
            info: publication.info.as_deref().map(Who::from),
            tags: publication.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            time: publication.time_ms,
        }
    }
}

/// What was published, and the newest position.
pub(super) fn history(found: &HistoryResult) -> Answered {
    #[derive(Serialize)]
    struct History<'p> {
        publications: Vec<Published<'p>>,
        epoch: &'p str,
        offset: u64,
    }
    let publications = found.publications.iter().map(|publication| Published::from(&**publication)).collect();
    let Position { offset, epoch } = &found.position;
    encoded(&History { publications, epoch, offset: *offset })
}

/// Channels and their subscribers.
pub(super) fn channels(found: &[(ChannelName, usize)]) -> Answered {
    let channels: BTreeMap<_, _> =
        found.iter().map(|(name, clients)| (name.as_str(), json!({"num_clients": clients}))).collect();
    encoded(&json!({"channels": channels}))
}

/// This process, as the only node there is.
pub(super) fn info(node: &NodeInfo) -> Answered {
    encoded(&json!({"nodes": [{
        "uid": node.id,
        "name": "portcullis",
        "version": env!("CARGO_PKG_VERSION"),
        "num_clients": node.clients,
        "num_users": node.users,
        "num_subs": node.subscriptions,
        "num_channels": node.channels,
        "uptime": node.uptime.as_secs(),
        "process": {"cpu": node.process.cpu, "rss": node.process.rss},
    }]}))
}

/// Nothing to tell.
pub(super) fn empty() -> Answered {
    encoded(&json!({}))
}

/// How many connections have done it.
pub(super) fn done(done: Done) -> Answered {
    encoded(&json!({"done": done.done, "pending": done.pending}))
}

/// How many connections have the subscription, and how many cannot have it.
pub(super) fn subscribed(made: Subscribing) -> Answered {
    let Subscribing { done, pending, failed, error } = made;
    match error {
        None => encoded(&json!({"done": done, "pending": pending})),
        Some(error) => encoded(&json!({
            "done": done, "pending": pending, "failed": failed, "error": ApiError::from(error),
        })),
    }
}

/// How many connections are closed.
pub(super) fn severed(severed: DisconnectCount) -> Answered {
    encoded(&json!({"closed": severed.closed, "pending": severed.pending}))
}

/// A user's connections. Those that are too many to be listed are said to be there.
pub(super) fn connections(found: &[Connected]) -> Answered {
    let connections: BTreeMap<_, _> = found
        .iter()
        .map(|connected| (connected.info.connection.to_string(), connection(connected)))
        .collect();
    if may_be_more(found) {
        return encoded(&json!({"connections": connections, "more": true}));
    }
    encoded(&json!({"connections": connections}))
}

/// Whether a user may have other connections than those that were found.
pub(in crate::http) fn may_be_more(found: &[Connected]) -> bool {
    found.len() >= CONNECTIONS_LISTED
}

/// One connection, for the server API and for operators.
pub(in crate::http) fn connection(connected: &Connected) -> serde_json::Value {
    let (info, said) = (&connected.info, connected.described.clone().unwrap_or_default());
    let bearer = &info.bearer;
    let channels: BTreeMap<_, _> = said
        .subscriptions
        .iter()
        .map(|subscribed| (subscribed.channel.as_str(), subscription(subscribed.source)))
        .collect();
    let tokens: BTreeMap<_, _> = said
        .subscriptions
        .iter()
        .filter_map(|subscribed| Some((subscribed.channel.as_str(), token(subscribed.token.as_ref()?))))
        .collect();
    let mut state = json!({
        "channels": channels, "connection_token": token(&bearer.token), "subscription_tokens": tokens,
    });
    if let Some(meta) = &said.meta {
        state["meta"] = serde_json::to_value(Raw(meta)).unwrap_or_default();
    }
    json!({
        "app_name": said.name,
        "app_version": said.version,
        "transport": info.transport.as_str(),
        "protocol": info.encoding.as_str(),
        "user": bearer.subject.as_str(),
        "session": info.session,
        "issuer": *bearer.issuer,
        "address": info.address,
        "connected_at_ms": info.attached_at_ms,
        "queued_bytes": info.queued_bytes,
        // A connection that is busy is known by what its session knows of it.
        "answered": connected.described.is_some(),
        "state": state,
    })
}

fn subscription(source: Source) -> serde_json::Value {
    json!({"server_side": source.is_server_side(), "source": source.number()})
}

/// What is known of a token: its `jti`, and its `iat` in seconds.
fn token(mark: &TokenMark) -> serde_json::Value {
    let mut token = serde_json::Map::new();
    if let Some(id) = &mark.id {
        token.insert("uid".to_owned(), json!(**id));
    }
    if let Some(issued) = mark.issued_at_ms {
        token.insert("issued_at".to_owned(), json!(issued / 1_000));
    }
    token.into()
}
