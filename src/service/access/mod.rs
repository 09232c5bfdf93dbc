//! Credentials: verifying access tokens, tickets, API keys and tokens of outside issuers, and issuing our own.
//!
//! Every entrance of the server (REST, WebSockets, server API) asks here. Depends on `core` only.

pub(crate) mod api_keys;
pub(crate) mod cached_session;
pub(crate) mod credential_keys;
pub(crate) mod feed_state;
pub(crate) mod issue_tokens;
pub(crate) mod issuers;
pub(crate) mod listed_session;
pub(crate) mod published_keys;
pub(crate) mod refusal;
pub(crate) mod session_cache;
pub(crate) mod tickets;
pub(crate) mod verifier;

use std::sync::Arc;

use actors::Realtime;
use domain::{issuer::IssuerSettings, session::SessionLimits};
use secrecy::SecretString;
use store::Store;

use crate::core::{audit::AuditTrail, clock::Clock, throttle::Throttle};
use api_keys::ApiKeys;
use credential_keys::CredentialKeys;
use feed_state::FeedState;
use issue_tokens::TokenIssuer;
use issuers::Issuers;
use tickets::Tickets;
use verifier::Verifier;

/// The capability to verify and to issue credentials.
pub struct Access {
    /// Verifies access tokens and tickets.
    pub verifier: Verifier,
    /// Issues tickets for WebSocket handshakes.
    pub tickets: Tickets,
    /// Makes, revokes and authenticates keys of the server API.
    pub api_keys: ApiKeys,
    /// Verifies tokens of outside issuers.
    pub issuers: Arc<Issuers>,
    /// The keys that sign and seal what clients present.
    pub keys: Arc<CredentialKeys>,
    pub(crate) tokens: TokenIssuer,
    pub(crate) feed: Arc<FeedState>,
}

/// What [`Access`] is made of.
pub(crate) struct AccessParts {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) feed: Arc<FeedState>,
    pub(crate) keys: Arc<CredentialKeys>,
    pub(crate) sessions: SessionLimits,
    pub(crate) issuers: Vec<IssuerSettings>,
    /// A key of the server API beside those in the database.
    pub(crate) api_key: Option<SecretString>,
}

impl Access {
    pub(crate) fn new(parts: AccessParts) -> Self {
        let AccessParts { store, realtime, clock, audit, throttle, feed, keys, sessions, issuers, api_key } =
            parts;
        let runtime = store.runtime().clone();
        Self {
            issuers: Arc::new(Issuers::new(issuers, keys.access.issuer(), clock.clone(), &runtime)),
            tickets: Tickets::new(store.clone(), clock.clone()),
            api_keys: ApiKeys::new(store.clone(), clock.clone(), audit, throttle, api_key),
            tokens: TokenIssuer::new(Arc::clone(&keys), clock.clone()),
            verifier: Verifier::new(
                store,
                realtime,
                Arc::clone(&keys),
                Arc::clone(&feed),
                clock,
                sessions.idle,
            ),
            keys,
            feed,
        }
    }
}
