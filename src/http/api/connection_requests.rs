//! What the methods about connections, users and tokens take.
//!
//! A user is always named, if only as nobody: what is forgotten must not mean everybody.

use actors::runtime::Selection;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{
    Payload, Position,
    channel_name::ChannelName,
    close::{CloseReason, Goodbye},
    id::{ConnectionId, SessionId, Subject},
    subscription::ServerSubscription,
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::ApiError;
use crate::http::api::channel_requests::{Since, channel, payload};
use domain::tokens::subscription_terms::{SubscriptionTerms, or_default};

/// The longest name of a user, or id of a token, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// The most that is said of a connection, in bytes: as much as it could say itself in a frame.
const MAX_INFO_BYTES: usize = 65_536;
/// What the secret of an emulated stream is made of.
const STREAM_SECRET_BYTES: usize = 32;
/// The most connections that a `disconnect` may spare.
const MAX_WHITELIST: usize = 1_000;

/// Which connections: `{user, client?, session?}`.
#[derive(Deserialize)]
pub(super) struct OfUser {
    user: Option<String>,
    client: Option<String>,
    session: Option<String>,
}

impl OfUser {
    /// The user, who must be named, if only as nobody.
    pub(super) fn subject(&self) -> Result<Subject, ApiError> {
        subject(self.user.as_deref())
    }

    /// Which of the user's connections; `None` for one that cannot be. `session` is the id of a session, or the secret of one
    /// emulated stream, whose connection `of_stream` tells.
    ///
    /// # Errors
    /// 107 for a session that can be neither: an answer must not say that nothing was there.
    pub(super) fn selection(
        &self,
        of_stream: impl FnOnce(&SecretString) -> Option<ConnectionId>,
    ) -> Result<Option<Selection>, ApiError> {
        let whole = Selection::of(self.subject()?);
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let only = match named(&self.session) {
            None => Only::Any,
            Some(text) => Only::parse(text)?,
        };
        let Ok(connection) = named(&self.client).map(|id| id.parse::<ConnectionId>()).transpose() else {
            return Ok(None);
        };
        let whole = Selection { connection, ..whole };
        Ok(match only {
            Only::Any => Some(whole),
            Only::Session(session) => Some(Selection { session: Some(session), ..whole }),
            Only::Stream(secret) => of_stream(&secret)
                .filter(|found| connection.is_none_or(|only| only == *found))
                .map(|found| Selection { connection: Some(found), ..whole }),
        })
    }
}

/// What `session` names.
enum Only {
    Any,
    Session(SessionId),
    Stream(SecretString),
}

impl Only {
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

/// A moment in seconds since the epoch; nothing, or 0, is none. One before that is a mistake, and never no end.
fn moment(at: Option<i64>) -> Result<Option<i64>, ApiError> {
    match at {
        None | Some(0) => Ok(None),
        Some(at) if at < 0 => Err(ApiError::BAD_REQUEST),
        at => Ok(at),
    }
}

fn subject(user: Option<&str>) -> Result<Subject, ApiError> {
    user.and_then(named).ok_or(ApiError::BAD_REQUEST)
}

/// Whoever goes by this name in realtime; `None` if nobody can.
pub(in crate::http) fn named(name: &str) -> Option<Subject> {
    (name.len() <= MAX_NAME_BYTES && !name.contains('\0')).then(|| Subject::new(name))
}

/// What is said of connections beside their names goes with everything that they publish.
fn fits(info: Option<&Payload>) -> Result<(), ApiError> {
    let fits = info.is_none_or(|info| info.as_bytes().len() <= MAX_INFO_BYTES);
    if fits { Ok(()) } else { Err(ApiError::BAD_REQUEST) }
}

/// `subscribe`, besides [`OfUser`] and the [`SubscriptionTerms`].
#[derive(Deserialize)]
pub(super) struct Subscribe {
    channel: Option<String>,
    recover_since: Option<Since>,
}

impl Subscribe {
    pub(super) fn subscription(self, terms: &SubscriptionTerms) -> Result<ServerSubscription, ApiError> {
        let channel = channel(self.channel.as_deref())?;
        let subscription = terms.subscription(channel, self.recover_since.map(Position::from))?;
        fits(subscription.chan_info.as_ref())?;
        Ok(subscription)
    }
}

/// `disconnect`, besides [`OfUser`].
#[derive(Deserialize)]
pub(super) struct Disconnect {
    whitelist: Option<Vec<String>>,
    disconnect: Option<Words>,
}

#[derive(Deserialize)]
struct Words {
    #[serde(default, deserialize_with = "or_default")]
    code: u16,
    #[serde(default, deserialize_with = "or_default")]
    reason: String,
}

impl Disconnect {
    /// What the connections are told.
    pub(super) fn goodbye(&self) -> Result<Goodbye, ApiError> {
        match &self.disconnect {
            None => Ok(CloseReason::ForceDisconnect.into()),
            Some(Words { code: 0, reason }) if reason.is_empty() => Ok(CloseReason::ForceDisconnect.into()),
            Some(Words { code, reason }) => Goodbye::custom(*code, reason).ok_or(ApiError::BAD_REQUEST),
        }
    }

    /// Which connections stay. What is no id of a connection is none that there could be.
    pub(super) fn except(&self) -> Result<Vec<ConnectionId>, ApiError> {
        let listed = self.whitelist.as_deref().unwrap_or_default();
        if listed.len() > MAX_WHITELIST {
            return Err(ApiError::BAD_REQUEST);
        }
        Ok(listed.iter().filter_map(|id| id.parse().ok()).collect())
    }
}

/// `refresh`, besides [`OfUser`].
#[derive(Deserialize)]
pub(super) struct Refresh<'b> {
    expired: Option<bool>,
    expire_at: Option<i64>,
    #[serde(borrow)]
    info: Option<&'b RawValue>,
}

impl Refresh<'_> {
    /// Until when, in seconds since the epoch. A moment that is past ends the connections.
    pub(super) fn expires_at(&self) -> Result<Option<i64>, ApiError> {
        let end = moment(self.expire_at)?;
        Ok(if self.expired == Some(true) { Some(1) } else { end })
    }

    /// What others see of the connections from here on; nothing leaves that as it is.
    pub(super) fn info(&self) -> Result<Option<Payload>, ApiError> {
        let info = payload(self.info, None)?;
        fits(info.as_ref())?;
        Ok(info)
    }
}

