//! The parameters of the methods about connections, users and tokens.
//!
//! Except for `revoke_token`, the user is required, because a forgotten field must not select all users. The empty name means
//! the anonymous user.

use actors::runtime::ConnectionSelection;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::tokens::subscription_terms::{SubscriptionTerms, or_default};
use protocol::{
    Payload, Position,
    channel_name::ChannelName,
    close::{CloseMessage, CloseReason},
    id::{ConnectionId, SessionId, Subject},
    subscription::ServerSubscription,
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{
    channel_requests::{Since, channel, payload},
    error::ApiError,
};
use crate::http::extractors::subject::subject;

/// The longest id of a token, in bytes.
const MAX_TOKEN_ID_BYTES: usize = 255;
/// The largest info about a connection, in bytes: as much as a client can send in a frame.
const MAX_INFO_BYTES: usize = 65_536;
/// The length of the secret of an emulated stream, in bytes.
const STREAM_SECRET_BYTES: usize = 32;
/// The largest number of connections in `whitelist`. A `disconnect` keeps these connections open.
const MAX_WHITELIST: usize = 1_000;

/// A user, and optionally some of its connections: `{user, client?, session?}`.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiUserRequest)]
pub(in crate::http) struct UserRequest {
    #[schema(value_type = String)]
    user: Option<String>,
    client: Option<String>,
    session: Option<String>,
}

impl UserRequest {
    /// The user.
    ///
    /// # Errors
    /// 107 for a missing name, and for a name that cannot exist.
    pub(super) fn subject(&self) -> Result<Subject, ApiError> {
        self.user.as_deref().and_then(subject).ok_or(ApiError::BAD_REQUEST)
    }

    /// The selected connections of the user. `session` is the id of a session, or the secret of an emulated stream; `of_stream`
    /// looks up the connection of this stream. `None` if `client` is not a possible id of a connection, if the stream does not
    /// exist, or if the stream's connection is not `client`.
    ///
    /// # Errors
    /// 107 for a missing or impossible user, or if `session` is neither an id nor a secret. The answer "0 connections" would
    /// hide the mistake.
    pub(super) fn selection(
        &self,
        of_stream: impl FnOnce(&SecretString) -> Option<ConnectionId>,
    ) -> Result<Option<ConnectionSelection>, ApiError> {
        let selection = ConnectionSelection::of(self.subject()?);
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let selector = match given(&self.session) {
            None => SessionSelector::Any,
            Some(text) => SessionSelector::parse(text)?,
        };
        let Ok(connection) = given(&self.client).map(|id| id.parse::<ConnectionId>()).transpose() else {
            return Ok(None);
        };
        let selection = ConnectionSelection { connection, ..selection };
        Ok(match selector {
            SessionSelector::Any => Some(selection),
            SessionSelector::Session(session) => {
                Some(ConnectionSelection { session: Some(session), ..selection })
            }
            SessionSelector::Stream(secret) => of_stream(&secret)
                .filter(|found| connection.is_none_or(|only| only == *found))
                .map(|found| ConnectionSelection { connection: Some(found), ..selection }),
        })
    }
}

/// The value of `session`.
enum SessionSelector {
    Any,
    Session(SessionId),
    Stream(SecretString),
}

impl SessionSelector {
    fn parse(text: String) -> Result<Self, ApiError> {
        let is_secret =
            || URL_SAFE_NO_PAD.decode(&text).is_ok_and(|secret| secret.len() == STREAM_SECRET_BYTES);
        match text.parse() {
            Ok(session) => Ok(Self::Session(session)),
            Err(_) if is_secret() => Ok(Self::Stream(text.into())),
            Err(_) => Err(ApiError::BAD_REQUEST),
        }
    }
}

/// A moment in seconds since 1970. 0 means that no moment is given. A negative number is an error.
fn moment(at: Option<i64>) -> Result<Option<i64>, ApiError> {
    match at {
        None | Some(0) => Ok(None),
        Some(at) if at < 0 => Err(ApiError::BAD_REQUEST),
        at => Ok(at),
    }
}

/// Limits the info about a connection, because it is sent with every publication of the connection.
fn check_info(info: Option<&Payload>) -> Result<(), ApiError> {
    let fits = info.is_none_or(|info| info.as_bytes().len() <= MAX_INFO_BYTES);
    if fits { Ok(()) } else { Err(ApiError::BAD_REQUEST) }
}

/// The parameters of `subscribe`, beside the user and the terms.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiSubscribe)]
pub(in crate::http) struct Subscribe {
    #[schema(value_type = String)]
    channel: Option<String>,
    recover_since: Option<Since>,
}

impl Subscribe {
    pub(super) fn subscription(self, terms: &SubscriptionTerms) -> Result<ServerSubscription, ApiError> {
        let channel = channel(self.channel.as_deref())?;
        let subscription = terms.subscription(channel, self.recover_since.map(Position::from))?;
        check_info(subscription.chan_info.as_ref())?;
        Ok(subscription)
    }
}

/// The parameters of `disconnect`, beside the user.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiDisconnect)]
pub(in crate::http) struct Disconnect {
    whitelist: Option<Vec<String>>,
    disconnect: Option<CustomClose>,
}

/// The code and the reason of the close frame.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiCustomClose)]
pub(in crate::http) struct CustomClose {
    #[serde(default, deserialize_with = "or_default")]
    code: u16,
    #[serde(default, deserialize_with = "or_default")]
    reason: String,
}

impl Disconnect {
    /// The code and the reason for the close of the connections.
    ///
    /// # Errors
    /// 107 for a code or reason that is not allowed.
    pub(super) fn close_message(&self) -> Result<CloseMessage, ApiError> {
        match &self.disconnect {
            None => Ok(CloseReason::ForceDisconnect.into()),
            Some(CustomClose { code: 0, reason }) if reason.is_empty() => {
                Ok(CloseReason::ForceDisconnect.into())
            }
            Some(CustomClose { code, reason }) => {
                CloseMessage::custom(*code, reason).ok_or(ApiError::BAD_REQUEST)
            }
        }
    }

    /// The connections that stay open. A text that is not an id of a connection is ignored.
    pub(super) fn except(&self) -> Result<Vec<ConnectionId>, ApiError> {
        let listed = self.whitelist.as_deref().unwrap_or_default();
        if listed.len() > MAX_WHITELIST {
            return Err(ApiError::BAD_REQUEST);
        }
        Ok(listed.iter().filter_map(|id| id.parse().ok()).collect())
    }
}

/// The parameters of `refresh`, beside the user.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiRefresh)]
pub(in crate::http) struct Refresh<'b> {
    expired: Option<bool>,
    expire_at: Option<i64>,
    #[serde(borrow)]
    #[schema(value_type = Option<serde_json::Value>)]
    info: Option<&'b RawValue>,
}

