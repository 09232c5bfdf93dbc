//! Tokens of external issuers: which issuer signed a token, and what the token grants.
//!
//! The sockets' admission asks here for every token that is not our own. A token is checked in full with each issuer that may
//! have signed it, in the order of the settings. If no issuer has signed the token, but the keys of a possible issuer cannot be
//! fetched, the answer is `Unavailable`, because the token cannot be judged.

use std::{sync::Arc, time::Duration};

use domain::issuer::{
    IssuerSettings, KeySet, KeySource, OutsideConnection, OutsideSubscription, Rules, TokenRefusal,
    Unverified, Use, token,
};
use time::OffsetDateTime;
use tokio::runtime::Handle;

use super::{
    published_keys::{NoKeys, PublishedKeys},
    refusal::Refusal,
    refused_tokens::RefusedTokens,
};
use crate::core::clock::Clock;

/// The longest life of a token of our own, with the leeway of clocks.
const OWN_LONGEST: Duration = Duration::from_secs(65 * 60);

/// Verifies the tokens of every configured external issuer.
pub struct Issuers {
    issuers: Vec<Issuer>,
    /// The longest life of a token of an external issuer.
    longest: Duration,
    /// `iss` of our own tokens.
    own: String,
    clock: Clock,
    refused: RefusedTokens,
}

/// The name of the issuer in logs and metrics if no configured issuer can have signed the token.
const NO_ISSUER: &str = "(none)";

struct Issuer {
    rules: Rules,
    keys: Keys,
}

enum Keys {
    Given(Arc<KeySet>),
    Published(PublishedKeys),
}

impl Issuers {
    /// `longest` is the longest life of their tokens, and `own` the `iss` of our own tokens. Published keys are fetched on
    /// `runtime`, when they are first needed.
    pub(crate) fn new(
        settings: Vec<IssuerSettings>,
        longest: Duration,
        own: &str,
        clock: Clock,
        runtime: &Handle,
    ) -> Self {
        let issuer = |IssuerSettings { rules, keys }| Issuer {
            keys: match keys {
                KeySource::Given(keys) => Keys::Given(keys),
                KeySource::Url { url, authorities } => {
                    Keys::Published(PublishedKeys::new(url, authorities, clock.clone(), runtime.clone()))
                }
            },
            rules,
        };
        Self {
            issuers: settings.into_iter().map(issuer).collect(),
            longest,
            own: own.to_owned(),
            clock,
            refused: RefusedTokens::default(),
        }
    }

    /// Whether there are external issuers.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.issuers.is_empty()
    }

    /// The time after which every token that has been issued until now has expired, for all issuers and this server.
    pub(crate) fn longest_life(&self) -> Duration {
        if self.any() { self.longest.max(OWN_LONGEST) } else { OWN_LONGEST }
    }

    /// Whether a token must be verified here: there are external issuers, and the token does not name this server as its issuer.
    #[must_use]
    pub fn concerns(&self, token: &str) -> bool {
        !self.issuers.is_empty()
            && Unverified::parse(token).is_ok()
            && token::claimed_issuer(token).is_none_or(|issuer| issuer != self.own)
    }

    /// What a token grants a connection.
    ///
    /// # Errors
    /// Why the token is refused.
    pub async fn connection(&self, token: &str) -> Result<OutsideConnection, Refusal> {
        let token = self.parsed(token)?;
        let signer = self.signer(&token, Use::Connection).await?;
        let (now, longest) = (self.now(), self.longest_seconds());
        signer.connection(&token, now, longest).map_err(|refused| {
            let claim = signer.suspect(&token, refused, Use::Connection, now, longest);
            self.refuse(&signer.name, refused, claim)
        })
    }

    /// What a token grants a subscription.
    ///
    /// # Errors
    /// Why the token is refused.
    pub async fn subscription(&self, token: &str) -> Result<OutsideSubscription, Refusal> {
        let token = self.parsed(token)?;
        let signer = self.signer(&token, Use::Subscription).await?;
        let (now, longest) = (self.now(), self.longest_seconds());
        signer.subscription(&token, now, longest).map_err(|refused| {
            let claim = signer.suspect(&token, refused, Use::Subscription, now, longest);
            self.refuse(&signer.name, refused, claim)
        })
    }

    fn parsed<'t>(&self, token: &'t str) -> Result<Unverified<'t>, Refusal> {
        Unverified::parse(token).map_err(|refused| self.refuse(NO_ISSUER, refused, None))
    }

    async fn signer(&self, token: &Unverified<'_>, wanted: Use) -> Result<&Rules, Refusal> {
        let (mut unknown, mut asked) = (false, None);
        for issuer in self.issuers.iter().filter(|issuer| issuer.rules.may_have_signed(token, wanted)) {
            asked.get_or_insert(&issuer.rules);
            match issuer.keys.for_token(token).await {
                Ok(keys) if keys.signed(token) => return Ok(&issuer.rules),
                Ok(_) => {}
                Err(NoKeys) => unknown = true,
            }
        }
        if unknown {
            return Err(Refusal::Unavailable);
        }
        let name = asked.map_or(NO_ISSUER, |rules| &rules.name);
        Err(self.refuse(name, TokenRefusal::Unsigned, None))
    }

    /// Records the reason for the operator. Returns the refusal for the client, which contains less.
    fn refuse(&self, issuer: &str, refused: TokenRefusal, claim: Option<&'static str>) -> Refusal {
        self.refused.note(issuer, refused, claim, self.clock.moment());
        match refused {
            TokenRefusal::Expired => Refusal::Expired,
            _ => Refusal::Invalid("invalid_token"),
        }
    }

    fn longest_seconds(&self) -> i64 {
        i64::try_from(self.longest.as_secs()).unwrap_or(i64::MAX)
    }

    fn now(&self) -> i64 {
        OffsetDateTime::unix_timestamp(self.clock.now())
    }
}

impl Keys {
    async fn for_token(&self, token: &Unverified<'_>) -> Result<Arc<KeySet>, NoKeys> {
        match self {
            Self::Given(keys) => Ok(Arc::clone(keys)),
            Self::Published(published) => published.keys(token.key_id()).await,
        }
    }
}
