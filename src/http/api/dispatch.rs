//! One method: its parameters read, the service asked, the answer encoded.

use actors::runtime::{Done, Selection, ServerPublication};
use futures_util::{StreamExt as _, stream};
use globset::GlobBuilder;
use protocol::channel_name::ChannelName;
use serde_json::value::RawValue;

use super::{error::ApiError, method::Method};
use crate::http::api::{
    channel_requests::{self as request, OfChannel},
    connection_requests::{self as whom, OfUser},
    results::{self as answer, Answered},
};
use domain::tokens::subscription_terms::SubscriptionTerms;
use service::{Api, DisconnectCount};

/// The most channels of one broadcast, and how many of them are published to at once.
const MAX_BROADCAST: usize = 1_000;
const BROADCAST_AT_ONCE: usize = 32;
/// The longest pattern of channels, in bytes.
const MAX_PATTERN: usize = 255;

/// Carries a method out.
pub(super) async fn call(api: Api<'_>, method: Method, body: &RawValue) -> Answered {
    match method {
        Method::Publish => {
            let read: request::Publish<'_> = request::read(body)?;
            publish(api, read.channel()?, read.publication()?).await
        }
        Method::Broadcast => broadcast(api, body).await,
        Method::Presence => {
            answer::presence(&api.presence(request::read::<OfChannel>(body)?.channel()?).await?)
        }
        Method::PresenceStats => {
            answer::presence_stats(api.presence_stats(request::read::<OfChannel>(body)?.channel()?).await?)
        }
        Method::History => {
            let (channel, wanted) = request::read::<request::History>(body)?.request()?;
            answer::history(&api.history(channel, wanted).await?)
        }
        Method::HistoryRemove => {
            api.history_remove(request::read::<OfChannel>(body)?.channel()?).await?;
            answer::empty()
        }
        Method::Channels => channels(api, body).await,
        Method::Info => answer::info(&api.info().await?),
        Method::Subscribe | Method::Unsubscribe | Method::Disconnect | Method::Refresh => {
            ask(api, method, body).await
        }
        Method::Connections => {
            if request::read::<whom::Connections<'_>>(body)?.filters() {
                return Err(ApiError::NOT_AVAILABLE);
            }
            let subject = request::read::<OfUser>(body)?.subject()?;
            answer::connections(&api.connections(&subject).await)
        }
        Method::BlockUser | Method::UnblockUser | Method::RevokeToken | Method::InvalidateUserTokens => {
            deny(api, method, body).await
        }
    }
}

async fn publish(api: Api<'_>, channel: ChannelName, publication: ServerPublication) -> Answered {
    answer::published(api.publish(channel, publication).await?.as_ref())
}

/// One channel's failure is told in its place, and keeps no other from being published to.
async fn broadcast(api: Api<'_>, body: &RawValue) -> Answered {
    let read: request::Publish<'_> = request::read(body)?;
    let (channels, publication) = (read.channels()?, read.publication()?);
    if channels.is_empty() || channels.len() > MAX_BROADCAST {
        return Err(ApiError::BAD_REQUEST);
    }
    let one = |name: &String| {
        let (channel, publication) = (request::channel(Some(name)), publication.clone());
        async move { publish(api, channel?, publication).await }
    };
    let answers: Vec<_> = stream::iter(channels.iter().map(one)).buffered(BROADCAST_AT_ONCE).collect().await;
    answer::broadcast(answers)
}

async fn channels(api: Api<'_>, body: &RawValue) -> Answered {
    let pattern = request::read::<request::Channels>(body)?.pattern.filter(|pattern| !pattern.is_empty());
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
    answer::channels(&found)
}

/// What is asked of a user's connections. One that cannot be is none, and has done nothing.
async fn ask(api: Api<'_>, method: Method, body: &RawValue) -> Answered {
    let of_stream = |secret: &_| api.connection_of_stream(secret);
    let selection = request::read::<OfUser>(body)?.selection(of_stream)?;
    match method {
        Method::Subscribe => {
            let terms: SubscriptionTerms = request::read(body)?;
            let subscription = request::read::<whom::Subscribe>(body)?.subscription(&terms)?;
            let Some(selection) = selection else { return answer::done(Done::default()) };
            answer::subscribed(api.subscribe(&selection, subscription).await?)
        }
        Method::Unsubscribe => {
            let channel = request::read::<OfChannel>(body)?.channel()?;
            let Some(selection) = selection else { return answer::done(Done::default()) };
            answer::done(api.unsubscribe(&selection, channel).await?)
        }
        Method::Refresh => {
            let read: whom::Refresh<'_> = request::read(body)?;
            let (expires_at, info) = (read.expires_at()?, read.info()?);
            let Some(selection) = selection else { return answer::done(Done::default()) };
            answer::done(api.refresh(&selection, expires_at, info).await?)
        }
        _ => {
            let read: whom::Disconnect = request::read(body)?;
            let (goodbye, except) = (read.goodbye()?, read.except()?);
            let Some(selection) = selection else { return answer::severed(DisconnectCount::default()) };
            answer::severed(api.disconnect(&Selection { except, ..selection }, &goodbye).await?)
        }
    }
}

async fn deny(api: Api<'_>, method: Method, body: &RawValue) -> Answered {
    let read: whom::Denial = request::read(body)?;
    if method == Method::RevokeToken {
        return answer::severed(api.revoke_token(read.token()?, read.expire_at()?).await?);
    }
    let subject = request::read::<OfUser>(body)?.subject()?;
    match method {
        Method::BlockUser => answer::severed(api.block_user(subject, read.expire_at()?).await?),
        Method::UnblockUser => {
            api.unblock_user(subject).await?;
            answer::empty()
        }
        _ => {
            let (moment, channel) = (read.issued_before()?, read.channel()?);
            let done = api.invalidate_user_tokens(subject, moment, channel, read.expire_at()?).await?;
            answer::severed(done)
        }
    }
}
