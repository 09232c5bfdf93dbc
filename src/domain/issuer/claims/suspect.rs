//! Names the wrong claim of a refused token, for the log of the operator. The decision to refuse the token does not depend on
//! this name.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Audience, Claims, START_LEEWAY, meta, name, payload};
use crate::issuer::{
    rules::Rules,
    token::Unverified,
    types::{TokenRefusal, Use},
};

/// The claims that this server reads. Other names from a token are never logged.
const NAMES: [&str; 16] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "expire_at",
    "info",
    "b64info",
    "meta",
    "channel",
    "client",
    "channels",
    "subs",
    "override",
];

impl Rules {
    /// The claim that caused the refusal of this token, if one can be named.
    #[must_use]
    pub fn suspect(
        &self,
        token: &Unverified<'_>,
        refused: TokenRefusal,
        wanted: Use,
        now: i64,
        longest: i64,
    ) -> Option<&'static str> {
        if refused == TokenRefusal::WrongUse {
            return Some("channel");
        }
        let claims: Claims = match serde_json::from_slice(token.claims()) {
            Ok(claims) => claims,
            Err(_) => return malformed(token.claims()),
        };
        match refused {
            TokenRefusal::NotYetValid => {
                let late = |at: Option<i64>| at.is_some_and(|at| at > now.saturating_add(START_LEEWAY));
                Some(if late(claims.nbf) { "nbf" } else { "iat" })
            }
            TokenRefusal::Expired => Some(if claims.exp.is_some_and(|end| end <= now) {
                "exp"
            } else if claims.iat.is_some_and(|issued| issued < now.saturating_sub(longest)) {
                "iat"
            } else {
                "expire_at"
            }),
            TokenRefusal::LivesTooLong => {
                let far = claims.exp.is_some_and(|end| end > now.saturating_add(longest));
                Some(if far { "exp" } else { "expire_at" })
            }
            TokenRefusal::WrongClaims => self.wrong(&claims, wanted),
            _ => None,
        }
    }

    fn wrong(&self, claims: &Claims, wanted: Use) -> Option<&'static str> {
        let issued = self.issuer.as_deref().is_none_or(|issuer| claims.iss.as_deref() == Some(issuer));
        let for_us = self.audience.as_deref().is_none_or(|audience| match &claims.aud {
            Some(Audience::One(one)) => one == audience,
            Some(Audience::Several(several)) => several.iter().any(|one| one == audience),
            None => false,
        });
        let channel = claims.channel.as_deref().unwrap_or_default();
        let bad_channel =
            wanted == Use::Subscription && protocol::channel_name::ChannelName::parse(channel).is_err();
        let info = payload(claims.info.as_deref(), claims.b64info.as_deref());
        let checks = [
            ("iss", !issued),
            ("aud", !for_us),
            ("sub", self.subject(&claims.sub).is_err()),
            ("jti", name(claims.jti.as_deref()).is_err()),
            ("channel", bad_channel),
            ("info", info.is_err()),
            ("meta", meta(claims.meta.as_deref()).is_err()),
            ("channels", wanted == Use::Connection && claims.subscriptions().is_err()),
        ];
        checks.into_iter().find(|(_, wrong)| *wrong).map(|(name, _)| name)
    }
}

/// The first claim that cannot be read.
fn malformed(claims: &[u8]) -> Option<&'static str> {
    let claims: BTreeMap<String, &RawValue> = serde_json::from_slice(claims).ok()?;
    NAMES.into_iter().find(|name| {
        claims.get(*name).is_some_and(|value| {
            let alone = format!("{{\"{name}\":{value}}}");
            serde_json::from_str::<Claims>(&alone).is_err()
        })
    })
}
