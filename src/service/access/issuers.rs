//! Tokens of outside issuers: who signed one, and what it grants.
//!
//! Asked by the socket's door for tokens that are not our own. A token is tried with the issuers that may have signed it,
//! in the order of the settings, and each checks all of it; if nobody has signed it, and the keys of one who may have
//! cannot be had, nobody can tell: `Unavailable`, never a no, and never a yes.

mod published;

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::runtime::Handle;

use crate::{Clock, Refusal};
use domain::issuer::{
    IssuerSettings, KeySet, KeySource, OutsideConnection, OutsideSubscription, Rules, TokenRefusal,
    Unverified, Use, token,
};
use published::Published;

/// Every outside issuer.
pub struct Issuers {
    issuers: Vec<Issuer>,
    /// `iss` of our own tokens.
    own: String,
    clock: Clock,
}

struct Issuer {
    rules: Rules,
    keys: Keys,
}

enum Keys {
    Given(Arc<KeySet>),
    Published(Published),
}

/// The keys of an issuer cannot be had now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoKeys;

impl Issuers {
    /// These issuers; their keys are fetched on `runtime`, when they are first needed.
    pub(crate) fn new(settings: Vec<IssuerSettings>, own: &str, clock: Clock, runtime: &Handle) -> Self {
        let issuer = |IssuerSettings { rules, keys }| Issuer {
            keys: match keys {
                KeySource::Given(keys) => Keys::Given(keys),
                KeySource::Url { url, authorities } => {
                    Keys::Published(Published::new(url, authorities, clock.clone(), runtime.clone()))
                }
            },
            rules,
        };
        Self { issuers: settings.into_iter().map(issuer).collect(), own: own.to_owned(), clock }
    }

    /// Whether anybody but this server may have issued tokens that are in use.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.issuers.is_empty()
    }

    /// Whether a token is to be judged here: there are outside issuers, and it does not claim to be ours.
    #[must_use]
    pub fn concerns(&self, token: &str) -> bool {
        !self.issuers.is_empty()
            && Unverified::parse(token).is_ok()
            && token::claimed_issuer(token).is_none_or(|issuer| issuer != self.own)
    }

    /// What a token grants a connection.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn connection(&self, token: &str) -> Result<OutsideConnection, Refusal> {
        let token = Unverified::parse(token).map_err(refusal)?;
        let signer = self.signer(&token, Use::Connection).await?;
        signer.connection(&token, self.now()).map_err(refusal)
    }

    /// What a token grants a subscription.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn subscription(&self, token: &str) -> Result<OutsideSubscription, Refusal> {
        let token = Unverified::parse(token).map_err(refusal)?;
        let signer = self.signer(&token, Use::Subscription).await?;
        signer.subscription(&token, self.now()).map_err(refusal)
    }

    async fn signer(&self, token: &Unverified<'_>, wanted: Use) -> Result<&Rules, Refusal> {
        let mut unknown = false;
        for issuer in self.issuers.iter().filter(|issuer| issuer.rules.may_have_signed(token, wanted)) {
            match issuer.keys.for_token(token).await {
                Ok(keys) if keys.signed(token) => return Ok(&issuer.rules),
                Ok(_) => {}
                Err(NoKeys) => unknown = true,
            }
        }
        Err(if unknown { Refusal::Unavailable } else { refusal(TokenRefusal::Unsigned) })
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

fn refusal(refused: TokenRefusal) -> Refusal {
    match refused {
        TokenRefusal::Expired => Refusal::Expired,
        _ => Refusal::Invalid("invalid_token"),
    }
}
