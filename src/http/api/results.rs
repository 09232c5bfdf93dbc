//! The results of the methods, in Centrifugo's form. Payloads are embedded in the form that the JSON protocol carries.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpResponse, http::header::ContentType};
use actors::runtime::{ListedConnection, RequestCounts, SubscribeCounts};
use protocol::{ClientInfo, HistoryResult, Position, PresenceStats, Publication, channel_name::ChannelName};
use serde::Serialize;
use serde_json::value::RawValue;
use service::{DisconnectCount, NodeInfo};
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::ApiError;
use crate::http::views::{
    connection::{ConnectionView, may_have_more},
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
#[derive(Serialize, ToSchema)]
#[schema(as = ApiPosition)]
pub(in crate::http) struct PositionView<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
}

/// The position of a publication.
pub(super) fn published(position: Option<&Position>) -> ApiResult {
    let epoch = position.map(|position| position.epoch.as_str());
    encoded(&PositionView { epoch, offset: position.map(|position| position.offset) })
}

/// The results of a broadcast, in the order of its channels.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiBroadcast)]
pub(in crate::http) struct Broadcast {
    responses: Vec<BroadcastResponse>,
}

/// The result of a publication to one channel, or its error.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ApiBroadcastResponse)]
enum BroadcastResponse {
    #[schema(value_type = PositionView<'static>)]
    Result(Box<RawValue>),
    Error(ApiError),
}

/// The results of a broadcast.
pub(super) fn broadcast(answers: Vec<ApiResult>) -> ApiResult {
    let response = |answer| match answer {
        Ok(result) => BroadcastResponse::Result(result),
        Err(error) => BroadcastResponse::Error(error),
    };
    encoded(&Broadcast { responses: answers.into_iter().map(response).collect() })
}

/// A client, as other clients see it.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiClientInfo)]
struct ClientInfoView<'i> {
    user: &'i str,
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    conn_info: Option<RawPayload<'i>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = ApiPresence)]
pub(in crate::http) struct Presence<'i> {
    presence: BTreeMap<String, ClientInfoView<'i>>,
}

/// The subscribers of a channel.
pub(super) fn presence(present: &[Arc<ClientInfo>]) -> ApiResult {
    let by_client = |info: &'_ Arc<ClientInfo>| info.client.to_string();
    let presence = present.iter().map(|info| (by_client(info), ClientInfoView::from(&**info))).collect();
    encoded(&Presence { presence })
}

/// The numbers of subscribed connections and users.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiPresenceStats)]
pub(in crate::http) struct PresenceStatsView {
    num_clients: u32,
    num_users: u32,
}

/// The numbers of subscribed connections and users.
pub(super) fn presence_stats(stats: PresenceStats) -> ApiResult {
    encoded(&PresenceStatsView { num_clients: stats.clients, num_users: stats.users })
}

/// A publication.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiPublication)]
struct PublicationView<'p> {
    #[schema(value_type = serde_json::Value)]
    data: RawPayload<'p>,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<ClientInfoView<'p>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    tags: BTreeMap<&'p str, &'p str>,
    /// Milliseconds since 1970.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = ApiHistory)]
pub(in crate::http) struct History<'p> {
    publications: Vec<PublicationView<'p>>,
    epoch: &'p str,
    offset: u64,
}

/// Publications, and the newest position of the channel.
pub(super) fn history(found: &HistoryResult) -> ApiResult {
    let publications =
        found.publications.iter().map(|publication| PublicationView::from(&**publication)).collect();
    let Position { offset, epoch } = &found.position;
    encoded(&History { publications, epoch, offset: *offset })
}

/// Channels that have subscribers.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiChannels)]
pub(in crate::http) struct Channels<'c> {
    channels: BTreeMap<&'c str, ChannelView>,
}

/// A channel.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiChannel)]
struct ChannelView {
    num_clients: usize,
}

/// Channels and the numbers of their subscribers.
pub(super) fn channels(found: &[(ChannelName, usize)]) -> ApiResult {
    let channels =
        found.iter().map(|(name, clients)| (name.as_str(), ChannelView { num_clients: *clients })).collect();
    encoded(&Channels { channels })
}

/// The nodes of the cluster.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiInfo)]
pub(in crate::http) struct Info {
    nodes: [NodeView; 1],
}

/// A node.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiNode)]
struct NodeView {
    name: &'static str,
    num_channels: usize,
    num_clients: usize,
    num_subs: usize,
    num_users: usize,
    process: ProcessView,
    uid: Uuid,
    /// Seconds.
    uptime: u64,
    version: &'static str,
}

/// The process of a node.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiProcess)]
struct ProcessView {
    cpu: f64,
    rss: u64,
}

/// This node, as the only node of the cluster.
pub(super) fn info(node: &NodeInfo) -> ApiResult {
    let view = NodeView {
        name: "portcullis",
        num_channels: node.channels,
        num_clients: node.clients,
        num_subs: node.subscriptions,
        num_users: node.users,
        process: ProcessView { cpu: node.process.cpu, rss: node.process.rss },
        uid: node.id,
        uptime: node.uptime.as_secs(),
        version: env!("CARGO_PKG_VERSION"),
    };
    encoded(&Info { nodes: [view] })
}

/// The empty result.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiEmpty)]
pub(in crate::http) struct Empty {}

/// The empty result, for methods that have nothing to report.
pub(super) fn empty() -> ApiResult {
    encoded(&Empty {})
}

/// How many connections have carried out a command, and how many have not answered yet.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiDone)]
pub(in crate::http) struct Done {
    done: usize,
    /// Why the first subscription failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ApiError>,
    /// How many subscriptions failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<usize>,
    pending: usize,
}

/// How many connections have carried out the command, and how many have not answered yet.
pub(super) fn done(counts: RequestCounts) -> ApiResult {
    encoded(&Done { done: counts.done, error: None, failed: None, pending: counts.pending })
}

/// How many connections have the subscription, how many have not answered yet, and how many failed.
pub(super) fn subscribed(made: SubscribeCounts) -> ApiResult {
    let SubscribeCounts { done, pending, failed, error } = made;
    let failed = error.is_some().then_some(failed);
    encoded(&Done { done, error: error.map(ApiError::from), failed, pending })
}

/// How many connections are closed, and how many are not closed yet.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiClosed)]
pub(in crate::http) struct Closed {
    closed: usize,
    pending: usize,
}

/// How many connections are closed, and how many are not closed yet.
pub(super) fn severed(severed: DisconnectCount) -> ApiResult {
    encoded(&Closed { closed: severed.closed, pending: severed.pending })
}

/// The connections of a user.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiConnections)]
pub(in crate::http) struct Connections {
    connections: BTreeMap<String, ConnectionView>,
    /// The list is full, so that there may be more connections.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    more: bool,
}

/// The connections of a user, by their ids.
pub(super) fn connections(found: &[ListedConnection]) -> ApiResult {
    let connections = found
        .iter()
        .map(|connected| (connected.info.connection.to_string(), ConnectionView::of(connected)))
        .collect();
    encoded(&Connections { connections, more: may_have_more(found) })
}
