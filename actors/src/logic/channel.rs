//! The subscribers of one shard of channels: who receives what is published.
//!
//! A shard's actor owns one table. `S` is whatever it delivers through. A channel without subscribers takes no memory.

use std::collections::HashMap;

pub use super::namespace::{ChannelName, ChannelNameError};
use crate::id::ConnectionId;

/// Channels, their subscribers, and which channels each connection is in.
#[derive(Debug)]
pub struct Channels<S> {
    channels: HashMap<ChannelName, HashMap<ConnectionId, S>>,
    memberships: HashMap<ConnectionId, Vec<ChannelName>>,
}

impl<S> Default for Channels<S> {
    fn default() -> Self {
        Self { channels: HashMap::new(), memberships: HashMap::new() }
    }
}

impl<S> Channels<S> {
    /// Adds a connection to a channel. One that was in it already stays in it once; its old subscriber is returned.
    pub fn join(&mut self, channel: ChannelName, connection: ConnectionId, subscriber: S) -> Option<S> {
        let subscribers = self.channels.entry(channel.clone()).or_default();
        let replaced = subscribers.insert(connection, subscriber);
        if replaced.is_none() {
            self.memberships.entry(connection).or_default().push(channel);
        }
        replaced
    }

    /// Takes a connection out of a channel; `None` if it was not in it.
    pub fn leave(&mut self, channel: &str, connection: ConnectionId) -> Option<S> {
        let subscriber = self.remove(channel, connection)?;
        if let Some(joined) = self.memberships.get_mut(&connection) {
            joined.retain(|name| name.as_str() != channel);
            if joined.is_empty() {
                self.memberships.remove(&connection);
            }
        }
        Some(subscriber)
    }

    /// Takes a connection out of every channel and says which they were.
    pub fn leave_all(&mut self, connection: ConnectionId) -> Vec<ChannelName> {
        let joined = self.memberships.remove(&connection).unwrap_or_default();
        for channel in &joined {
            self.remove(channel, connection);
        }
        joined
    }

    /// Everyone who receives what is published in a channel, in no particular order.
    pub fn subscribers(&self, channel: &str) -> impl Iterator<Item = &S> {
        self.channels.get(channel).into_iter().flat_map(HashMap::values)
    }

    /// How many subscribers a channel has.
    #[must_use]
    pub fn subscriber_count(&self, channel: &str) -> usize {
        self.channels.get(channel).map_or(0, HashMap::len)
    }

    /// Whether a connection is subscribed to a channel.
    #[must_use]
    pub fn is_member(&self, channel: &str, connection: ConnectionId) -> bool {
        self.channels.get(channel).is_some_and(|subscribers| subscribers.contains_key(&connection))
    }

    /// The channels that have subscribers, with their number.
    pub fn channels(&self) -> impl Iterator<Item = (&ChannelName, usize)> {
        self.channels.iter().map(|(name, subscribers)| (name, subscribers.len()))
    }

    /// How many channels have subscribers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// Whether no channel has a subscriber.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    fn remove(&mut self, channel: &str, connection: ConnectionId) -> Option<S> {
        let subscribers = self.channels.get_mut(channel)?;
        let subscriber = subscribers.remove(&connection);
        if subscribers.is_empty() {
            self.channels.remove(channel);
        }
        subscriber
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn channel(number: u8) -> ChannelName {
        ChannelName::parse(&format!("chat:{number}")).unwrap()
    }

    fn connection(number: u8) -> ConnectionId {
        ConnectionId(Uuid::from_u128(number.into()))
    }

    #[test]
    fn joining_again_replaces_the_subscriber_and_stays_one_membership() {
        let mut channels = Channels::default();
        assert_eq!(channels.join(channel(1), connection(1), "old"), None);
        assert_eq!(channels.join(channel(1), connection(1), "new"), Some("old"));
        assert_eq!(channels.leave("chat:1", connection(1)), Some("new"));
        assert!(channels.leave_all(connection(1)).is_empty() && channels.is_empty());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Join(u8, u8),
        Leave(u8, u8),
        LeaveAll(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0_u8..5, 0_u8..6).prop_map(|(c, s)| Step::Join(c, s)),
            2 => (0_u8..5, 0_u8..6).prop_map(|(c, s)| Step::Leave(c, s)),
            1 => (0_u8..6).prop_map(Step::LeaveAll),
        ]
    }

    proptest! {
        #[test]
        fn the_table_is_a_set_of_pairs(steps in prop::collection::vec(step(), 0..120)) {
            let mut channels = Channels::default();
            let mut model: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Join(c, s) => {
                        let new = model.entry(c).or_default().insert(s);
                        prop_assert_eq!(channels.join(channel(c), connection(s), s).is_none(), new);
                    }
                    Step::Leave(c, s) => {
                        let was = model.get_mut(&c).is_some_and(|set| set.remove(&s));
                        prop_assert_eq!(channels.leave(&channel(c), connection(s)), was.then_some(s));
                    }
                    Step::LeaveAll(s) => {
                        let left: BTreeSet<_> = channels.leave_all(connection(s)).into_iter().collect();
                        let expected: BTreeSet<_> =
                            model.iter_mut().filter_map(|(c, set)| set.remove(&s).then(|| channel(*c))).collect();
                        prop_assert_eq!(left, expected);
                    }
                }
                model.retain(|_, set| !set.is_empty());
                prop_assert_eq!(channels.len(), model.len());
                for (c, set) in &model {
                    let name = channel(*c);
                    let found: BTreeSet<u8> = channels.subscribers(&name).copied().collect();
                    prop_assert_eq!(&found, set);
                    prop_assert_eq!(channels.subscriber_count(&name), set.len());
                    prop_assert!(set.iter().all(|s| channels.is_member(&name, connection(*s))));
                }
                let members: BTreeSet<_> = model.values().flatten().collect();
                prop_assert_eq!(channels.memberships.len(), members.len());
            }
        }
    }
}