impl Refresh<'_> {
    /// When the connections expire, in seconds since 1970. A moment in the past means that they have expired.
    pub(super) fn expires_at(&self) -> Result<Option<i64>, ApiError> {
        let end = moment(self.expire_at)?;
        Ok(if self.expired == Some(true) { Some(1) } else { end })
    }

    /// The new connection info that other clients see. `None` means no change.
    pub(super) fn info(&self) -> Result<Option<Payload>, ApiError> {
        let info = payload(self.info, None)?;
        check_info(info.as_ref())?;
        Ok(info)
    }
}

/// The parameters of `connections` besides the user.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiConnectionsRequest)]
pub(in crate::http) struct Connections<'b> {
    expression: Option<String>,
    #[serde(borrow)]
    #[schema(value_type = Option<serde_json::Value>)]
    label_filter: Option<&'b RawValue>,
}

impl Connections<'_> {
    /// Whether the request uses a filter that this server does not have.
    pub(super) fn has_filter(&self) -> bool {
        self.label_filter.is_some() || self.expression.as_ref().is_some_and(|text| !text.is_empty())
    }
}

/// The parameters of `block_user`, `revoke_token` and `invalidate_user_tokens` besides the user.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiDenial)]
pub(in crate::http) struct Denial {
    uid: Option<String>,
    expire_at: Option<i64>,
    issued_before: Option<i64>,
    channel: Option<String>,
}

impl Denial {
    /// When the denial ends, in seconds since 1970. With `None`, a block lasts until it is lifted, and a denial of tokens until
    /// all denied tokens have expired.
    pub(super) fn expire_at(&self) -> Result<Option<i64>, ApiError> {
        moment(self.expire_at)
    }

    pub(super) fn issued_before(&self) -> Result<Option<i64>, ApiError> {
        moment(self.issued_before)
    }

    pub(super) fn token(&self) -> Result<&str, ApiError> {
        let id = self.uid.as_deref();
        id.filter(|id| (1..=MAX_TOKEN_ID_BYTES).contains(&id.len()) && !id.contains('\0'))
            .ok_or(ApiError::BAD_REQUEST)
    }

    pub(super) fn channel(&self) -> Result<Option<ChannelName>, ApiError> {
        let name = self.channel.as_deref().filter(|name| !name.is_empty());
        name.map(|name| Ok(ChannelName::parse(name)?)).transpose()
    }
}
