//! The subscribers of one shard of channels: who receives what is published.
//!
//! A shard's actor owns one table. `S` is whatever it delivers through. A channel without subscribers takes no memory.

use std::collections::HashMap;

pub use super::namespace::{ChannelName, ChannelNameError};
use crate::id::ConnectionId;

/// Channels and their subscribers.
#[derive(Debug)]
pub struct Channels<S>(HashMap<ChannelName, HashMap<ConnectionId, S>>);

impl<S> Default for Channels<S> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<S> Channels<S> {
    /// Adds a connection to a channel. One that was in it already stays in it once; its old subscriber is returned.
    pub fn join(&mut self, channel: ChannelName, connection: ConnectionId, subscriber: S) -> Option<S> {
        self.0.entry(channel).or_default().insert(connection, subscriber)
    }

    /// Takes a connection out of a channel; `None` if it was not in it.
    pub fn leave(&mut self, channel: &str, connection: ConnectionId) -> Option<S> {
        let subscribers = self.0.get_mut(channel)?;
        let subscriber = subscribers.remove(&connection);
        if subscribers.is_empty() {
            self.0.remove(channel);
        }
        subscriber
    }

    /// Everyone who receives what is published in a channel, in no particular order.
    pub fn subscribers(&self, channel: &str) -> impl Iterator<Item = &S> {
        self.0.get(channel).into_iter().flat_map(HashMap::values)
    }

    /// How many channels have subscribers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody is subscribed to anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        assert!(channels.leave("chat:1", connection(1)).is_none() && channels.is_empty());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Join(u8, u8),
        Leave(u8, u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0_u8..5, 0_u8..6).prop_map(|(c, s)| Step::Join(c, s)),
            2 => (0_u8..5, 0_u8..6).prop_map(|(c, s)| Step::Leave(c, s)),
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
                }
                model.retain(|_, set| !set.is_empty());
                prop_assert_eq!(channels.len(), model.len());
                for (c, set) in &model {
                    let name = channel(*c);
                    let found: BTreeSet<u8> = channels.subscribers(&name).copied().collect();
                    prop_assert_eq!(&found, set);
                }
            }
        }
    }
}
