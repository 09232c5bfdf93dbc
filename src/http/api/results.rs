//! The results of the methods, in Centrifugo's form. Payloads are embedded as they were published.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpResponse, http::header::ContentType};
use actors::runtime::{ListedConnection, RequestCounts, SubscribeCounts};
use protocol::{ClientInfo, HistoryResult, Position, PresenceStats, Publication, channel_name::ChannelName};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use service::{DisconnectCount, NodeInfo};

use super::error::ApiError;
use crate::http::views::{
    connection::{connection_view, may_have_more},
    payload::RawPayload,
};

/// The result of a method as JSON, or its error.
pub(super) type ApiResult = Result<Box<RawValue>, ApiError>;

/// The HTTP answer with a result.
pub(super) fn response(result: &RawValue) -> HttpResponse {
    let body = format!(r#"{{"result":{}}}"#, result.get());
    HttpResponse::Ok().content_type(ContentType::json()).body(body)
}

/// Encodes a result as JSON.
pub(super) fn encoded(result: &impl Serialize) -> ApiResult {
    serde_json::value::to_raw_value(result).map_err(|error| {
        tracing::error!(%error, "could not encode a result of the server API");
        protocol::ErrorCode::Internal.into()
    })
}

/// The position of a publication. An empty object for a channel without positions.
pub(super) fn published(position: Option<&Position>) -> ApiResult {
    match position {
        Some(Position { offset, epoch }) => encoded(&json!({"offset": offset, "epoch": epoch})),
        None => encoded(&json!({})),
    }
}

/// The results of a broadcast, in the order of its channels.
pub(super) fn broadcast(answers: Vec<ApiResult>) -> ApiResult {
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
struct ClientInfoView<'i> {
    user: &'i str,
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    conn_info: Option<RawPayload<'i>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chan_info: Option<RawPayload<'i>>,
}

impl<'i> From<&'i ClientInfo> for ClientInfoView<'i> {
    fn from(info: &'i ClientInfo) -> Self {
        Self {
            user: info.user.as_str(),
            client: info.client.to_string(),
            conn_info: info.conn_info.as_ref().map(RawPayload),
            chan_info: info.chan_info.as_ref().map(RawPayload),
        }
    }
}

/// The subscribers of a channel, by connection.
pub(super) fn presence(present: &[Arc<ClientInfo>]) -> ApiResult {
    #[derive(Serialize)]
    struct Presence<'i> {
        presence: BTreeMap<String, ClientInfoView<'i>>,
    }
    let by_client = |info: &'_ Arc<ClientInfo>| info.client.to_string();
    let presence = present.iter().map(|info| (by_client(info), ClientInfoView::from(&**info))).collect();
    encoded(&Presence { presence })
}

/// The numbers of subscribed connections and users.
pub(super) fn presence_stats(stats: PresenceStats) -> ApiResult {
    encoded(&json!({"num_clients": stats.clients, "num_users": stats.users}))
}

#[derive(Serialize)]
struct PublicationView<'p> {
    data: RawPayload<'p>,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<ClientInfoView<'p>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<&'p str, &'p str>,
    #[serde(skip_serializing_if = "is_zero")]
    time: i64,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl<'p> From<&'p Publication> for PublicationView<'p> {
    fn from(publication: &'p Publication) -> Self {
        Self {
            data: RawPayload(&publication.data),
            offset: publication.offset,
            info: publication.info.as_deref().map(ClientInfoView::from),
            tags: publication.json_tags().collect(),
            time: publication.time_ms,
        }
    }
}

/// Publications, and the newest position of the channel.
pub(super) fn history(found: &HistoryResult) -> ApiResult {
    #[derive(Serialize)]
    struct History<'p> {
        publications: Vec<PublicationView<'p>>,
        epoch: &'p str,
        offset: u64,
    }
    let publications =
        found.publications.iter().map(|publication| PublicationView::from(&**publication)).collect();
    let Position { offset, epoch } = &found.position;
    encoded(&History { publications, epoch, offset: *offset })
}

/// Channels and the numbers of their subscribers.
pub(super) fn channels(found: &[(ChannelName, usize)]) -> ApiResult {
    let channels: BTreeMap<_, _> =
        found.iter().map(|(name, clients)| (name.as_str(), json!({"num_clients": clients}))).collect();
    encoded(&json!({"channels": channels}))
}

/// This node, as the only node of the cluster.
pub(super) fn info(node: &NodeInfo) -> ApiResult {
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

/// The empty result, for methods that have nothing to report.
pub(super) fn empty() -> ApiResult {
    encoded(&json!({}))
}

/// How many connections have carried out the command, and how many have not answered yet.
pub(super) fn done(done: RequestCounts) -> ApiResult {
    encoded(&json!({"done": done.done, "pending": done.pending}))
}

/// How many connections have the subscription, how many have not answered yet, and how many failed.
pub(super) fn subscribed(made: SubscribeCounts) -> ApiResult {
    let SubscribeCounts { done, pending, failed, error } = made;
    match error {
        None => encoded(&json!({"done": done, "pending": pending})),
        Some(error) => encoded(&json!({
            "done": done, "pending": pending, "failed": failed, "error": ApiError::from(error),
        })),
    }
}

/// How many connections are closed, and how many are not closed yet.
pub(super) fn severed(severed: DisconnectCount) -> ApiResult {
    encoded(&json!({"closed": severed.closed, "pending": severed.pending}))
}

/// The connections of a user. `more` says that the list is full, so that there may be more connections.
pub(super) fn connections(found: &[ListedConnection]) -> ApiResult {
    let connections: BTreeMap<_, _> = found
        .iter()
        .map(|connected| (connected.info.connection.to_string(), connection_view(connected)))
        .collect();
    if may_have_more(found) {
        return encoded(&json!({"connections": connections, "more": true}));
    }
    encoded(&json!({"connections": connections}))
}
