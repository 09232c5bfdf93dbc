//! Credentials: verifies access tokens, tickets, API keys and tokens of external issuers, and issues our own tokens.
//!
//! Every entrance of the server (REST, WebSockets, server API) asks here. Depends on `core` only.

pub(crate) mod api_keys;
pub(crate) mod cached_session;
pub(crate) mod credential_keys;
pub(crate) mod feed_state;
pub(crate) mod issue_tokens;
pub(crate) mod issuers;
pub(crate) mod listed_session;
pub(crate) mod outages;
pub(crate) mod published_keys;
pub(crate) mod refusal;
pub(crate) mod refused_tokens;
pub(crate) mod session_cache;
pub(crate) mod tickets;
pub(crate) mod verifier;

use std::{sync::Arc, time::Duration};

use api_keys::ApiKeys;
use credential_keys::CredentialKeys;
use domain::issuer::IssuerSettings;
use feed_state::FeedState;
use issue_tokens::TokenIssuer;
use issuers::Issuers;
use outages::Outages;
use secrecy::SecretString;
use tickets::Tickets;
use verifier::Verifier;

use crate::core::Core;

/// The capability to verify and to issue credentials.
pub struct Access {
    /// Verifies access tokens and tickets.
    pub verifier: Verifier,
    /// Issues tickets for WebSocket handshakes.
    pub tickets: Tickets,
    /// Creates, revokes and authenticates keys of the server API.
    pub api_keys: ApiKeys,
    /// Verifies tokens of external issuers.
    pub issuers: Arc<Issuers>,
    /// The keys that sign and seal what clients present.
    pub keys: Arc<CredentialKeys>,
    pub(crate) tokens: TokenIssuer,
    pub(crate) feed: Arc<FeedState>,
    pub(crate) outages: Arc<Outages>,
}

/// The settings of [`Access`].
pub(crate) struct AccessSettings {
    pub(crate) keys: CredentialKeys,
    /// The idle timeout: the life of a session without uses and sockets.
    pub(crate) idle: Duration,
    pub(crate) issuers: Vec<IssuerSettings>,
    /// The longest life of a token of an external issuer.
    pub(crate) issuer_tokens: Duration,
    /// A key of the server API in addition to those in the database.
    pub(crate) api_key: Option<SecretString>,
}

impl Access {
    pub(crate) fn new(core: &Core, settings: AccessSettings) -> Self {
        let Core { store, realtime, clock, audit, throttle, .. } = core;
        let (keys, feed) = (Arc::new(settings.keys), Arc::new(FeedState::default()));
        let outages = Arc::new(Outages::new(settings.idle));
        let (issuer, longest) = (keys.access.issuer(), settings.issuer_tokens);
        let issuers = Issuers::new(settings.issuers, longest, issuer, clock.clone(), store.runtime());
        Self {
            issuers: Arc::new(issuers),
            tickets: Tickets::new(store.clone(), clock.clone()),
            api_keys: ApiKeys::new(
                store.clone(),
                clock.clone(),
                audit.clone(),
                throttle.clone(),
                settings.api_key,
            ),
            tokens: TokenIssuer::new(Arc::clone(&keys), clock.clone()),
            verifier: Verifier::new(
                store.clone(),
                realtime.clone(),
                Arc::clone(&keys),
                Arc::clone(&feed),
                Arc::clone(&outages),
                clock.clone(),
            ),
            keys,
            feed,
            outages,
        }
    }
}
