//! What the methods about channels take: the shapes of the original, read into what the service asks for.
//!
//! Fields that are not known are passed over, as the original does; payloads are kept as they came.

use std::collections::BTreeMap;

use actors::runtime::ServerPublication;
use logic::version::Version;
use protocol::{HistoryRequest, Payload, Position, channel_name::ChannelName};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::ApiError;
use domain::tokens::subscription_terms::{self, or_default};

/// The most tags of one publication, and the longest name or value, in bytes.
const MAX_TAGS: usize = 32;
const MAX_TAG_BYTES: usize = 255;
/// The longest idempotency key, or epoch of versions, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// Reads a method's parameters.
pub(super) fn read<'b, T: Deserialize<'b>>(body: &'b RawValue) -> Result<T, ApiError> {
    if !body.get().trim_start().starts_with('{') {
        return Err(ApiError::BAD_REQUEST);
    }
    serde_json::from_str(body.get()).map_err(|_| ApiError::BAD_REQUEST)
}

/// What is published, which may be `null`: that is a value like any other.
fn there<'de, D: Deserializer<'de>>(field: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(field).map(Some)
}

/// A channel's name.
pub(super) fn channel(name: Option<&str>) -> Result<ChannelName, ApiError> {
    Ok(ChannelName::parse(name.ok_or(ApiError::BAD_REQUEST)?)?)
}

pub(super) fn payload(json: Option<&RawValue>, base64: Option<&str>) -> Result<Option<Payload>, ApiError> {
    Ok(subscription_terms::payload(json, base64)?)
}

/// `{channel, …}`.
#[derive(Deserialize)]
pub(super) struct OfChannel {
    channel: Option<String>,
}

impl OfChannel {
    pub(super) fn channel(&self) -> Result<ChannelName, ApiError> {
        channel(self.channel.as_deref())
    }
}

/// `publish`, and what `broadcast` has besides its channels.
#[derive(Deserialize)]
pub(super) struct Publish<'b> {
    channel: Option<String>,
    channels: Option<Vec<String>>,
    #[serde(borrow, default, deserialize_with = "there")]
    data: Option<&'b RawValue>,
    b64data: Option<String>,
    skip_history: Option<bool>,
    tags: Option<BTreeMap<String, String>>,
    idempotency_key: Option<String>,
    version: Option<u64>,
    version_epoch: Option<String>,
}

impl Publish<'_> {
    pub(super) fn channel(&self) -> Result<ChannelName, ApiError> {
        channel(self.channel.as_deref())
    }

    pub(super) fn channels(&self) -> Result<&[String], ApiError> {
        self.channels.as_deref().ok_or(ApiError::BAD_REQUEST)
    }

    pub(super) fn publication(&self) -> Result<ServerPublication, ApiError> {
        let data = payload(self.data, self.b64data.as_deref())?.ok_or(ApiError::BAD_REQUEST)?;
        let tags: Vec<_> =
            self.tags.iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
        let fits = tags.len() <= MAX_TAGS
            && tags.iter().all(|(name, value)| name.len() <= MAX_TAG_BYTES && value.len() <= MAX_TAG_BYTES);
        let key = self.idempotency_key.clone().filter(|key| !key.is_empty());
        // A database cannot hold NUL.
        let sane = key.as_ref().is_none_or(|key| key.len() <= MAX_KEY_BYTES && !key.contains('\0'))
            && tags.iter().all(|(name, value)| !name.contains('\0') && !value.contains('\0'));
        if !fits || !sane {
            return Err(ApiError::BAD_REQUEST);
        }
        let skip_history = self.skip_history.unwrap_or(false);
        let version = self.version()?;
        Ok(ServerPublication { data, tags, skip_history, idempotency_key: key, version })
    }

    /// The version; 0 is none. One that no database could hold is a mistake.
    fn version(&self) -> Result<Option<Version>, ApiError> {
        let Some(number) = self.version.filter(|number| *number > 0) else { return Ok(None) };
        let epoch = self.version_epoch.clone().unwrap_or_default();
        let fits = i64::try_from(number).is_ok() && epoch.len() <= MAX_KEY_BYTES && !epoch.contains('\0');
        if fits { Ok(Some(Version { number, epoch })) } else { Err(ApiError::BAD_REQUEST) }
    }
}

/// A position.
#[derive(Clone, Deserialize)]
pub(super) struct Since {
    #[serde(default, deserialize_with = "or_default")]
    offset: u64,
    #[serde(default, deserialize_with = "or_default")]
    epoch: String,
}

impl From<Since> for Position {
    fn from(since: Since) -> Self {
        Self { offset: since.offset, epoch: since.epoch }
    }
}

/// `history`.
#[derive(Deserialize)]
pub(super) struct History {
    channel: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    limit: i32,
    since: Option<Since>,
    #[serde(default, deserialize_with = "or_default")]
    reverse: bool,
}

impl History {
    pub(super) fn request(self) -> Result<(ChannelName, HistoryRequest), ApiError> {
        let channel = channel(self.channel.as_deref())?;
        let request = HistoryRequest {
            channel: channel.as_str().to_owned(),
            limit: self.limit,
            since: self.since.map(Position::from),
            reverse: self.reverse,
        };
        Ok((channel, request))
    }
}

/// `channels`.
#[derive(Deserialize)]
pub(super) struct Channels {
    pub(super) pattern: Option<String>,
}
