//! Channel names and namespaces: which channels there are, what their namespaces allow and keep.
//!
//! The client's state machine asks here before it lets a command through ([`admission`]); the shards ask for the options of
//! their channels. A channel needs no creation: a name in a known namespace is a channel.

mod admission;
mod options;
mod party;

use std::{collections::HashMap, sync::Arc};

use protocol::{ErrorCode, channel_name::ChannelName, id::Subject};

pub use admission::{ChannelUser, Terms};
pub use options::{MAX_PUBLICATION_BYTES, Offer, Options, RecoveryMode, Right, Rights};
pub use party::Party;

/// The table of namespaces. Channels outside of it do not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespaces {
    named: HashMap<String, Arc<Options>>,
    without_namespace: Option<Arc<Options>>,
    personal: Option<String>,
}

impl Default for Namespaces {
    /// `chat` and `ephemeral`, in which subscribers publish, and `user` for personal channels.
    fn default() -> Self {
        Self::empty()
            .with("chat", Options::chat())
            .with("ephemeral", Options::ephemeral())
            .with("user", Options::personal())
    }
}

impl Namespaces {
    /// No channel exists.
    #[must_use]
    pub fn empty() -> Self {
        Self { named: HashMap::new(), without_namespace: None, personal: None }
    }

    /// The table with one more namespace, or another's options changed.
    #[must_use]
    pub fn with(mut self, name: &str, options: Options) -> Self {
        self.named.insert(name.to_owned(), Arc::new(options));
        self
    }

    /// The table with options for channels whose names have no `:`.
    #[must_use]
    pub fn with_nameless(mut self, options: Options) -> Self {
        self.without_namespace = Some(Arc::new(options));
        self
    }

    /// The table with personal channels in this namespace (empty for names without one), to which the server subscribes
    /// every connection of a user with a name.
    #[must_use]
    pub fn with_personal(mut self, namespace: &str) -> Self {
        self.personal = Some(namespace.to_owned());
        self
    }

    /// The options of a channel.
    ///
    /// # Errors
    /// 102 for an unknown namespace.
    pub fn options(&self, channel: &ChannelName) -> Result<&Arc<Options>, ErrorCode> {
        let options = match channel.namespace() {
            Some(namespace) => self.named.get(namespace),
            None => self.without_namespace.as_ref(),
        };
        options.ok_or(ErrorCode::UnknownChannel)
    }

    /// The options of every namespace; those for names without one under the empty name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Options)> {
        let named = self.named.iter().map(|(name, options)| (name.as_str(), &**options));
        named.chain(self.without_namespace.as_deref().map(|options| ("", options)))
    }

    /// The channel to which the server subscribes each connection of this user. A name with a comma would be a list of
    /// users, others among them: it has none.
    #[must_use]
    pub fn personal(&self, user: &Subject) -> Option<ChannelName> {
        let single = !user.is_anonymous() && !user.as_str().contains(',');
        let namespace = self.personal.as_deref().filter(|_| single)?;
        let colon = if namespace.is_empty() { "" } else { ":" };
        ChannelName::parse(&format!("{namespace}{colon}#{user}")).ok()
    }

    /// Whether this named user has no personal channel although personal channels are on: because the name, with
    /// letters outside ASCII, a comma, or too long, makes no name of a channel.
    #[must_use]
    pub fn leaves_out(&self, user: &Subject) -> bool {
        self.personal.is_some() && !user.is_anonymous() && self.personal(user).is_none()
    }
}

#[cfg(test)]
#[path = "namespace_tests.rs"]
mod tests;
