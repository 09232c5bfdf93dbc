//! An open connection, for the server API and for operators.

use std::{collections::BTreeMap, net::IpAddr};

use actors::runtime::{CONNECTIONS_LISTED, ListedConnection};
use logic::{denials::TokenMark, subscription::SubscriptionSource};
use protocol::id::{ConnectionId, SessionId};
use serde::Serialize;
use serde_json::Value;
use service::LocatedConnection;
use utoipa::ToSchema;

use super::payload::RawPayload;

/// Whether the user may have more connections than those in the list, because the list is full.
pub(crate) fn may_have_more(found: &[ListedConnection]) -> bool {
    found.len() >= CONNECTIONS_LISTED
}

/// One connection, for the server API and for operators.
#[derive(Serialize, ToSchema)]
#[schema(as = Connection)]
pub(crate) struct ConnectionView {
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// False if a busy connection did not answer in time. The view then has only the data that the session actor holds.
    answered: bool,
    app_name: String,
    app_version: String,
    /// The id of the connection. Only in answers to operators; in the server API the id is the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<ConnectionId>,
    /// Milliseconds since 1970.
    connected_at_ms: i64,
    /// The issuer of the connection's token; empty for accounts of this server.
    issuer: String,
    protocol: &'static str,
    queued_bytes: usize,
    session: SessionId,
    state: ConnectionState,
    transport: &'static str,
    user: String,
}

/// The subscriptions of a connection, and its tokens.
#[derive(Serialize, ToSchema)]
struct ConnectionState {
    channels: BTreeMap<String, SubscriptionView>,
    connection_token: TokenView,
    /// The data that the token attaches to the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Value>,
    subscription_tokens: BTreeMap<String, TokenView>,
}

/// A subscription of a connection.
#[derive(Serialize, ToSchema)]
#[schema(as = ConnectionSubscription)]
struct SubscriptionView {
    server_side: bool,
    source: u8,
}

/// A token: its `jti`, and its `iat` in seconds, if they are known.
#[derive(Serialize, ToSchema)]
#[schema(as = ConnectionToken)]
struct TokenView {
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
}

impl ConnectionView {
    /// The view for the server API.
    pub(crate) fn of(connected: &ListedConnection) -> Self {
        let (info, described) = (&connected.info, connected.described.clone().unwrap_or_default());
        Self {
            address: info.address,
            answered: connected.described.is_some(),
            client: None,
            connected_at_ms: info.attached_at_ms,
            issuer: info.identity.issuer.to_string(),
            protocol: info.encoding.as_str(),
            queued_bytes: info.queued_bytes,
            session: info.session,
            transport: info.transport.as_str(),
            user: info.identity.subject.as_str().to_owned(),
            state: ConnectionState {
                channels: described
                    .subscriptions
                    .iter()
                    .map(|subscribed| {
                        (subscribed.channel.to_string(), SubscriptionView::of(subscribed.source))
                    })
                    .collect(),
                connection_token: TokenView::of(&info.identity.token),
                meta: described
                    .meta
                    .as_ref()
                    .map(|meta| serde_json::to_value(RawPayload(meta)).unwrap_or_default()),
                subscription_tokens: described
                    .subscriptions
                    .iter()
                    .filter_map(|subscribed| {
                        Some((subscribed.channel.to_string(), TokenView::of(subscribed.token.as_ref()?)))
                    })
                    .collect(),
            },
            app_name: described.name,
            app_version: described.version,
        }
    }
}

/// A connection with its id and its live figures, for operators.
#[derive(Serialize, ToSchema)]
#[schema(as = LiveConnection)]
pub(crate) struct LiveConnectionView {
    /// Seconds since the connection was opened.
    age_seconds: i64,
    #[serde(flatten)]
    connection: ConnectionView,
    /// The country of the address (ISO 3166-1). Null if no GeoIP database is configured, or if it does not know the address.
    country: Option<String>,
    /// Null until the client has answered a ping.
    ping_round_trip_ms: Option<f64>,
}

impl LiveConnectionView {
    /// The view at this time, in milliseconds since 1970.
    pub(crate) fn of(located: LocatedConnection, at_ms: i64) -> Self {
        let LocatedConnection { listed, country } = located;
        let round_trip = listed.described.as_ref().and_then(|described| described.ping_round_trip);
        Self {
            age_seconds: at_ms.saturating_sub(listed.info.attached_at_ms).max(0) / 1_000,
            connection: ConnectionView {
                client: Some(listed.info.connection),
                ..ConnectionView::of(&listed)
            },
            country,
            ping_round_trip_ms: round_trip.map(|time| time.as_secs_f64() * 1_000.0),
        }
    }
}

impl SubscriptionView {
    fn of(source: SubscriptionSource) -> Self {
        Self { server_side: source.is_server_side(), source: source.number() }
    }
}

impl TokenView {
    fn of(mark: &TokenMark) -> Self {
        Self {
            issued_at: mark.issued_at_ms.map(|issued| issued / 1_000),
            uid: mark.id.as_ref().map(|id| id.to_string()),
        }
    }
}
