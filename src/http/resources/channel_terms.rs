//! `GET /api/v1/channels/terms`: what a channel offers to the caller.

use actix_web::{HttpResponse, web};
use logic::namespace::{DataKind, Offer};
use protocol::channel_name::ChannelName;
use serde::{Deserialize, Serialize};
use service::{ChannelTerms, Services};
use utoipa::{IntoParams, ToSchema};

use crate::http::{
    extractors::{
        authenticated::Authenticated,
        body::{Query, Shape},
    },
    problem::Problem,
};

/// Which channel.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelQuery {
    /// The name of the channel.
    #[param(min_length = 1, max_length = 255)]
    channel: String,
}

impl Shape for ChannelQuery {
    const FIELDS: &'static str = "channel";
}

/// What a channel keeps, and what the caller may do there.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelTerms)]
pub(crate) struct ChannelTermsView<'c> {
    channel: &'c str,
    /// Which data the channel carries: `json`, `any` bytes, or `binary` (any bytes, for clients of the Protobuf protocol only).
    data: &'static str,
    /// Whether the kept messages are in the database. Otherwise they are in memory, and end with the process.
    durable: bool,
    /// Whether the caller may read the history.
    history: bool,
    /// How many messages are kept; 0 for none.
    history_size: usize,
    /// How long messages are kept, in seconds.
    history_ttl_seconds: u64,
    /// The largest data of one message, in bytes.
    max_publication_bytes: usize,
    /// Whether the caller may publish.
    may_publish: bool,
    /// Whether the caller may subscribe without a subscription token.
    may_subscribe: bool,
    /// Whether the caller may read the presence of the channel.
    presence: bool,
    /// Whether clients recover what they have missed: `off`, `allowed` (if they ask) or `forced`.
    recovery: &'static str,
}

/// Describes a channel. A channel without messages and subscribers has terms, too: they are those of its namespace.
pub(crate) async fn show(
    services: web::Data<Services>,
    auth: Authenticated,
    query: Query<ChannelQuery>,
) -> Result<HttpResponse, Problem> {
    let channel = ChannelName::parse(&query.0.channel)
        .map_err(|_| Problem::unprocessable("invalid_channel", "This cannot be the name of a channel."))?;
    let terms = services.channels.terms(&auth.caller, &channel)?;
    Ok(HttpResponse::Ok().json(view(&channel, &terms)))
}

fn view<'c>(channel: &'c ChannelName, terms: &ChannelTerms) -> ChannelTermsView<'c> {
    let ChannelTerms { options, rights } = terms;
    ChannelTermsView {
        channel: channel.as_str(),
        data: match options.data {
            DataKind::Json => "json",
            DataKind::Any => "any",
            DataKind::Binary => "binary",
        },
        durable: options.durable,
        history: rights.history,
        history_size: if options.keeps_history() { options.history_size } else { 0 },
        history_ttl_seconds: options.history_ttl.as_secs(),
        max_publication_bytes: options.max_publication_bytes,
        may_publish: rights.publish,
        may_subscribe: rights.subscribe,
        presence: rights.presence,
        recovery: match options.recovery {
            Offer::Off => "off",
            Offer::Allowed => "allowed",
            Offer::Forced => "forced",
        },
    }
}
