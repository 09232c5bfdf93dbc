//! Takes the events of channels from the actors into the outbox.
//!
//! The actors report an event only if a receiver wants it. Their queue is bounded: during a long outage of the database, the
//! newest events are dropped and counted.

use actors::{
    Realtime,
    runtime::{ChannelEvent, ChannelEventKind},
};
use domain::events::outgoing::{Content, Group, OutgoingEvent, event_id};
use serde_json::{Map, Value};
use store::{EventReceiver, ReceiverStatus, Store};
use uuid::Uuid;

use crate::core::failure::Failure;

/// The most events of one statement.
const BATCH: usize = 1_000;

/// Feeds events of channels into the outbox.
pub(super) struct ChannelFeed {
    store: Store,
    realtime: Realtime,
}

impl ChannelFeed {
    pub(super) fn new(store: Store, realtime: Realtime) -> Self {
        Self { store, realtime }
    }

    /// Tells the actors what these receivers want, and writes what the actors have reported.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. The events that were taken are lost, and counted.
    pub(super) async fn run(&self, receivers: &[EventReceiver]) -> Result<(), Failure> {
        let wanted = |kind: ChannelEventKind| {
            let words = [kind.as_str(), Group::Channels.as_str()];
            let wants = |receiver: &&EventReceiver| {
                receiver.status != ReceiverStatus::Disabled
                    && receiver.events.iter().any(|word| words.contains(&word.as_str()))
            };
            receivers.iter().any(|receiver| wants(&receiver))
        };
        let events = self.realtime.channel_events();
        events.report(wanted);
        loop {
            let taken = events.take(BATCH);
            if taken.is_empty() {
                return Ok(());
            }
            let count = taken.len() as u64;
            if let Err(error) = self.store.insert_events(taken.into_iter().map(outgoing).collect()).await {
                metrics::counter!("channel_events_lost_total").increment(count);
                return Err(error.into());
            }
        }
    }
}

fn outgoing(event: ChannelEvent) -> OutgoingEvent {
    let kind = event.kind.as_str();
    let mut data = Map::new();
    data.insert("channel".to_owned(), event.channel.as_str().into());
    let mut add = |key: &str, value: Value| drop(data.insert(key.to_owned(), value));
    if let Some(position) = event.position {
        add("offset", position.offset.into());
        add("epoch", position.epoch.into());
    }
    OutgoingEvent {
        id: event_id(Uuid::new_v4(), kind, 0),
        kind: kind.to_owned(),
        group: Group::Channels,
        subject: format!("channel:{}", event.channel.as_str()),
        at_ms: event.at_ms,
        content: Content::Webhook { data },
    }
}
