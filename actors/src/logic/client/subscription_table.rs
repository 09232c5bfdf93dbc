//! The table of one connection's subscriptions.

use std::{collections::HashMap, sync::Arc, time::Instant};

use protocol::{ClientInfo, Payload, channel_name::ChannelName, subscription::ServerSubscription};

use crate::{denials::TokenMark, subscription::SubscriptionSource};

/// One subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    /// The number of this subscription; unique within the connection.
    pub(super) number: u64,
    /// Whether the channel has accepted the subscription. Until then, the subscription gives no rights.
    pub(super) confirmed: bool,
    /// The connection as members of the channel see it.
    pub(super) info: Arc<ClientInfo>,
    /// When the subscription expires, unless it is refreshed; `None` for no expiry.
    pub(super) ends: Option<Instant>,
    /// The source of the subscription.
    pub(super) source: SubscriptionSource,
    /// The latest token for the subscription, if there is one.
    pub(super) token: Option<Box<TokenMark>>,
    /// The request of the server API for the subscription, if this request arrived before `connect`. The subscription is then
    /// made again at `connect`.
    pub(super) requested_early: Option<Box<ServerSubscription>>,
}

impl Subscription {
    /// A subscription without a number; [`SubscriptionTable::insert`] assigns one.
    pub(super) fn new(info: Arc<ClientInfo>, ends: Option<Instant>, source: SubscriptionSource) -> Self {
        Self { number: 0, confirmed: false, info, ends, source, token: None, requested_early: None }
    }
}

/// All subscriptions, including those that are not confirmed yet.
#[derive(Debug, Default)]
pub(super) struct SubscriptionTable {
    table: HashMap<ChannelName, Subscription>,
    /// The number of the last subscription.
    last_number: u64,
    /// The earliest expiry of all subscriptions.
    next_end: Option<Instant>,
}

impl SubscriptionTable {
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn contains(&self, channel: &str) -> bool {
        self.table.contains_key(channel)
    }

    /// Whether the connection is a member of the channel.
    pub(super) fn is_confirmed(&self, channel: &str) -> bool {
        self.get(channel).is_some_and(|subscription| subscription.confirmed)
    }

    /// Whether any subscription is not confirmed yet.
    pub(super) fn any_unconfirmed(&self) -> bool {
        self.table.values().any(|subscription| !subscription.confirmed)
    }

    pub(super) fn is_unconfirmed(&self, channel: &str) -> bool {
        self.get(channel).is_some_and(|subscription| !subscription.confirmed)
    }

    /// Marks the subscription as accepted by its channel. False if there is no subscription, or if its number differs from
    /// `number`.
    pub(super) fn confirm(&mut self, channel: &str, number: Option<u64>) -> bool {
        let subscription = self.table.get_mut(channel);
        let matching = subscription.filter(|found| number.is_none_or(|number| number == found.number));
        matching.map(|subscription| subscription.confirmed = true).is_some()
    }

    pub(super) fn get(&self, channel: &str) -> Option<&Subscription> {
        self.table.get(channel)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ChannelName, &Subscription)> {
        self.table.iter()
    }

    /// Adds a subscription and returns its number.
    pub(super) fn insert(&mut self, channel: ChannelName, subscription: Subscription) -> u64 {
        self.last_number += 1;
        self.next_end = [self.next_end, subscription.ends].into_iter().flatten().min();
        self.table.insert(channel, Subscription { number: self.last_number, ..subscription });
        self.last_number
    }

    /// Removes the subscription with this number. False if there is none. A newer subscription to the same channel is not
    /// removed.
    pub(super) fn forget(&mut self, channel: &str, number: u64) -> bool {
        let is_there = self.get(channel).is_some_and(|subscription| subscription.number == number);
        is_there && self.remove(channel).is_some()
    }

    pub(super) fn remove(&mut self, channel: &str) -> Option<(ChannelName, Subscription)> {
        let removed = self.table.remove_entry(channel)?;
        if removed.1.ends.is_some() {
            self.find_next_end();
        }
        Some(removed)
    }

    /// Stores the request of the server API in the subscription until `connect` (see [`Subscription::requested_early`]).
    pub(super) fn remember_requested_early(
        &mut self,
        channel: &str,
        requested_early: Option<Box<ServerSubscription>>,
    ) {
        if let Some(subscription) = self.table.get_mut(channel) {
            subscription.requested_early = requested_early;
        }
    }

    /// Removes the subscriptions that the server API requested before `connect`, and returns the requests, so that the
    /// subscriptions can be made again. Expired subscriptions stay in the table.
    pub(super) fn take_requested_early(&mut self, now: Instant) -> Vec<ServerSubscription> {
        let is_valid = |subscription: &&mut Subscription| subscription.ends.is_none_or(|end| end > now);
        let early = self
            .table
            .values_mut()
            .filter(is_valid)
            .filter_map(|subscription| subscription.requested_early.take());
        let early: Vec<ServerSubscription> = early.map(|early| *early).collect();
        for subscription in &early {
            self.remove(&subscription.channel);
        }
        early
    }

    /// Sets the expiry and the token of a subscription. False if there is no such subscription.
    pub(super) fn refresh(&mut self, channel: &str, ends: Option<Instant>, token: TokenMark) -> bool {
        let Some(subscription) = self.table.get_mut(channel) else { return false };
        subscription.ends = ends;
        subscription.token = Some(Box::new(token));
        self.find_next_end();
        true
    }

    /// Replaces the connection's info in all subscriptions. The channel info of each subscription does not change.
    pub(super) fn update_info(&mut self, info: &Arc<ClientInfo>) {
        for subscription in self.table.values_mut() {
            subscription.info = with_info(info, subscription.info.chan_info.clone());
        }
    }

    /// The earliest expiry of all subscriptions.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.next_end
    }

    /// The channels of expired subscriptions, and whether each subscription is server-side. The subscriptions stay in the table
    /// until they are removed.
    pub(super) fn ended(&self, now: Instant) -> Vec<(ChannelName, bool)> {
        if self.next_end.is_none_or(|end| end > now) {
            return Vec::new();
        }
        let ended = |subscription: &Subscription| subscription.ends.is_some_and(|end| end <= now);
        let all = self.table.iter().filter(|(_, subscription)| ended(subscription));
        all.map(|(channel, subscription)| (channel.clone(), subscription.source.is_server_side())).collect()
    }

    fn find_next_end(&mut self) {
        self.next_end = self.table.values().filter_map(|subscription| subscription.ends).min();
    }
}

/// Adds the info of one channel, if there is one, to the connection's info.
pub(super) fn with_info(info: &Arc<ClientInfo>, chan_info: Option<Payload>) -> Arc<ClientInfo> {
    match chan_info {
        None => Arc::clone(info),
        chan_info => Arc::new(ClientInfo { chan_info, ..ClientInfo::clone(info) }),
    }
}
