//! [`ChannelRights`]: what a user may do in a channel. The rules in `admission` make it, for a client that asks beforehand.

/// What a user may do in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelRights {
    /// Whether the user may subscribe without a subscription token.
    pub subscribe: bool,
    /// Whether the user may publish, once subscribed.
    pub publish: bool,
    /// Whether the user may read presence, once subscribed.
    pub presence: bool,
    /// Whether the user may read the history, once subscribed.
    pub history: bool,
}
