//! Credentials that this server issues and checks itself: access, refresh and CSRF tokens, and API keys.
//!
//! [`credential`] has the places in a request that carry a credential. [`subscription_terms`] has the terms of subscriptions,
//! which tokens of other identity providers and the server API share. All other rules for those tokens are in `issuer`.

pub mod access_token;
pub mod api_key;
pub mod credential;
pub mod csrf;
pub mod event_token;
pub mod refresh_token;
pub mod subscription_terms;
pub mod token_key;
