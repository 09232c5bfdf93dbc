//! What one connection is subscribed to: the table that the dialogue keeps.

use std::{collections::HashMap, sync::Arc, time::Instant};

use crate::{denials::TokenMark, subscription::Source};
use protocol::{ClientInfo, Payload, channel_name::ChannelName, subscription::ServerSubscription};

/// One subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Which one it is, of all that the connection ever asked for.
    pub(super) number: u64,
    /// Whether its channel has taken it in. Until then it gives no right to anything.
    pub(super) made: bool,
    /// The connection as members of the channel see it.
    pub(super) info: Arc<ClientInfo>,
    /// When it ends, unless it is refreshed.
    pub(super) ends: Option<Instant>,
    /// What it came of.
    pub(super) source: Source,
    /// The token that proved the right to it last, if one did.
    pub(super) token: Option<Box<TokenMark>>,
    /// What the server asked for, while `connect` is to come: its answer tells of it.
    pub(super) early: Option<Box<ServerSubscription>>,
}

impl Subscription {
    /// One to be entered, which gives it its number.
    pub(super) fn new(info: Arc<ClientInfo>, ends: Option<Instant>, source: Source) -> Self {
        Self { number: 0, made: false, info, ends, source, token: None, early: None }
    }
}

/// All of them, also those that are being made.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    table: HashMap<ChannelName, Subscription>,
    /// So many were ever entered.
    entered: u64,
    /// The first end of all.
    next_end: Option<Instant>,
}

impl Subscriptions {
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn contains(&self, channel: &str) -> bool {
        self.table.contains_key(channel)
    }

    /// Whether the connection is a member of the channel.
    pub(super) fn is_made(&self, channel: &str) -> bool {
        self.get(channel).is_some_and(|subscription| subscription.made)
    }

    /// Whether the channel has not said yet that it takes the connection in.
    pub(super) fn any_being_made(&self) -> bool {
        self.table.values().any(|subscription| !subscription.made)
    }

    pub(super) fn is_being_made(&self, channel: &str) -> bool {
        self.get(channel).is_some_and(|subscription| !subscription.made)
    }

    /// The channel has taken it in, the one with this number if one is named. False if there is none.
    pub(super) fn confirm(&mut self, channel: &str, number: Option<u64>) -> bool {
        let subscription = self.table.get_mut(channel);
        let meant = subscription.filter(|it| number.is_none_or(|number| number == it.number));
        meant.map(|subscription| subscription.made = true).is_some()
    }

    pub(super) fn get(&self, channel: &str) -> Option<&Subscription> {
        self.table.get(channel)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ChannelName, &Subscription)> {
        self.table.iter()
    }

    /// Enters one; returns its number.
    pub(super) fn insert(&mut self, channel: ChannelName, subscription: Subscription) -> u64 {
        self.entered += 1;
        self.next_end = [self.next_end, subscription.ends].into_iter().flatten().min();
        self.table.insert(channel, Subscription { number: self.entered, ..subscription });
        self.entered
    }

    /// Removes the one with this number. If there is another one of the channel by now, that one stays.
    /// False if there is none.
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

    /// Remembers what the server asked for, while `connect` is to come.
    pub(super) fn keep_early(&mut self, channel: &str, early: Option<Box<ServerSubscription>>) {
        if let Some(subscription) = self.table.get_mut(channel) {
            subscription.early = early;
        }
    }

    /// Takes out what the server asked for before `connect`, to be asked for anew. What has ended meanwhile stays.
    pub(super) fn take_early(&mut self, now: Instant) -> Vec<ServerSubscription> {
        let goes_on = |subscription: &&mut Subscription| subscription.ends.is_none_or(|end| end > now);
        let early = self.table.values_mut().filter(goes_on).filter_map(|going| going.early.take());
        let early: Vec<ServerSubscription> = early.map(|early| *early).collect();
        for subscription in &early {
            self.remove(&subscription.channel);
        }
        early
    }

    /// Moves the end of a subscription, as a newer token says. False if there is no such subscription.
    pub(super) fn renew(&mut self, channel: &str, ends: Option<Instant>, token: TokenMark) -> bool {
        let Some(subscription) = self.table.get_mut(channel) else { return false };
        subscription.ends = ends;
        subscription.token = Some(Box::new(token));
        self.find_next_end();
        true
    }

    /// The connection is seen like this from here on, beside what is said of it in single channels.
    pub(super) fn show(&mut self, info: &Arc<ClientInfo>) {
        for subscription in self.table.values_mut() {
            subscription.info = with_info(info, subscription.info.chan_info.clone());
        }
    }

    /// When the first one ends.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.next_end
    }

    /// Those whose end is not after `now`; they stay until they are removed.
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

/// A connection as members of one channel see it; usually they see no more than others do.
pub(super) fn with_info(info: &Arc<ClientInfo>, chan_info: Option<Payload>) -> Arc<ClientInfo> {
    match chan_info {
        None => Arc::clone(info),
        chan_info => Arc::new(ClientInfo { chan_info, ..ClientInfo::clone(info) }),
    }
}
