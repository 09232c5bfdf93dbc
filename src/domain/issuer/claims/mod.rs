//! The rights that a token of an external issuer grants, after its signature was verified.
//!
//! The claims are those of Centrifugo: `sub`, `exp`, `nbf`, `iat`, `jti`, `aud`, `iss`, `expire_at`, `info` and `b64info`. A
//! token for a connection also has `meta`, `channels` and `subs`, and a token for a subscription has `channel`, `client` and
//! `override`.

mod suspect;
mod values;

use std::{collections::BTreeMap, sync::Arc};

use protocol::{
    Payload,
    channel_name::ChannelName,
    id::Subject,
    subscription::{Overrides, ServerSubscription},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use values::{meta, name};

use super::{
    rules::Rules,
    token::Unverified,
    types::{TokenRefusal, Use},
};
use crate::tokens::subscription_terms::{
    MalformedPayload, SubscriptionTerms, Switches, moment, or_default, payload,
};

/// How far in the future `nbf` and `iat` may be, because clocks differ.
const START_LEEWAY: i64 = 60;
/// Maximum number of subscriptions in one token.
const MAX_SUBSCRIPTIONS: usize = 128;

/// The identity, data and subscriptions that a token gives to a connection, and when the connection expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideConnection {
    /// The issuer's name in the settings.
    pub issuer: Arc<str>,
    /// The user, with the issuer's prefix; empty for an anonymous connection.
    pub subject: Subject,
    /// `jti`.
    pub token_id: Option<String>,
    /// `iat`, seconds since the epoch.
    pub issued_at: Option<i64>,
    /// When the connection must present a newer token, seconds since the epoch; `None` for never.
    pub expires_at: Option<i64>,
    /// The connection info that members of channels see.
    pub info: Option<Payload>,
    /// Data about the connection that only the server API returns.
    pub meta: Option<Arc<Payload>>,
    /// The server-side subscriptions of the connection.
    pub subscriptions: Vec<ServerSubscription>,
}

/// The subscription that a token permits, and when the subscription expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideSubscription {
    /// The issuer's name in the settings.
    pub issuer: Arc<str>,
    /// The user of the subscription, with the issuer's prefix.
    pub subject: Subject,
    /// `jti`.
    pub token_id: Option<String>,
    /// `iat`, seconds since the epoch.
    pub issued_at: Option<i64>,
    /// The channel.
    pub channel: ChannelName,
    /// The only connection that may use the token, if the token names a connection.
    pub client: Option<String>,
    /// When the subscription must present a newer token, seconds since the epoch; `None` for never.
    pub expires_at: Option<i64>,
    /// The channel info that members of the channel see.
    pub info: Option<Payload>,
    /// The options that differ from the settings of the namespace.
    pub overrides: Overrides,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "or_default")]
    sub: String,
    iss: Option<String>,
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "moment")]
    exp: Option<i64>,
    #[serde(default, deserialize_with = "moment")]
    nbf: Option<i64>,
    #[serde(default, deserialize_with = "moment")]
    iat: Option<i64>,
    jti: Option<String>,
    /// When the connection or subscription expires. Without this claim, the connection or subscription expires with the token.
    /// 0 means never.
    #[serde(default, deserialize_with = "moment")]
    expire_at: Option<i64>,
    info: Option<Box<RawValue>>,
    b64info: Option<String>,
    meta: Option<Box<RawValue>>,
    channel: Option<String>,
    client: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    channels: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    subs: BTreeMap<String, Option<SubscriptionTerms>>,
    #[serde(default, rename = "override", deserialize_with = "or_default")]
    switches: Switches,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl From<MalformedPayload> for TokenRefusal {
    fn from(_: MalformedPayload) -> Self {
        Self::WrongClaims
    }
}

impl Rules {
    /// The rights that a connection's token grants at `now` (seconds since the epoch). The calling code has verified that this
    /// issuer signed the token. `longest` is the longest permitted life of a token, in seconds.
    ///
    /// # Errors
    /// The first problem. Time is checked last, so [`TokenRefusal::Expired`] means that the token is otherwise good.
    pub fn connection(
        &self,
        token: &Unverified<'_>,
        now: i64,
        longest: i64,
    ) -> Result<OutsideConnection, TokenRefusal> {
        let claims = self.claims(token, Use::Connection)?;
        if claims.channel.is_some() {
            return Err(TokenRefusal::WrongUse);
        }
        let granted = OutsideConnection {
            issuer: Arc::clone(&self.name),
            subject: self.subject(&claims.sub)?,
            token_id: name(claims.jti.as_deref())?,
            issued_at: claims.iat,
            expires_at: claims.end(),
            info: payload(claims.info.as_deref(), claims.b64info.as_deref())?,
            meta: meta(claims.meta.as_deref())?,
            subscriptions: claims.subscriptions()?,
        };
        claims.in_date(now, longest)?;
        Ok(granted)
    }

