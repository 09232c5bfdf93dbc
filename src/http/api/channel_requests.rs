//! The parameters of the methods about channels, in Centrifugo's form, converted to the types of the service.
//!
//! Unknown fields are ignored, as in Centrifugo. Payloads stay as the client sent them.

use std::collections::BTreeMap;

use actors::runtime::ServerPublication;
use domain::tokens::subscription_terms::{self, or_default};
use logic::version::Version;
use protocol::{HistoryRequest, Payload, Position, channel_name::ChannelName};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::error::ApiError;

/// The largest number of tags of a publication.
const MAX_TAGS: usize = 32;
/// The longest name or value of a tag, in bytes.
const MAX_TAG_BYTES: usize = 255;
/// The longest idempotency key, or epoch of versions, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// Reads the parameters of a method.
///
/// # Errors
/// 107 if the body is not an object of the expected form.
pub(super) fn read<'b, T: Deserialize<'b>>(body: &'b RawValue) -> Result<T, ApiError> {
    if !body.get().trim_start().starts_with('{') {
        return Err(ApiError::BAD_REQUEST);
    }
    serde_json::from_str(body.get()).map_err(|_| ApiError::BAD_REQUEST)
}

/// Reads data to publish. `null` is data; a missing field is not.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(field).map(Some)
}

/// Reads the name of a channel.
///
/// # Errors
/// 107 for a missing name, or the error of a name that is not valid.
pub(super) fn channel(name: Option<&str>) -> Result<ChannelName, ApiError> {
    Ok(ChannelName::parse(name.ok_or(ApiError::BAD_REQUEST)?)?)
}

/// Reads a payload that is given as JSON or in base64.
pub(super) fn payload(json: Option<&RawValue>, base64: Option<&str>) -> Result<Option<Payload>, ApiError> {
    Ok(subscription_terms::payload(json, base64)?)
}

/// `{channel, …}`.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiChannelRequest)]
pub(in crate::http) struct ChannelRequest {
    #[schema(value_type = String)]
    channel: Option<String>,
}

impl ChannelRequest {
    pub(super) fn channel(&self) -> Result<ChannelName, ApiError> {
        channel(self.channel.as_deref())
    }
}

/// `publish` and `broadcast`.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiPublish)]
pub(in crate::http) struct Publish<'b> {
    channel: Option<String>,
    channels: Option<Vec<String>>,
    #[serde(borrow, default, deserialize_with = "present")]
    #[schema(value_type = Option<serde_json::Value>)]
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
        // PostgreSQL cannot store NUL in a text.
        let sane = key.as_ref().is_none_or(|key| key.len() <= MAX_KEY_BYTES && !key.contains('\0'))
            && tags.iter().all(|(name, value)| !name.contains('\0') && !value.contains('\0'));
        if !fits || !sane {
            return Err(ApiError::BAD_REQUEST);
        }
        let skip_history = self.skip_history.unwrap_or(false);
        let version = self.version()?;
        Ok(ServerPublication { data, tags, skip_history, idempotency_key: key, version })
    }

    /// The version. The number 0 means that there is no version. A version that does not fit into the database is an error.
    fn version(&self) -> Result<Option<Version>, ApiError> {
        let Some(number) = self.version.filter(|number| *number > 0) else { return Ok(None) };
        let epoch = self.version_epoch.clone().unwrap_or_default();
        let fits = i64::try_from(number).is_ok() && epoch.len() <= MAX_KEY_BYTES && !epoch.contains('\0');
        if fits { Ok(Some(Version { number, epoch })) } else { Err(ApiError::BAD_REQUEST) }
    }
}

/// A position in the history of a channel.
#[derive(Clone, Deserialize, ToSchema)]
#[schema(as = ApiSince)]
pub(in crate::http) struct Since {
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
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiHistoryRequest)]
pub(in crate::http) struct History {
    #[schema(value_type = String)]
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
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiChannelsRequest)]
pub(in crate::http) struct Channels {
    pub(super) pattern: Option<String>,
}
