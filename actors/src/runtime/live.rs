//! [`LiveSettings`]: the settings that a reload replaces while the server runs. [`Live`] is their only place.
//!
//! `Realtime` holds the place, because the actors are the lowest layer that reads these settings. The other layers read the same
//! value through `Realtime::live`, so a reload changes all settings at the same moment. No part keeps a copy of a value for later.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use domain::{abuse::throttle::Limits, client::connection_limits::ConnectionLimits, issuer::IssuerSettings};
use ipnet::IpNet;
use logic::{client::ClientConfig, namespace::Namespaces};

use super::settings::RealtimeSettings;

/// The settings that a reload replaces.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// Limits and delays of the client protocol, and the namespaces of channels.
    pub client: Arc<ClientConfig>,
    /// The largest number of connections of one session on this node. A further connection is refused with a temporary error,
    /// so its client tries again.
    pub connections_per_session: usize,
    /// The largest numbers of open sockets.
    pub connections: ConnectionLimits,
    /// Rate limits.
    pub limits: Arc<Limits>,
    /// Multiplies every limit per address, for networks with many clients behind one address.
    pub address_limit_factor: u32,
    /// The trusted proxies: their `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// The external issuers of accepted tokens.
    pub issuers: Arc<[IssuerSettings]>,
}

impl LiveSettings {
    /// The namespaces of channels, with their options.
    #[must_use]
    pub fn namespaces(&self) -> &Arc<Namespaces> {
        &self.client.namespaces
    }
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self::from(&RealtimeSettings::default())
    }
}

/// What the actors start with. The other values are defaults.
impl From<&RealtimeSettings> for LiveSettings {
    fn from(settings: &RealtimeSettings) -> Self {
        let namespaces = Arc::clone(&settings.namespaces);
        Self {
            client: Arc::new(ClientConfig { namespaces, ..ClientConfig::default() }),
            connections_per_session: settings.connections_per_session,
            connections: ConnectionLimits::default(),
            limits: Arc::default(),
            address_limit_factor: 1,
            trusted_proxies: Vec::new(),
            issuers: Arc::default(),
        }
    }
}

/// The place of the live settings; clones are the same place.
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<ArcSwap<LiveSettings>>);

impl Live {
    /// A place with these settings.
    #[must_use]
    pub fn new(settings: LiveSettings) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(settings)))
    }

    /// The settings as they are now. A caller that reads several values takes them from one result, so that the values fit
    /// together.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<LiveSettings>> {
        self.0.load()
    }

    /// Replaces all settings at once.
    pub fn replace(&self, settings: LiveSettings) {
        self.0.store(Arc::new(settings));
    }
}
