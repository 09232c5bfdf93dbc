//! Credentials: judging access tokens, tickets, API keys and tokens of outside issuers, and issuing our own.
//!
//! Every entrance of the server (REST, WebSockets, server API) asks here. Depends on `core` only.

pub(crate) mod api_keys;
pub(crate) mod cached_session;
pub(crate) mod issue_tokens;
pub(crate) mod issuers;
pub(crate) mod session_cache;
pub(crate) mod tickets;
pub(crate) mod verifier;
