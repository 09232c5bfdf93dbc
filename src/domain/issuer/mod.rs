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
pub mod rules;
pub mod token;
pub mod types;

pub use authorities::Authorities;
pub use claims::{OutsideConnection, OutsideSubscription};
pub use configuration::{IssuerSettings, KeySource, Strictness};
pub use keys::KeySet;
pub use rules::Rules;
pub use token::Unverified;
pub use types::{Algorithm, TokenRefusal, Use};

#[cfg(test)]
mod keys_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
