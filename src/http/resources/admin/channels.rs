//! `/api/v1/admin/channels`: channels, their subscribers and their messages.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use protocol::{ClientInfo, Payload, Position, Publication, channel_name::ChannelName, id::ConnectionId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{DurableChannelRow, ErasedMessages, Services};
use utoipa::{IntoParams, ToSchema};

use super::realtime_user;
use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
        page::page_request,
        page_limit::page_limit,
        reason::reason,
    },
    problem::Problem,
    views::{moment::moment, payload::RawPayload},
};

/// Which channels are listed.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChannelKind {
    /// Channels with subscribers on this node.
    #[default]
    Occupied,
    /// Durable channels.
    Durable,
}

/// The kind and the page of a list of channels.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelsQuery {
    /// Which channels are listed.
    #[serde(default)]
    #[param(inline)]
    kind: ChannelKind,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for ChannelsQuery {
    const FIELDS: &'static str = "kind (occupied or durable), limit (1 to 200), cursor";
}

/// A page of channels.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelPage)]
pub(crate) struct ChannelPage {
    channels: Vec<ChannelView>,
    next_cursor: Option<String>,
}

/// A channel in a list, in the form of the kind.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Channel)]
enum ChannelView {
    /// A channel with subscribers on this node.
    Occupied {
        channel: String,
        /// The number of its subscribers on this node.
        subscribers: usize,
    },
    /// A durable channel.
    Durable {
        channel: String,
        #[schema(value_type = String, format = DateTime)]
        created_at: Option<String>,
        /// The newest offset.
        offset: u64,
        #[schema(value_type = String, format = DateTime)]
        published_at: Option<String>,
        /// The messages up to this offset are no longer returned.
        removed_up_to: u64,
    },
}

/// A page of subscribers of a channel.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubscriberPage<'c> {
    next_cursor: Option<&'c str>,
    subscribers: Vec<SubscriberView<'c>>,
    /// The number of subscribers on this node.
    total: usize,
}

/// A client, as subscribers and messages name it.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelClient)]
struct SubscriberView<'c> {
    /// What the channel's token attaches to the subscription.
    chan_info: Option<Value>,
    client: ConnectionId,
    /// What the connection's token attaches to the connection.
    conn_info: Option<Value>,
    user: &'c str,
}

/// A page of messages of a channel.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessagePage<'m> {
    epoch: &'m str,
    messages: Vec<MessageView<'m>>,
    next_cursor: Option<String>,
    /// The newest offset of the channel.
    offset: u64,
}

/// A message of a channel.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelMessage)]
struct MessageView<'m> {
    /// Milliseconds since 1970.
    at_ms: i64,
    data: Option<Value>,
    offset: u64,
    /// Null if a server published the message.
    publisher: Option<SubscriberView<'m>>,
    tags: BTreeMap<&'m str, &'m str>,
}

/// What was erased.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasedMessages)]
pub(crate) struct ErasedView {
    /// The number of messages in the memory of this node. Messages of durable channels may be in both numbers.
    in_memory: u64,
    /// Whether there are more messages, so that the request must be repeated.
    more: bool,
    /// The number of messages in the database.
    stored: u64,
}

/// `GET /api/v1/admin/channels`: in the order of their names, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<ChannelsQuery>,
) -> Result<HttpResponse, Problem> {
    let ChannelsQuery { kind, limit, cursor } = query.0;
    let (page, channels) = (page_request(limit, cursor)?, &services.operators.channels);
    let page = match kind {
        ChannelKind::Occupied => channels.occupied(&auth.caller, &page, &client.0).await?.map(occupied),
        ChannelKind::Durable => channels.durable(&auth.caller, &page, &client.0).await?.map(durable),
    };
    Ok(HttpResponse::Ok().json(json!(ChannelPage { channels: page.entries, next_cursor: page.next })))
}

fn occupied((name, subscribers): (ChannelName, usize)) -> ChannelView {
    ChannelView::Occupied { channel: name.as_str().to_owned(), subscribers }
}

fn durable(row: DurableChannelRow) -> ChannelView {
    ChannelView::Durable {
        channel: row.name,
        created_at: moment(row.created_at),
        offset: row.top,
        published_at: moment(row.updated_at),
        removed_up_to: row.gone,
    }
}

/// The channel, and the page of its subscribers or messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelQuery {
    /// The name of the channel.
    #[param(min_length = 1, max_length = 255)]
    channel: String,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for ChannelQuery {
    const FIELDS: &'static str = "channel, limit (1 to 200), cursor";
}

