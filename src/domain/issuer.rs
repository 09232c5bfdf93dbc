//! Outside issuers: whose tokens are taken beside our own, and what they may say.
//!
//! Another identity provider signs a token for a connection, or for one subscription; `service::access::issuers` finds its keys, and
//! everything else is decided here: who may have signed it ([`Rules::may_have_signed`]), whether it did ([`keys`]), and
//! what it grants ([`Rules::connection`], [`Rules::subscription`]). A token says nothing about how it is to be checked: the
//! algorithms belong to the issuer (RFC 8725, 3.1), and no address in a token is ever looked up.

pub mod authorities;
pub mod claims;
pub mod configuration;
pub mod keys;
pub mod token;

pub use authorities::Authorities;
pub use claims::{OutsideConnection, OutsideSubscription};
pub use configuration::{IssuerSettings, KeySource, Strictness};
pub use keys::{Algorithm, KeySet};
pub use token::Unverified;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// Naming the user of a connection.
    Connection,
    /// Permitting one subscription.
    Subscription,
}

/// Why an outside token is not accepted. None of it reaches a client in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// Not a JWT, or one with extensions that must be understood.
    #[error("malformed token")]
    Malformed,
    /// Nobody who may has signed it.
    #[error("nobody's token")]
    Unsigned,
    /// Past its end.
    #[error("expired token")]
    Expired,
    /// Before its beginning.
    #[error("token not yet valid")]
    NotYetValid,
    /// A claim is missing, of another shape, or for someone else.
    #[error("wrong claims")]
    WrongClaims,
    /// A token for a subscription where one for a connection is asked for, or the other way round.
    #[error("a token for something else")]
    WrongUse,
}

/// What is asked of one issuer's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The issuer's name in the settings.
    pub name: std::sync::Arc<str>,
    /// With what its tokens may be signed.
    pub algorithms: Vec<Algorithm>,
    /// What `iss` must be, if anything.
    pub issuer: Option<String>,
    /// What `aud` must name, if anything.
    pub audience: Option<String>,
    /// What its tokens are for.
    pub uses: Vec<Use>,
    /// What stands before its users' names here, so that none of them is one of ours.
    pub user_prefix: String,
}

impl Rules {
    /// Whether it is worth asking if this issuer signed the token.
    #[must_use]
    pub fn may_have_signed(&self, token: &Unverified<'_>, wanted: Use) -> bool {
        self.uses.contains(&wanted)
            && self.algorithms.contains(&token.algorithm())
            && self.issuer.as_deref().is_none_or(|issuer| token.issuer() == Some(issuer))
    }
}

#[cfg(test)]
mod keys_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
