//! Namespaces: which channels exist, which commands they permit, and what they keep.
//!
//! The client state checks each command with [`admission`]; the shards read the options of their channels. Channels are not
//! created: every name in a known namespace is a channel.

mod admission;
mod channel_rights;
mod data_kind;
mod options;
mod party;

use std::{collections::HashMap, sync::Arc};

use protocol::{ErrorCode, channel_name::ChannelName, id::Subject};

pub use admission::{ChannelUser, Terms};
pub use channel_rights::ChannelRights;
pub use data_kind::DataKind;
pub use options::{MAX_PUBLICATION_BYTES, Offer, Options, RecoveryMode, Right, Rights};
pub use party::Party;

/// The table of namespaces. There are no channels in other namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespaces {
    named: HashMap<String, Arc<Options>>,
    /// The options of channels without a namespace in their names; `None` if there are no such channels.
    without_namespace: Option<Arc<Options>>,
    /// The namespace of personal channels; `None` if personal channels are off.
    personal: Option<String>,
}

impl Default for Namespaces {
    /// `chat` and `ephemeral`, where subscribers publish, and `user` for personal channels.
    fn default() -> Self {
        Self::empty()
            .with("chat", Options::chat())
            .with("ephemeral", Options::ephemeral())
            .with("user", Options::personal())
    }
}

impl Namespaces {
    /// A table without namespaces, so no channel exists.
    #[must_use]
    pub fn empty() -> Self {
        Self { named: HashMap::new(), without_namespace: None, personal: None }
    }

    /// Adds a namespace, or replaces the options of an existing one.
    #[must_use]
    pub fn with(mut self, name: &str, options: Options) -> Self {
        self.named.insert(name.to_owned(), Arc::new(options));
        self
    }

    /// Sets the options of channels without a namespace in their names.
    #[must_use]
    pub fn with_nameless(mut self, options: Options) -> Self {
        self.without_namespace = Some(Arc::new(options));
        self
    }

    /// Turns personal channels on: the server subscribes each connection of a named user to the user's channel in this
    /// namespace (see [`Self::personal()`]). With an empty `namespace` the names of these channels have no namespace.
    #[must_use]
    pub fn with_personal(mut self, namespace: &str) -> Self {
        self.personal = Some(namespace.to_owned());
        self
    }

    /// The options of a channel.
    ///
    /// # Errors
    /// 102: the namespace is unknown.
    pub fn options(&self, channel: &ChannelName) -> Result<&Arc<Options>, ErrorCode> {
        let options = match channel.namespace() {
            Some(namespace) => self.named.get(namespace),
            None => self.without_namespace.as_ref(),
        };
        options.ok_or(ErrorCode::UnknownChannel)
    }

    /// Every namespace with its options. The options of channels without a namespace have the empty name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Options)> {
        let named = self.named.iter().map(|(name, options)| (name.as_str(), &**options));
        named.chain(self.without_namespace.as_deref().map(|options| ("", options)))
    }

    /// The personal channel: the server subscribes each connection of this user to it. `None` if personal channels are off, if
    /// the user is anonymous, or if the user's name cannot be part of a channel's name. A name with a comma is excluded,
    /// because the channel's name would be a list that admits other users.
    #[must_use]
    pub fn personal(&self, user: &Subject) -> Option<ChannelName> {
        let single = !user.is_anonymous() && !user.as_str().contains(',');
        let namespace = self.personal.as_deref().filter(|_| single)?;
        let colon = if namespace.is_empty() { "" } else { ":" };
        ChannelName::parse(&format!("{namespace}{colon}#{user}")).ok()
    }

    /// Whether this user has a name but no personal channel, although personal channels are on. The reason is the user's name:
    /// it is too long, or contains a comma or a character that is not printable ASCII.
    #[must_use]
    pub fn leaves_out(&self, user: &Subject) -> bool {
        self.personal.is_some() && !user.is_anonymous() && self.personal(user).is_none()
    }
}

#[cfg(test)]
#[path = "namespace_tests.rs"]
mod tests;
