//! Outside issuers: tokens of other identity providers, and what they grant.
//!
//! Another identity provider signs a token for a connection, or for one subscription. `service::access::issuers`
//! finds its keys; everything else is decided here: which issuer may have signed it ([`Rules::may_have_signed`]),
//! whether a key did ([`keys`]), and what it grants ([`Rules::connection`], [`Rules::subscription`]). A token does
//! not decide how it is verified: the algorithms belong to the issuer (RFC 8725, 3.1), and an address in a token is
//! never fetched.

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
