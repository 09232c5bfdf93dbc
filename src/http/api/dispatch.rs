//! One method: reads its parameters, calls the service and encodes the result.

use actors::runtime::{ConnectionSelection, RequestCounts, ServerPublication};
use domain::tokens::subscription_terms::SubscriptionTerms;
use futures_util::{StreamExt as _, stream};
use globset::GlobBuilder;
use protocol::channel_name::ChannelName;
use serde_json::value::RawValue;
use service::{Api, DisconnectCount};

use super::{
    channel_requests::{self, ChannelRequest},
    connection_requests::{self, UserRequest},
    error::ApiError,
    method::Method,
    results::{self, ApiResult},
};

/// The largest number of channels in a broadcast.
const MAX_BROADCAST: usize = 1_000;
/// The number of publications of a broadcast that run at the same time.
const PARALLEL_PUBLICATIONS: usize = 32;
/// The longest pattern for channel names, in bytes.
const MAX_PATTERN: usize = 255;

/// Carries out a method.
pub(super) async fn dispatch(api: Api<'_>, method: Method, body: &RawValue) -> ApiResult {
    match method {
        Method::Publish => {
            let read: channel_requests::Publish<'_> = channel_requests::read(body)?;
            publish(api, read.channel()?, read.publication()?).await
        }
        Method::Broadcast => broadcast(api, body).await,
        Method::Presence => results::presence(
            &api.presence(channel_requests::read::<ChannelRequest>(body)?.channel()?).await?,
        ),
        Method::PresenceStats => results::presence_stats(
            api.presence_stats(channel_requests::read::<ChannelRequest>(body)?.channel()?).await?,
        ),
        Method::History => {
            let (channel, wanted) = channel_requests::read::<channel_requests::History>(body)?.request()?;
            results::history(&api.history(channel, wanted).await?)
        }
        Method::HistoryRemove => {
            api.history_remove(channel_requests::read::<ChannelRequest>(body)?.channel()?).await?;
            results::empty()
        }
        Method::Channels => channels(api, body).await,
        Method::Info => results::info(&api.info().await?),
        Method::Subscribe | Method::Unsubscribe | Method::Disconnect | Method::Refresh => {
            for_connections(api, method, body).await
        }
        Method::Connections => {
            if channel_requests::read::<connection_requests::Connections<'_>>(body)?.has_filter() {
                return Err(ApiError::NOT_AVAILABLE);
            }
            let subject = channel_requests::read::<UserRequest>(body)?.subject()?;
            results::connections(&api.connections(&subject).await)
        }
        Method::BlockUser | Method::UnblockUser | Method::RevokeToken | Method::InvalidateUserTokens => {
            deny(api, method, body).await
        }
    }
}

async fn publish(api: Api<'_>, channel: ChannelName, publication: ServerPublication) -> ApiResult {
    results::published(api.publish(channel, publication).await?.as_ref())
}

/// Publishes to several channels. Each channel has its own result or error; an error does not stop the other publications.
async fn broadcast(api: Api<'_>, body: &RawValue) -> ApiResult {
    let read: channel_requests::Publish<'_> = channel_requests::read(body)?;
    let (channels, publication) = (read.channels()?, read.publication()?);
    if channels.is_empty() || channels.len() > MAX_BROADCAST {
        return Err(ApiError::BAD_REQUEST);
    }
    let one = |name: &String| {
        let (channel, publication) = (channel_requests::channel(Some(name)), publication.clone());
        async move { publish(api, channel?, publication).await }
    };
    let answers: Vec<_> =
        stream::iter(channels.iter().map(one)).buffered(PARALLEL_PUBLICATIONS).collect().await;
    results::broadcast(answers)
}

async fn channels(api: Api<'_>, body: &RawValue) -> ApiResult {
    let pattern = channel_requests::read::<channel_requests::Channels>(body)?
        .pattern
        .filter(|pattern| !pattern.is_empty());
    let matcher = match pattern {
        None => None,
        Some(pattern) if pattern.len() > MAX_PATTERN => return Err(ApiError::BAD_REQUEST),
        Some(pattern) => {
            let glob = GlobBuilder::new(&pattern).literal_separator(false).build();
            Some(glob.map_err(|_| ApiError::BAD_REQUEST)?.compile_matcher())
        }
    };
    let mut found = api.channels().await?;
    found.retain(|(name, _)| matcher.as_ref().is_none_or(|matcher| matcher.is_match(name.as_str())));
    results::channels(&found)
}

/// The methods about a user's connections. If no connection can match the selection, the result is 0 connections.
async fn for_connections(api: Api<'_>, method: Method, body: &RawValue) -> ApiResult {
    let of_stream = |secret: &_| api.connection_of_stream(secret);
    let selection = channel_requests::read::<UserRequest>(body)?.selection(of_stream)?;
    match method {
        Method::Subscribe => {
            let terms: SubscriptionTerms = channel_requests::read(body)?;
            let subscription =
                channel_requests::read::<connection_requests::Subscribe>(body)?.subscription(&terms)?;
            let Some(selection) = selection else { return results::done(RequestCounts::default()) };
            results::subscribed(api.subscribe(&selection, subscription).await?)
        }
        Method::Unsubscribe => {
            let channel = channel_requests::read::<ChannelRequest>(body)?.channel()?;
            let Some(selection) = selection else { return results::done(RequestCounts::default()) };
            results::done(api.unsubscribe(&selection, channel).await?)
        }
        Method::Refresh => {
            let read: connection_requests::Refresh<'_> = channel_requests::read(body)?;
            let (expires_at, info) = (read.expires_at()?, read.info()?);
            let Some(selection) = selection else { return results::done(RequestCounts::default()) };
            results::done(api.refresh(&selection, expires_at, info).await?)
        }
        _ => {
            let read: connection_requests::Disconnect = channel_requests::read(body)?;
            let (message, except) = (read.close_message()?, read.except()?);
            let Some(selection) = selection else { return results::severed(DisconnectCount::default()) };
            results::severed(api.disconnect(&ConnectionSelection { except, ..selection }, &message).await?)
        }
    }
}

/// The methods that block or unblock users, or revoke tokens.
async fn deny(api: Api<'_>, method: Method, body: &RawValue) -> ApiResult {
    let read: connection_requests::Denial = channel_requests::read(body)?;
    if method == Method::RevokeToken {
        return results::severed(api.revoke_token(read.token()?, read.expire_at()?).await?);
    }
    let subject = channel_requests::read::<UserRequest>(body)?.subject()?;
    match method {
        // The empty name would block all anonymous connections. Most likely the caller has forgotten the name.
        Method::BlockUser if subject.is_anonymous() => Err(ApiError::BAD_REQUEST),
        Method::BlockUser => results::severed(api.block_user(subject, read.expire_at()?).await?),
        Method::UnblockUser => {
            api.unblock_user(subject).await?;
            results::empty()
        }
        _ => {
            let (moment, channel) = (read.issued_before()?, read.channel()?);
            let done = api.invalidate_user_tokens(subject, moment, channel, read.expire_at()?).await?;
            results::severed(done)
        }
    }
}
