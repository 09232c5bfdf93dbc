//! `/api/v1/admin/connections`: the open connections of this node.

use std::{net::IpAddr, time::Duration};

use actix_web::{HttpResponse, web};
use actors::runtime::Transport;
use protocol::{
    Encoding,
    id::{DeviceId, SessionId},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{ConnectionOrder, ConnectionQuery, LiveFigure, Services};
use utoipa::{IntoParams, ToSchema};

use super::{any_network, checked_text, country_code, realtime_user};
use crate::http::{
    extractors::{
        authenticated::Authenticated,
        body::{Query, Shape},
        client::Client,
        page::page_request,
    },
    problem::Problem,
    views::connection::LiveConnectionView,
};

/// The filters and the page of a list of connections.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionsQuery {
    /// The number of an account, or the name that an external issuer gives.
    #[param(max_length = 255)]
    user: Option<String>,
    #[param(value_type = Option<uuid::Uuid>)]
    session: Option<SessionId>,
    #[param(value_type = Option<uuid::Uuid>)]
    device: Option<DeviceId>,
    #[param(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// A network, such as `203.0.113.0/24` or `2001:db8::/32`, or an address.
    network: Option<String>,
    /// The country of the address, as two letters (ISO 3166-1). Needs a GeoIP database.
    #[param(pattern = "^[A-Za-z]{2}$")]
    country: Option<String>,
    #[param(inline)]
    transport: Option<WantedTransport>,
    #[param(inline)]
    protocol: Option<WantedProtocol>,
    /// A channel to which the connection is subscribed.
    #[param(min_length = 1, max_length = 255)]
    channel: Option<String>,
    /// A part of the name and version that the client gives.
    #[param(min_length = 1, max_length = 255)]
    client: Option<String>,
    /// Older than this number of seconds.
    #[param(format = Int64, maximum = 4_294_967_295_i64)]
    older_than: Option<u32>,
    /// Younger than this number of seconds.
    #[param(format = Int64, maximum = 4_294_967_295_i64)]
    younger_than: Option<u32>,
    /// The order; `-` means the newest, the longest or the slowest first. The page of `-queued` or `-ping` is the top of the connections
    /// that it has examined.
    #[param(inline)]
    sort: Option<ConnectionSort>,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for ConnectionsQuery {
    const FIELDS: &'static str = "user (the number of an account, or the name that an external issuer gives), session, device, \
         address, network (such as 192.0.2.0/24), country (two letters), transport (websocket, http_stream or sse), protocol (json or \
         protobuf), channel, client (a part of name and version), older_than and younger_than (seconds), sort (connected, -connected, \
         -queued or -ping), \
         limit (1 to 200), cursor";
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WantedTransport {
    Websocket,
    HttpStream,
    Sse,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WantedProtocol {
    Json,
    Protobuf,
}

/// The order of a list of connections.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, ToSchema)]
enum ConnectionSort {
    #[serde(rename = "connected")]
    OldestFirst,
    #[serde(rename = "-connected")]
    NewestFirst,
    #[serde(rename = "-queued")]
    LongestQueue,
    #[serde(rename = "-ping")]
    SlowestPing,
}

impl ConnectionsQuery {
    fn read(self) -> Result<ConnectionQuery, Problem> {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Ok(ConnectionQuery {
            subject: self.user.as_deref().map(realtime_user).transpose()?,
            session: self.session,
            device: self.device,
            address: self.address,
            network: self.network.as_deref().map(any_network).transpose()?,
            country: self.country.as_deref().map(country_code).transpose()?,
            transport: self.transport.map(|transport| match transport {
                WantedTransport::Websocket => Transport::WebSocket,
                WantedTransport::HttpStream => Transport::HttpStream,
                WantedTransport::Sse => Transport::Sse,
            }),
            encoding: self.protocol.map(|protocol| match protocol {
                WantedProtocol::Json => Encoding::Json,
                WantedProtocol::Protobuf => Encoding::Protobuf,
            }),
            channel: self.channel.map(checked_text).transpose()?,
            client: self.client.map(checked_text).transpose()?,
            older_than: self.older_than.map(seconds),
            younger_than: self.younger_than.map(seconds),
            order: match self.sort {
                None | Some(ConnectionSort::NewestFirst) => ConnectionOrder::NewestFirst,
                Some(ConnectionSort::OldestFirst) => ConnectionOrder::OldestFirst,
                Some(ConnectionSort::LongestQueue) => ConnectionOrder::Highest(LiveFigure::QueuedBytes),
                Some(ConnectionSort::SlowestPing) => ConnectionOrder::Highest(LiveFigure::PingRoundTrip),
            },
            page: page_request(self.limit, self.cursor)?,
        })
    }
}

/// A page of connections.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectionPage {
    connections: Vec<LiveConnectionView>,
    /// How many connections were examined for this page. The next page examines further ones.
    examined: usize,
    next_cursor: Option<String>,
}

/// `GET /api/v1/admin/connections`: the open connections of this node, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<ConnectionsQuery>,
) -> Result<HttpResponse, Problem> {
    let found = services.operators.connections.list(&auth.caller, query.0.read()?, &client.0).await?;
    let page = found.page.map(|located| LiveConnectionView::of(located, found.at_ms));
    let (connections, examined) = (page.entries, found.examined);
    Ok(HttpResponse::Ok().json(json!(ConnectionPage { connections, examined, next_cursor: page.next })))
}
