//! Credentials: verifies access tokens, tickets, API keys and tokens of external issuers, and issues the tokens of this server.
//!
//! Every entrance of the server (REST, WebSockets, server API) asks here. This module depends only on `core`.

pub(crate) mod api_keys;
pub(crate) mod cached_session;
pub(crate) mod feed_state;
pub(crate) mod issue_tokens;
pub(crate) mod issuers;
pub(crate) mod listed_device;
pub(crate) mod listed_session;
pub(crate) mod outages;
pub(crate) mod person_export;
pub(crate) mod published_keys;
pub(crate) mod refusal;
pub(crate) mod refused_tokens;
pub(crate) mod session_cache;
pub(crate) mod session_changes;
pub(crate) mod stream_permission;
pub(crate) mod tickets;
pub(crate) mod verifier;

use std::{sync::Arc, time::Duration};

use api_keys::ApiKeys;
use feed_state::FeedState;
use issue_tokens::TokenIssuer;
use issuers::Issuers;
use outages::Outages;
use secrecy::SecretString;
use tickets::Tickets;
use verifier::Verifier;

use crate::core::{Core, keys::LiveKeys};

/// The capability to verify and to issue credentials.
pub struct Access {
    /// Verifies access tokens and tickets.
    pub verifier: Verifier,
    /// Issues tickets for WebSocket handshakes.
    pub tickets: Tickets,
    /// Creates, revokes and authenticates keys of the server API.
    pub api_keys: Arc<ApiKeys>,
    /// Verifies tokens of external issuers.
    pub issuers: Arc<Issuers>,
    /// The keys that sign and seal the credentials of clients.
    pub keys: LiveKeys,
    pub(crate) tokens: TokenIssuer,
    pub(crate) feed: Arc<FeedState>,
    pub(crate) outages: Arc<Outages>,
}

/// The settings of [`Access`].
pub(crate) struct AccessSettings {
    /// The idle timeout: how long a session lives without uses and sockets.
    pub(crate) idle: Duration,
    /// The longest life that a token of an external issuer may have.
    pub(crate) issuer_tokens: Duration,
    /// How long this node answers from memory after its last look at the revocations.
    pub(crate) current_for: Duration,
    /// A key of the server API in addition to the keys in the database.
    pub(crate) api_key: Option<SecretString>,
}

impl Access {
    pub(crate) fn new(core: &Core, settings: AccessSettings) -> Self {
        let Core { store, realtime, clock, audit, throttle, keys, .. } = core;
        let feed = Arc::new(FeedState::new(settings.current_for));
        let outages = Arc::new(Outages::new(settings.idle));
        let (issuer, longest) = (keys.live().access.issuer().to_owned(), settings.issuer_tokens);
        let issuers = Issuers::new(realtime.live().clone(), longest, &issuer, clock.clone(), store.runtime());
        Self {
            issuers: Arc::new(issuers),
            tickets: Tickets::new(store.clone(), clock.clone()),
            api_keys: Arc::new(ApiKeys::new(
                store.clone(),
                clock.clone(),
                audit.clone(),
                throttle.clone(),
                settings.api_key,
            )),
            tokens: TokenIssuer::new(keys.clone(), clock.clone()),
            verifier: Verifier::new(
                store.clone(),
                realtime.clone(),
                keys.clone(),
                Arc::clone(&feed),
                Arc::clone(&outages),
                clock.clone(),
            ),
            keys: keys.clone(),
            feed,
            outages,
        }
    }
}
