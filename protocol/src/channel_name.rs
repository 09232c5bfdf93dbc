//! The name of a channel, as clients, tokens and the server API write it.
//!
//! Centrifuge's conventions: the text up to the first `:` is the namespace, `$` marks a private channel, `#` the users
//! that a channel is limited to. What a namespace permits is a rule of `logic::namespace`.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use crate::{ErrorCode, id::Subject};

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

    /// What stands before the first `:`, if there is one, without the `$` of a private channel. Names of users, behind a
    /// `#`, may have any form.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        let name = self.0.strip_prefix('$').unwrap_or(&self.0);
        let name = name.split_once('#').map_or(name, |(name, _)| name);
        name.split_once(':').map(|(namespace, _)| namespace)
    }

    /// Whether a user-limited channel is this user's: `user:#42`, or `user:#7,42` for several users.
    #[must_use]
    pub fn is_owned_by(&self, user: &Subject) -> bool {
        let owners = self.0.split_once('#').map_or("", |(_, owners)| owners);
        !user.is_anonymous() && owners.split(',').any(|owner| owner == user.as_str())
    }

    /// A leading `$` asks for a subscription token of its own.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.0.starts_with('$')
    }

    /// A `#` limits the channel to the users named after it.
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
