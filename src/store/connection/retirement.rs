//! Which pooled connections are closed instead of being used again. `pool` asks.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::settings::DatabaseSettings;

/// The rules for the age of pooled connections. Clones share the time of [`renew`](Self::renew).
#[derive(Clone)]
pub(crate) struct Retirement {
    lifetime: Option<Duration>,
    idle: Option<Duration>,
    /// Connections from before this time may lead to the wrong server.
    renewed: Arc<Mutex<Instant>>,
}

impl Retirement {
    pub(crate) fn new(settings: &DatabaseSettings) -> Self {
        Self {
            lifetime: settings.lifetime,
            idle: settings.idle_timeout,
            renewed: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Retires all connections that were opened before now.
    pub(crate) fn renew(&self) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether a connection that was opened at this time is too old to be used.
    pub(crate) fn is_too_old(&self, created: Instant) -> bool {
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        created < renewed || self.lifetime.is_some_and(|lifetime| created.elapsed() >= lifetime)
    }

    /// Whether a connection that waits in the pool is closed.
    pub(crate) fn is_due(&self, created: Instant, unused: Duration) -> bool {
        self.is_too_old(created) || self.idle.is_some_and(|idle| unused >= idle)
    }

    /// How often the waiting connections are checked.
    pub(crate) fn interval(&self) -> Option<Duration> {
        let shortest = self.lifetime.into_iter().chain(self.idle).min()?;
        Some((shortest / 4).clamp(Duration::from_millis(250), Duration::from_secs(30)))
    }
}
