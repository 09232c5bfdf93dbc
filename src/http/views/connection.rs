//! An open connection, for the server API and for operators.

use std::collections::BTreeMap;

use actors::runtime::{CONNECTIONS_LISTED, ListedConnection};
use logic::{denials::TokenMark, subscription::SubscriptionSource};
use serde_json::json;

use super::payload::RawPayload;

/// Whether the user may have more connections than those in the list, because the list is full.
pub(crate) fn may_have_more(found: &[ListedConnection]) -> bool {
    found.len() >= CONNECTIONS_LISTED
}

/// One connection, for the server API and for operators.
pub(crate) fn connection_view(connected: &ListedConnection) -> serde_json::Value {
    let (info, described) = (&connected.info, connected.described.clone().unwrap_or_default());
    let identity = &info.identity;
    let channels: BTreeMap<_, _> = described
        .subscriptions
        .iter()
        .map(|subscribed| (subscribed.channel.as_str(), subscription_view(subscribed.source)))
        .collect();
    let tokens: BTreeMap<_, _> = described
        .subscriptions
        .iter()
        .filter_map(|subscribed| Some((subscribed.channel.as_str(), token_view(subscribed.token.as_ref()?))))
        .collect();
    let mut state = json!({
        "channels": channels, "connection_token": token_view(&identity.token), "subscription_tokens": tokens,
    });
    if let Some(meta) = &described.meta {
        state["meta"] = serde_json::to_value(RawPayload(meta)).unwrap_or_default();
    }
    json!({
        "app_name": described.name,
        "app_version": described.version,
        "transport": info.transport.as_str(),
        "protocol": info.encoding.as_str(),
        "user": identity.subject.as_str(),
        "session": info.session,
        "issuer": *identity.issuer,
        "address": info.address,
        "connected_at_ms": info.attached_at_ms,
        "queued_bytes": info.queued_bytes,
        // False if a busy connection did not answer in time. The view then has only what the session knows.
        "answered": connected.described.is_some(),
        "state": state,
    })
}

fn subscription_view(source: SubscriptionSource) -> serde_json::Value {
    json!({"server_side": source.is_server_side(), "source": source.number()})
}

/// A token: its `jti`, and its `iat` in seconds, if they are known.
fn token_view(mark: &TokenMark) -> serde_json::Value {
    let mut token = serde_json::Map::new();
    if let Some(id) = &mark.id {
        token.insert("uid".to_owned(), json!(**id));
    }
    if let Some(issued) = mark.issued_at_ms {
        token.insert("issued_at".to_owned(), json!(issued / 1_000));
    }
    token.into()
}
