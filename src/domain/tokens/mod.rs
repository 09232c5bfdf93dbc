//! Credentials that this server issues and checks itself.
//!
//! These are access, refresh and CSRF tokens, API keys, and the places in a request that carry a credential
//! ([`credential`]). Tokens of other identity providers are in `issuer`.

pub mod access_token;
pub mod api_key;
pub mod credential;
pub mod csrf;
pub mod refresh_token;
pub mod subscription_terms;