/// `connections`, besides the user.
#[derive(Deserialize)]
pub(super) struct Connections<'b> {
    expression: Option<String>,
    #[serde(borrow)]
    label_filter: Option<&'b RawValue>,
}

impl Connections<'_> {
    /// Whether connections are to be chosen in ways that are not offered.
    pub(super) fn filters(&self) -> bool {
        self.label_filter.is_some() || self.expression.as_ref().is_some_and(|text| !text.is_empty())
    }
}

/// `block_user`, `revoke_token`, `invalidate_user_tokens`, besides the user.
#[derive(Deserialize)]
pub(super) struct Denial {
    uid: Option<String>,
    expire_at: Option<i64>,
    issued_before: Option<i64>,
    channel: Option<String>,
}

impl Denial {
    /// Until when; nothing, or 0, is for ever.
    pub(super) fn expire_at(&self) -> Result<Option<i64>, ApiError> {
        moment(self.expire_at)
    }

    pub(super) fn issued_before(&self) -> Result<Option<i64>, ApiError> {
        moment(self.issued_before)
    }

    pub(super) fn token(&self) -> Result<&str, ApiError> {
        let id = self.uid.as_deref();
        id.filter(|id| (1..=MAX_NAME_BYTES).contains(&id.len()) && !id.contains('\0'))
            .ok_or(ApiError::BAD_REQUEST)
    }

    pub(super) fn channel(&self) -> Result<Option<ChannelName>, ApiError> {
        let name = self.channel.as_deref().filter(|name| !name.is_empty());
        name.map(|name| Ok(ChannelName::parse(name)?)).transpose()
    }
}
