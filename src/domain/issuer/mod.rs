//! External issuers: the tokens of other identity providers, and the rights that they grant.
//!
//! Another identity provider signs a token for a connection, or for one subscription. `service::access::issuers` finds the keys
//! of the provider. The rules here decide three things: which issuer may have signed the token ([`Rules::may_have_signed`]),
//! whether a key of that issuer did sign it ([`keys`]), and what the token grants ([`Rules::connection`],
//! [`Rules::subscription`]). A token does not decide about its own verification. The settings of the issuer name the algorithms
//! (RFC 8725, 3.1), and an address in a token is never fetched.

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
