//! The name of a channel, as clients, tokens and the server API write it.
//!
//! Names follow Centrifuge's conventions. A leading `$` marks a private channel. The text before the first `:`, without a
//! leading `$`, is the namespace. If there is a `#`, a list of users follows it, and clients of other users cannot subscribe to
//! the channel. `logic::namespace` has the rules for what a namespace permits.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use crate::{ErrorCode, id::Subject};

/// The longest channel name, in bytes.
pub const MAX_CHANNEL_NAME: usize = 255;

/// A channel's name: 1 to 255 printable ASCII characters. A clone is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

/// The text is not a channel name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a channel name is 1 to {MAX_CHANNEL_NAME} printable ASCII characters")]
pub struct ChannelNameError;

impl From<ChannelNameError> for ErrorCode {
    fn from(_: ChannelNameError) -> Self {
        Self::BadRequest
    }
}

impl ChannelName {
    /// Checks a name that a client, a token or the server API sent.
    ///
    /// # Errors
    /// When the name is empty, too long or not printable ASCII.
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

    /// The text before the first `:`, without the `$` of a private channel; `None` if there is no `:`. A `:` after a `#`
    /// does not count, because it belongs to the name of a user.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        let name = self.0.strip_prefix('$').unwrap_or(&self.0);
        let name = name.split_once('#').map_or(name, |(name, _)| name);
        name.split_once(':').map(|(namespace, _)| namespace)
    }

    /// Whether the name lists this user after a `#`. `user:#42` lists the user 42, and `user:#7,42` lists two users.
    #[must_use]
    pub fn is_owned_by(&self, user: &Subject) -> bool {
        let owners = self.0.split_once('#').map_or("", |(_, owners)| owners);
        !user.is_anonymous() && owners.split(',').any(|owner| owner == user.as_str())
    }

    /// Whether the name begins with `$`. A client can subscribe to such a channel only with a subscription token.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.0.starts_with('$')
    }

    /// Whether the name contains `#`. Only the users that are listed after the `#` can subscribe to such a channel. The server
    /// API can also subscribe other users.
    #[must_use]
    pub fn is_user_limited(&self) -> bool {
        self.0.contains('#')
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