/// `GET /api/v1/admin/channels/subscribers`: the subscribers of a channel on this node.
pub(crate) async fn subscribers(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<ChannelQuery>,
) -> Result<HttpResponse, Problem> {
    let ChannelQuery { channel, limit, cursor } = query.0;
    let (channel, page) = (channel_name(&channel)?, page_request(limit, cursor)?);
    let found = services.operators.channels.subscribers(&auth.caller, channel, &page, &client.0).await?;
    let subscribers = found.page.entries.iter().map(|info| SubscriberView::of(info)).collect();
    let body = SubscriberPage { next_cursor: found.page.next.as_deref(), subscribers, total: found.total };
    Ok(HttpResponse::Ok().json(json!(body)))
}

/// `GET /api/v1/admin/channels/history`: the messages of a channel, newest first.
pub(crate) async fn history(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<ChannelQuery>,
) -> Result<HttpResponse, Problem> {
    let ChannelQuery { channel, limit, cursor } = query.0;
    let (channel, limit) = (channel_name(&channel)?, page_limit(limit)?);
    let before = cursor.as_deref().map(position).transpose()?;
    let channels = &services.operators.channels;
    // One more than requested, to see whether there is another page.
    let found = channels.history(&auth.caller, channel, limit + 1, before, &client.0).await?;
    let page = &found.publications[..found.publications.len().min(limit as usize)];
    let more = found.publications.len() > page.len();
    let next = page.last().filter(|_| more).map(|last| format!("{}.{}", last.offset, found.position.epoch));
    let messages = page.iter().map(|message| MessageView::of(message)).collect();
    let Position { offset, epoch } = &found.position;
    let body = MessagePage { epoch, messages, next_cursor: next, offset: *offset };
    Ok(HttpResponse::Ok().json(json!(body)))
}

/// The message to remove.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemovedMessage {
    channel: String,
    offset: u64,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for RemovedMessage {
    const FIELDS: &'static str = "channel, offset, reason";
}

/// `POST /api/v1/admin/channels/messages/remove`: erases one message. Its offset stays.
pub(crate) async fn remove_message(
    services: web::Data<Services>,
    sent: AuthenticatedBody<RemovedMessage>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let RemovedMessage { channel, offset, reason: text } = sent.body;
    let (channel, reason) = (channel_name(&channel)?, reason(&text)?);
    let channels = &services.operators.channels;
    let erased = channels.remove_message(&sent.caller, channel, offset, &reason, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(ErasedView::of(erased))))
}

/// The person. All messages of the person are erased.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErasedPerson {
    /// The number of an account, or the name that an external issuer gives, as a text.
    #[schema(min_length = 1, max_length = 255)]
    user: String,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for ErasedPerson {
    const FIELDS: &'static str =
        "user (the number of an account, or the name that an external issuer gives, as a text), reason";
}

/// `POST /api/v1/admin/channels/messages/erase`: erases the messages of a person in all channels. Their offsets stay.
pub(crate) async fn erase_messages(
    services: web::Data<Services>,
    sent: AuthenticatedBody<ErasedPerson>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (user, reason) = (realtime_user(&sent.body.user)?, reason(&sent.body.reason)?);
    if user.as_str().is_empty() {
        return Err(Problem::unprocessable("invalid_subject", "Anonymous connections are no person."));
    }
    let channels = &services.operators.channels;
    let erased = channels.erase_messages(&sent.caller, user, &reason, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(ErasedView::of(erased))))
}

impl ErasedView {
    fn of(erased: ErasedMessages) -> Self {
        Self { in_memory: erased.in_memory, more: erased.more, stored: erased.stored }
    }
}

fn channel_name(text: &str) -> Result<ChannelName, Problem> {
    ChannelName::parse(text)
        .map_err(|_| Problem::unprocessable("invalid_channel", "This cannot be the name of a channel."))
}

/// The position in a cursor: an offset and an epoch.
fn position(cursor: &str) -> Result<Position, Problem> {
    let read = || {
        let (offset, epoch) = cursor.split_once('.')?;
        Some(Position { offset: offset.parse().ok().filter(|offset| *offset > 0)?, epoch: epoch.to_owned() })
    };
    read().ok_or_else(|| Problem::unprocessable("invalid_cursor", "The cursor is not valid."))
}

fn payload_value(payload: &Payload) -> Option<Value> {
    serde_json::to_value(RawPayload(payload)).ok()
}

impl<'c> SubscriberView<'c> {
    fn of(info: &'c ClientInfo) -> Self {
        Self {
            chan_info: info.chan_info.as_ref().and_then(payload_value),
            client: info.client,
            conn_info: info.conn_info.as_ref().and_then(payload_value),
            user: info.user.as_str(),
        }
    }
}

impl<'m> MessageView<'m> {
    fn of(message: &'m Publication) -> Self {
        Self {
            at_ms: message.time_ms,
            data: payload_value(&message.data),
            offset: message.offset,
            publisher: message.info.as_deref().map(SubscriberView::of),
            tags: message.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        }
    }
}
