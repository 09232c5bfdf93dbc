//! Operators: `/api/v1/admin`, one file per noun.
//!
//! The services decide which caller may read and change what (`service::operators::authority`), and require a recent step-up
//! for changes. These files have the shapes of requests and answers.

pub(crate) mod api_keys;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod bans;
pub(crate) mod channels;
pub(crate) mod connections;
pub(crate) mod devices;
pub(crate) mod drill;
pub(crate) mod erasures;
pub(crate) mod issuers;
pub(crate) mod mail;
pub(crate) mod node;
pub(crate) mod revocations;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod statistics;
pub(crate) mod users;
pub(crate) mod webhooks;

use domain::client::address::parse_network;
use ipnet::IpNet;
use protocol::id::Subject;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    extractors::{body::Shape, subject::subject},
    problem::Problem,
};

/// The shortest prefixes of networks, for IPv4 and IPv6. For more addresses, revoke all sessions.
const SHORTEST_PREFIXES: (u8, u8) = (8, 16);

/// The subject with this name.
///
/// # Errors
/// 422 for a name that cannot exist.
fn realtime_user(name: &str) -> Result<Subject, Problem> {
    let detail = "A name has at most 255 bytes and no NUL character.";
    subject(name).ok_or_else(|| Problem::unprocessable("invalid_subject", detail))
}

/// A country in capital letters.
///
/// # Errors
/// 422 for a text that is not two letters.
fn country_code(text: &str) -> Result<String, Problem> {
    if text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_uppercase());
    }
    let detail = "A country has two letters (ISO 3166-1), for example `DE`.";
    Err(Problem::unprocessable("invalid_country", detail))
}

/// The network that this text names, without the bits of a host.
///
/// # Errors
/// 422 for a text that is no network.
fn any_network(text: &str) -> Result<IpNet, Problem> {
    let detail = "A network is written as `203.0.113.0/24` or `2001:db8::/32`.";
    parse_network(text).map_err(|_| Problem::unprocessable("invalid_network", detail))
}

/// The network that this text names, if it is not too wide for a ban or a revocation.
///
/// # Errors
/// 422 for a text that is no network, and for a network that is too wide.
fn bounded_network(text: &str) -> Result<IpNet, Problem> {
    let network = any_network(text)?;
    let (v4, v6) = SHORTEST_PREFIXES;
    let shortest = if network.addr().is_ipv4() { v4 } else { v6 };
    if network.prefix_len() < shortest {
        let detail = "A network has a prefix of at least 8 bits (IPv4) or 16 bits (IPv6).";
        return Err(Problem::unprocessable("network_too_wide", detail));
    }
    Ok(network)
}

/// A body that only has the reason of a change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reasoned {
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for Reasoned {
    const FIELDS: &'static str = "reason";
}

/// A text that is searched for.
///
/// # Errors
/// 422 for a text that is empty, longer than 255 bytes, or has a NUL character.
fn checked_text(text: String) -> Result<String, Problem> {
    let fits = (1..=255).contains(&text.len()) && !text.contains('\0');
    let detail = "A search has 1 to 255 bytes and no NUL character.";
    fits.then_some(text).ok_or_else(|| Problem::unprocessable("invalid_search", detail))
}
