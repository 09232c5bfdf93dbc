//! Channel names and namespaces: which channels there are, and who may subscribe and publish.
//!
//! The connection's dialogue asks here before it lets a command through. A channel needs no creation: a name in a known
//! namespace is a channel.

use std::{borrow::Borrow, collections::HashMap, fmt, ops::Deref, sync::Arc};

use crate::{
    id::Subject,
    protocol::{ErrorCode, PublishRequest, SubscribeRequest},
};

/// The longest channel name, in bytes.
pub const MAX_CHANNEL_NAME: usize = 255;

/// A channel's name: 1 to 255 printable ASCII characters; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

/// A text that is no channel name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a channel name is 1 to {MAX_CHANNEL_NAME} printable ASCII characters")]
pub struct ChannelNameError;

impl From<ChannelNameError> for ErrorCode {
    fn from(_: ChannelNameError) -> Self {
        Self::BadRequest
    }
}

impl ChannelName {
    /// Takes a name as it came from a client.
    ///
    /// # Errors
    /// When it is empty, too long or not printable ASCII.
    pub fn parse(name: &str) -> Result<Self, ChannelNameError> {
        let printable = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if name.is_empty() || name.len() > MAX_CHANNEL_NAME || !printable {
            return Err(ChannelNameError);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first `:`, if there is one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.0.split_once(':').map(|(namespace, _)| namespace)
    }

    /// Whether a personal channel is this user's: `user:#42`, or `user:#7,42` for several users.
    #[must_use]
    pub fn is_owned_by(&self, user: &Subject) -> bool {
        let owners = self.0.split_once('#').map_or("", |(_, owners)| owners);
        !user.is_anonymous() && owners.split(',').any(|owner| owner == user.as_str())
    }

    /// A leading `$` asks for a subscription token of its own.
    fn is_private(&self) -> bool {
        self.0.starts_with('$')
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Deref for ChannelName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ChannelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What a user is, as far as rights in channels go; each has what those before it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Came without a name.
    Anonymous,
    /// Signed in, here or with an outside issuer.
    User,
    /// Signed in here as an operator.
    Operator,
    /// Signed in here as an administrator.
    Admin,
}

/// Who may publish in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishRight {
    /// Connections that are subscribed to it.
    Members,
    /// Every authenticated connection.
    Anyone,
    /// Only the server.
    Nobody,
}

/// Who may subscribe to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeRight {
    /// Every authenticated connection.
    Anyone,
    /// The users named after the `#` of the channel's name.
    Owner,
}

/// What a namespace allows. Every namespace is live: publications reach whoever is subscribed, and nothing is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamespaceOptions {
    /// Who may publish.
    pub publish: PublishRight,
    /// Who may subscribe.
    pub subscribe: SubscribeRight,
}

impl NamespaceOptions {
    /// Live publications and nothing else.
    #[must_use]
    pub const fn live(publish: PublishRight, subscribe: SubscribeRight) -> Self {
        Self { publish, subscribe }
    }
}

/// The table of namespaces. Channels outside of it do not exist.
#[derive(Clone, Debug)]
pub struct Namespaces(HashMap<String, NamespaceOptions>);

impl Default for Namespaces {
    /// `chat` and `ephemeral`, in which members publish, and `user` for personal channels.
    fn default() -> Self {
        let members = NamespaceOptions::live(PublishRight::Members, SubscribeRight::Anyone);
        let personal = NamespaceOptions::live(PublishRight::Nobody, SubscribeRight::Owner);
        Self(HashMap::from([
            ("chat".to_owned(), members),
            ("ephemeral".to_owned(), members),
            ("user".to_owned(), personal),
        ]))
    }
}

impl Namespaces {
    /// The table with one more namespace, or another's options changed.
    #[must_use]
    pub fn with(mut self, name: &str, options: NamespaceOptions) -> Self {
        self.0.insert(name.to_owned(), options);
        self
    }

    /// The options of a channel.
    ///
    /// # Errors
    /// 103 for a private channel (no subscription tokens are offered), 102 for an unknown namespace.
    pub fn options(&self, channel: &ChannelName) -> Result<&NamespaceOptions, ErrorCode> {
        if channel.is_private() {
            return Err(ErrorCode::PermissionDenied);
        }
        channel.namespace().and_then(|name| self.0.get(name)).ok_or(ErrorCode::UnknownChannel)
    }

    /// Whether this user may subscribe as asked.
    ///
    /// # Errors
    /// 102 unknown namespace, 103 not permitted, 107 a tags filter (ignoring it would deliver what was filtered out),
    /// 108 a kind that is not offered, 112 a position that cannot be recovered.
    pub fn check_subscribe(
        &self,
        channel: &ChannelName,
        request: &SubscribeRequest,
        user: &Subject,
    ) -> Result<(), ErrorCode> {
        let options = self.options(channel)?;
        if options.subscribe == SubscribeRight::Owner && !channel.is_owned_by(user) {
            return Err(ErrorCode::PermissionDenied);
        }
        if request.tags_filter {
            return Err(ErrorCode::BadRequest);
        }
        if request.kind != 0 {
            return Err(ErrorCode::NotAvailable);
        }
        if request.must_recover {
            return Err(ErrorCode::UnrecoverablePosition);
        }
        Ok(())
    }

    /// Whether a connection may publish as asked.
    ///
    /// # Errors
    /// 102 unknown namespace, 103 not permitted, 107 no data, 108 a kind that is not offered.
    pub fn check_publish(
        &self,
        channel: &ChannelName,
        request: &PublishRequest,
        member: bool,
    ) -> Result<(), ErrorCode> {
        let allowed = match self.options(channel)?.publish {
            PublishRight::Members => member,
            PublishRight::Anyone => true,
            PublishRight::Nobody => false,
        };
        if !allowed {
            return Err(ErrorCode::PermissionDenied);
        }
        if request.data.is_none() {
            return Err(ErrorCode::BadRequest);
        }
        if request.kind != 0 {
            return Err(ErrorCode::NotAvailable);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "namespace_tests.rs"]
mod tests;
