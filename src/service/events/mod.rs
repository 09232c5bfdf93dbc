//! Sends events to other systems: webhooks, and streams of Security Event Tokens.
//!
//! The store writes the events in the transactions of their causes, and `upkeep` runs the delivery. Operators manage webhooks
//! (`operators::webhooks`), and receivers manage streams (`event_streams`). This module depends only on `core`.

pub(crate) mod channel_feed;
pub(crate) mod delivery;
pub(crate) mod receiver_rules;
pub(crate) mod receiver_secrets;
pub(crate) mod sender;
pub(crate) mod settings;

use std::sync::Arc;

use delivery::Delivery;
use receiver_secrets::ReceiverSecrets;
use sender::Sender;
use settings::EventSettings;

use crate::core::Core;

/// The capability to tell other systems of events.
pub(crate) struct Events {
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) secrets: ReceiverSecrets,
    pub(crate) settings: EventSettings,
}

impl Events {
    pub(crate) fn new(core: &Core, settings: EventSettings) -> Self {
        let Core { store, realtime, clock, audit, keys, .. } = core;
        let secrets = ReceiverSecrets::new(keys.clone());
        let sender = Sender::new(settings, keys.clone(), secrets.clone());
        let delivery =
            Delivery::new(store.clone(), realtime.clone(), clock.clone(), audit.clone(), sender, settings);
        Self { delivery: Arc::new(delivery), secrets, settings }
    }
}
