//! Events for other systems: webhooks, and streams of Security Event Tokens.
//!
//! The store writes the events in the transactions of what causes them. This module manages the receivers, and delivers the
//! events to them. It uses `core` and `operators::authority`; `upkeep` runs the delivery.

pub(crate) mod channel_feed;
pub(crate) mod delivery;
pub(crate) mod receiver_secrets;
pub(crate) mod sender;
pub(crate) mod settings;
pub(crate) mod streams;
pub(crate) mod webhooks;

use std::sync::Arc;

use delivery::Delivery;
use receiver_secrets::ReceiverSecrets;
use sender::Sender;
use settings::EventSettings;
use streams::Streams;
use webhooks::Webhooks;

use crate::{core::Core, operators::authority::Authority};

/// The capability to tell other systems of events.
pub struct Events {
    /// Webhooks, and the deliveries to every receiver.
    pub webhooks: Webhooks,
    /// Streams of Security Event Tokens.
    pub streams: Streams,
    pub(crate) delivery: Arc<Delivery>,
}

impl Events {
    pub(crate) fn new(core: &Core, settings: EventSettings) -> Self {
        let Core { store, realtime, clock, audit, privilege, throttle, keys, .. } = core;
        let authority = Authority::new(audit.clone(), privilege.clone(), throttle.clone());
        let secrets = ReceiverSecrets::new(keys.clone());
        let sender = Sender::new(settings, keys.clone(), secrets.clone());
        Self {
            webhooks: Webhooks::new(
                store.clone(),
                clock.clone(),
                authority.clone(),
                secrets.clone(),
                settings,
            ),
            streams: Streams::new(
                store.clone(),
                clock.clone(),
                authority,
                (audit.clone(), keys.clone()),
                secrets,
                settings,
            ),
            delivery: Arc::new(Delivery::new(
                store.clone(),
                realtime.clone(),
                clock.clone(),
                audit.clone(),
                sender,
                settings,
            )),
        }
    }
}
