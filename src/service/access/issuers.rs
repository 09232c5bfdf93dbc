//! Tokens of external issuers: which issuer signed a token, and what the token grants.
//!
//! The sockets ask here about every subscription token, and about every connection token that names another issuer than this
//! server. The issuer of a token is the first one, in the order of the settings, with a key that verifies the signature. All
//! other checks follow the rules of this issuer. If no known key verifies the signature, and the keys of a possible issuer
//! cannot be fetched, the answer is `Unavailable`: the token cannot be judged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actors::runtime::Live;
use arc_swap::ArcSwap;
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

/// The longest life of an access token of this server, plus a reserve for differences between clocks.
const OWN_LONGEST: Duration = Duration::from_secs(65 * 60);

/// Verifies the tokens of every configured external issuer.
pub struct Issuers {
    live: Live,
    /// The issuers, made from the live settings.
    known: ArcSwap<Known>,
    /// Whether there were issuers at any time since the start. Their tokens may still be in use, and a later reload may add the
    /// issuers again.
    ever: AtomicBool,
    runtime: Handle,
    /// The longest life that a token of an external issuer may have.
    longest: Duration,
    /// The `iss` of the tokens of this server.
    own: String,
    clock: Clock,
    refused: RefusedTokens,
}

/// The name of the issuer in logs and metrics if the token cannot be read, or if no configured issuer fits.
const NO_ISSUER: &str = "(none)";

/// The issuers of one version of the settings.
struct Known {
    settings: Arc<[IssuerSettings]>,
    issuers: Vec<Arc<Issuer>>,
}

struct Issuer {
    rules: Rules,
    keys: Keys,
}

enum Keys {
    Given(Arc<KeySet>),
    Published(PublishedKeys),
}

impl Issuers {
    /// `longest` is the longest life that a token of an external issuer may have, and `own` is the `iss` of the tokens of this
    /// server. Published keys are fetched on `runtime`, when they are first needed.
    pub(crate) fn new(live: Live, longest: Duration, own: &str, clock: Clock, runtime: &Handle) -> Self {
        let issuers = Self {
            live,
            known: ArcSwap::from_pointee(Known { settings: Arc::default(), issuers: Vec::new() }),
            ever: AtomicBool::new(false),
            runtime: runtime.clone(),
            longest,
            own: own.to_owned(),
            clock,
            refused: RefusedTokens::default(),
        };
        issuers.known();
        issuers
    }

    /// The issuers of the live settings. After a reload, they are made anew. An issuer with unchanged settings keeps its
    /// fetched keys.
    fn known(&self) -> Arc<Known> {
        let (known, live) = (self.known.load_full(), self.live.load());
        if Arc::ptr_eq(&known.settings, &live.issuers) {
            return known;
        }
        let issuer = |settings: &IssuerSettings| {
            let earlier = known.settings.iter().zip(&known.issuers);
            let same = earlier.into_iter().find(|(earlier, _)| earlier.is_same(settings));
            same.map_or_else(|| Arc::new(self.issuer(settings)), |(_, issuer)| Arc::clone(issuer))
        };
        let issuers: Vec<_> = live.issuers.iter().map(issuer).collect();
        if !issuers.is_empty() {
            self.ever.store(true, Ordering::Release);
        }
        let known = Arc::new(Known { settings: Arc::clone(&live.issuers), issuers });
        self.known.store(Arc::clone(&known));
        known
    }

    fn issuer(&self, IssuerSettings { rules, keys }: &IssuerSettings) -> Issuer {
        let keys = match keys {
            KeySource::Given(keys) => Keys::Given(Arc::clone(keys)),
            KeySource::Url { url, authorities, public_only } => Keys::Published(PublishedKeys::new(
                url.clone(),
                authorities.clone(),
                *public_only,
                self.clock.clone(),
                self.runtime.clone(),
            )),
        };
        Issuer { rules: rules.clone(), keys }
    }

    /// Whether there are external issuers, or were some since the start.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.known().issuers.is_empty() || self.ever.load(Ordering::Acquire)
    }

    /// After this period, every token that this server or an external issuer has issued until now has expired.
    pub(crate) fn longest_life(&self) -> Duration {
        if self.any() { self.longest.max(OWN_LONGEST) } else { OWN_LONGEST }
    }

    /// Whether a token must be verified here: there are external issuers, the token can be parsed, and it names another issuer
    /// than this server.
    #[must_use]
    pub fn concerns(&self, token: &str) -> bool {
        !self.known().issuers.is_empty()
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
        let signer = &signer.rules;
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
        let signer = &signer.rules;
        let (now, longest) = (self.now(), self.longest_seconds());
        signer.subscription(&token, now, longest).map_err(|refused| {
            let claim = signer.suspect(&token, refused, Use::Subscription, now, longest);
            self.refuse(&signer.name, refused, claim)
        })
    }

    fn parsed<'t>(&self, token: &'t str) -> Result<Unverified<'t>, Refusal> {
        Unverified::parse(token).map_err(|refused| self.refuse(NO_ISSUER, refused, None))
    }

    async fn signer(&self, token: &Unverified<'_>, wanted: Use) -> Result<Arc<Issuer>, Refusal> {
        let known = self.known();
        let (mut unknown, mut candidate) = (false, None);
        for issuer in known.issuers.iter().filter(|issuer| issuer.rules.may_have_signed(token, wanted)) {
            candidate.get_or_insert(&issuer.rules);
            match issuer.keys.for_token(token).await {
                Ok(keys) if keys.signed(token) => return Ok(Arc::clone(issuer)),
                Ok(_) => {}
                Err(NoKeys) => unknown = true,
            }
        }
        if unknown {
            return Err(Refusal::Unavailable);
        }
        let name = candidate.map_or(NO_ISSUER, |rules| &rules.name);
        Err(self.refuse(name, TokenRefusal::Unsigned, None))
    }

    /// Records why a token was refused, for the operator. Returns the refusal for the client, which tells less about the
    /// reason.
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