    /// What a subscription's token grants. The arguments, and what the calling code has verified, are as for
    /// [`Self::connection`].
    ///
    /// # Errors
    /// As for [`Self::connection`].
    pub fn subscription(
        &self,
        token: &Unverified<'_>,
        now: i64,
        longest: i64,
    ) -> Result<OutsideSubscription, TokenRefusal> {
        let claims = self.claims(token, Use::Subscription)?;
        let channel = claims.channel.as_deref().filter(|channel| !channel.is_empty());
        let channel = channel.ok_or(TokenRefusal::WrongUse)?;
        let granted = OutsideSubscription {
            issuer: Arc::clone(&self.name),
            subject: self.subject(&claims.sub)?,
            token_id: name(claims.jti.as_deref())?,
            issued_at: claims.iat,
            channel: ChannelName::parse(channel).map_err(|_| TokenRefusal::WrongClaims)?,
            client: claims.client.clone().filter(|client| !client.is_empty()),
            expires_at: claims.end(),
            info: payload(claims.info.as_deref(), claims.b64info.as_deref())?,
            overrides: claims.switches.overrides(),
        };
        claims.in_date(now, longest)?;
        Ok(granted)
    }

    fn claims(&self, token: &Unverified<'_>, wanted: Use) -> Result<Claims, TokenRefusal> {
        if !self.may_have_signed(token, wanted) {
            return Err(TokenRefusal::Unsigned);
        }
        let claims: Claims = serde_json::from_slice(token.claims()).map_err(|_| TokenRefusal::WrongClaims)?;
        let issued_by = self.issuer.as_deref().is_none_or(|issuer| claims.iss.as_deref() == Some(issuer));
        let for_us = self.audience.as_deref().is_none_or(|audience| match &claims.aud {
            Some(Audience::One(one)) => one == audience,
            Some(Audience::Several(several)) => several.iter().any(|one| one == audience),
            None => false,
        });
        if issued_by && for_us { Ok(claims) } else { Err(TokenRefusal::WrongClaims) }
    }

    /// The issuer's user, with the prefix of the issuer. An anonymous user gets no prefix.
    fn subject(&self, sub: &str) -> Result<Subject, TokenRefusal> {
        if sub.is_empty() {
            return Ok(Subject::anonymous());
        }
        let subject = format!("{}{sub}", self.user_prefix);
        if self.foreign_prefixes.iter().any(|prefix| subject.starts_with(prefix.as_str())) {
            return Err(TokenRefusal::WrongClaims);
        }
        Ok(Subject::new(&name(Some(&subject))?.unwrap_or_default()))
    }
}

impl Claims {
    /// Checks the times of the token. Denials of tokens last no longer than `longest`. A token that may be valid for longer
    /// would be accepted again after its denial has ended. That is why the limit applies both to `exp` and to `expire_at`, even
    /// if the other claim ends the connection. A token has no limit only if `exp` and `iat` are both missing and `expire_at` is
    /// missing or 0; `docs/issuers.md` warns about such tokens.
    fn in_date(&self, now: i64, longest: i64) -> Result<(), TokenRefusal> {
        let latest = now.saturating_add(START_LEEWAY);
        if [self.nbf, self.iat].into_iter().flatten().any(|start| start > latest) {
            return Err(TokenRefusal::NotYetValid);
        }
        let ends = || [self.exp, self.expire_at.filter(|at| *at != 0)].into_iter().flatten();
        let oldest = now.saturating_sub(longest);
        if ends().any(|end| end <= now) || self.iat.is_some_and(|issued| issued < oldest) {
            return Err(TokenRefusal::Expired);
        }
        let farthest = now.saturating_add(longest);
        if ends().any(|end| end > farthest) { Err(TokenRefusal::LivesTooLong) } else { Ok(()) }
    }

    /// When the connection or subscription of this token expires; `None` for never.
    fn end(&self) -> Option<i64> {
        match self.expire_at {
            Some(0) => None,
            Some(at) => Some(at),
            None => self.exp,
        }
    }

    fn subscriptions(&self) -> Result<Vec<ServerSubscription>, TokenRefusal> {
        let plain = SubscriptionTerms::default();
        let alone = self.channels.iter().filter(|channel| !self.subs.contains_key(*channel));
        let alone = alone.map(|channel| (channel, &plain));
        let with_terms = self.subs.iter().map(|(channel, terms)| (channel, terms.as_ref().unwrap_or(&plain)));
        let mut made = Vec::new();
        for (channel, terms) in with_terms.chain(alone) {
            let channel = ChannelName::parse(channel).map_err(|_| TokenRefusal::WrongClaims)?;
            made.push(terms.subscription(channel, None)?);
        }
        if made.len() > MAX_SUBSCRIPTIONS { Err(TokenRefusal::WrongClaims) } else { Ok(made) }
    }
}
