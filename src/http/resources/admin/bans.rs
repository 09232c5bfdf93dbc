//! `/api/v1/admin/bans`: bans of addresses and networks.

use std::{net::IpAddr, sync::Arc};

use actix_web::{HttpResponse, web};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{Ban, Created, Services};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::{any_network, bounded_network};
use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
        idempotency::{IdempotentBody, created},
        page::page_request,
        reason::reason,
    },
    problem::Problem,
    views::moment::moment,
};

/// The filter and the page of a list of bans.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct BansQuery {
    /// The bans that concern this address.
    #[param(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for BansQuery {
    const FIELDS: &'static str = "address, limit (1 to 200), cursor";
}

/// A ban.
#[derive(Serialize, ToSchema)]
#[schema(as = Ban)]
pub(crate) struct BanView<'b> {
    #[schema(value_type = OffsetDateTime)]
    created_at: Option<String>,
    network: &'b str,
    reason: &'b str,
    #[schema(value_type = OffsetDateTime)]
    until: Option<String>,
}

impl<'b> BanView<'b> {
    fn of(ban: &'b Ban) -> Self {
        Self {
            created_at: moment(ban.created_at),
            network: &ban.key,
            reason: &ban.reason,
            until: moment(ban.expires_at),
        }
    }
}

/// A page of bans.
#[derive(Serialize, ToSchema)]
pub(crate) struct BanPage<'b> {
    bans: Vec<BanView<'b>>,
    next_cursor: Option<&'b str>,
}

/// `GET /api/v1/admin/bans`: the bans in force, newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<BansQuery>,
) -> Result<HttpResponse, Problem> {
    let BansQuery { address, limit, cursor } = query.0;
    let page = page_request(limit, cursor)?;
    let page = services.operators.operator_bans.list(&auth.caller, address, &page, &client.0).await?;
    let bans = page.entries.iter().map(BanView::of).collect();
    Ok(HttpResponse::Ok().json(json!(BanPage { bans, next_cursor: page.next.as_deref() })))
}

/// A ban to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBan {
    /// An address, or a network with a prefix of at least 8 bits (IPv4) or 16 bits (IPv6).
    network: String,
    /// The end of the ban, in the future.
    #[serde(with = "time::serde::rfc3339")]
    until: OffsetDateTime,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for NewBan {
    const FIELDS: &'static str = "network (an address or a network), until (RFC 3339), reason";
}

/// `POST /api/v1/admin/bans`.
pub(crate) async fn create(
    services: web::Data<Services>,
    sent: IdempotentBody<NewBan>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (network, reason) = (bounded_network(&sent.body.network)?, reason(&sent.body.reason)?);
    let (caller, meta, operators) = (sent.caller.clone(), client.0.clone(), Arc::clone(&services.operators));
    let until = sent.body.until;
    let work = async move {
        let ban = operators.operator_bans.create(&caller, network, until, reason, &meta).await?;
        Ok(Created { status: 201, body: json!(BanView::of(&ban)), secrets: &[] })
    };
    let answer =
        services.operators.idempotency.once(&sent.caller, sent.key, &client.0, Box::pin(work)).await?;
    Ok(created(&answer))
}

/// A ban to lift.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiftedBan {
    /// The banned address or network.
    network: String,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for LiftedBan {
    const FIELDS: &'static str = "network (an address or a network), reason";
}

/// `POST /api/v1/admin/bans/lift`.
pub(crate) async fn lift(
    services: web::Data<Services>,
    sent: AuthenticatedBody<LiftedBan>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let network: IpNet = any_network(&sent.body.network)?;
    let reason = reason(&sent.body.reason)?;
    services.operators.operator_bans.lift(&sent.caller, network, &reason, &client.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
