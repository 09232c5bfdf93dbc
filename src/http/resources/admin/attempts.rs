//! `/api/v1/admin/attempts`: attempts to sign in to all accounts, and the accounts with a password that a stuffing wave has found.

use std::net::IpAddr;

use actix_web::{HttpResponse, web};
use domain::abuse::attempt::AttemptOutcome;
use ipnet::IpNet;
use protocol::id::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{AttemptQuery, PageRequest, Services, WaveQuery};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::{any_network, country_code};
use crate::http::{
    extractors::{
        authenticated::Authenticated,
        body::{Query, Shape},
        client::Client,
        page::page_request,
    },
    problem::Problem,
    views::attempt::{AdminAttemptView, WaveView},
};

/// The filter and the page of a list of attempts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttemptsQuery {
    #[param(inline)]
    outcome: Option<AttemptOutcome>,
    /// The number of an account.
    #[param(value_type = Option<i64>)]
    user: Option<UserId>,
    #[param(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// A network, such as `203.0.113.0/24` or `2001:db8::/32`, or an address.
    network: Option<String>,
    /// A country, as two letters (ISO 3166-1).
    #[param(pattern = "^[A-Za-z]{2}$")]
    country: Option<String>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    since: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for AttemptsQuery {
    const FIELDS: &'static str = "outcome, user, address or network, country (two letters), since and until (RFC 3339), limit (1 to 200), \
         cursor";
}

/// A page of attempts of all accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperatorAttemptPage {
    attempts: Vec<AdminAttemptView>,
    next_cursor: Option<String>,
}

/// `GET /api/v1/admin/attempts`: newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<AttemptsQuery>,
) -> Result<HttpResponse, Problem> {
    let AttemptsQuery { outcome, user, address, network, country, since, until, limit, cursor } = query.0;
    let query = AttemptQuery {
        outcome,
        user,
        network: place(address, network.as_deref())?,
        country: country.as_deref().map(country_code).transpose()?,
        since,
        until,
        page: page_request(limit, cursor)?,
    };
    let page = services.operators.attempts.list(&auth.caller, query, &client.0).await?;
    let attempts = page.entries.into_iter().map(AdminAttemptView::from).collect();
    Ok(HttpResponse::Ok().json(json!(OperatorAttemptPage { attempts, next_cursor: page.next })))
}

/// The network of the filter; an address is a network of one address.
fn place(address: Option<IpAddr>, network: Option<&str>) -> Result<Option<IpNet>, Problem> {
    match (address, network) {
        (Some(_), Some(_)) => {
            Err(Problem::unprocessable("contradicting_filters", "Name an address or a network, not both."))
        }
        (Some(address), None) => Ok(Some(address.to_canonical().into())),
        (None, network) => network.map(any_network).transpose(),
    }
}

/// By what attempts are grouped.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceKind {
    /// An address; for IPv6 the network of 64 bits, which usually belongs to one customer.
    #[default]
    Address,
    /// The network of 24 bits (IPv4) or 48 bits (IPv6).
    Network,
}

/// What counts as a stuffing wave, and the page of accounts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct StuffingQuery {
    /// The beginning of the period, which has at most 7 days.
    #[serde(default, with = "time::serde::rfc3339::option")]
    since: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
    /// By what attempts are grouped.
    #[serde(default)]
    #[param(inline)]
    by: SourceKind,
    /// The least number of failures of a source.
    #[param(minimum = 1, maximum = 10000, default = 10)]
    min_failures: Option<u32>,
    /// The least number of accounts of a source.
    #[param(minimum = 1, maximum = 10000, default = 10)]
    min_accounts: Option<u32>,
    /// The least share of failures of a source.
    #[param(minimum = 1, maximum = 100, default = 80)]
    min_failed_percent: Option<u8>,
    /// The number of accounts.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for StuffingQuery {
    const FIELDS: &'static str = "since and until (RFC 3339, at most 7 days), by (address or network), min_failures and min_accounts (1 to \
         10,000), min_failed_percent (1 to 100), limit (1 to 1,000), cursor";
}

/// The default and the largest number of accounts in a page: as many as one revocation may name.
const ACCOUNTS: u32 = 1_000;

/// `GET /api/v1/admin/attempts/stuffing`: the accounts for which the right password was given from sources with many failures on many
/// accounts.
pub(crate) async fn stuffing(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<StuffingQuery>,
) -> Result<HttpResponse, Problem> {
    let sent = query.0;
    let bounded = |value: Option<u32>, default: u32, most: u32| {
        let value = value.unwrap_or(default);
        let wrong =
            || Problem::unprocessable("invalid_threshold", "A threshold or the limit is out of its bounds.");
        if (1..=most).contains(&value) { Ok(value) } else { Err(wrong()) }
    };
    let percent = bounded(sent.min_failed_percent.map(u32::from), 80, 100)?;
    let query = WaveQuery {
        since: sent.since,
        until: sent.until,
        prefixes: match sent.by {
            SourceKind::Address => (32, 64),
            SourceKind::Network => (24, 48),
        },
        min_failures: bounded(sent.min_failures, 10, 10_000)?,
        min_names: bounded(sent.min_accounts, 10, 10_000)?,
        min_failed_percent: u8::try_from(percent).unwrap_or(100),
        page: PageRequest { limit: bounded(sent.limit, ACCOUNTS, ACCOUNTS)?, cursor: sent.cursor },
    };
    let page = services.operators.attempts.stuffing(&auth.caller, query, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(WaveView::of(&page))))
}
