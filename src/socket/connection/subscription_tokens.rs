//! [`SubscriptionTokens`]: keeps the tokens of a connection's subscriptions in the index of this node, so that a revocation of
//! one of them asks this connection.

use actors::runtime::TokenUse;
use protocol::channel_name::ChannelName;

/// The tokens in use, at most one for each channel.
#[derive(Default)]
pub(crate) struct SubscriptionTokens(Vec<(ChannelName, TokenUse)>);

impl SubscriptionTokens {
    /// The latest token of a subscription. `None` for a token that cannot be revoked by its id.
    pub(crate) fn keep(&mut self, channel: ChannelName, token_use: Option<TokenUse>) {
        self.0.retain(|(known, _)| *known != channel);
        self.0.extend(token_use.map(|token_use| (channel, token_use)));
    }

    /// Forgets the tokens of subscriptions that have ended.
    pub(crate) fn retain(&mut self, subscribed: impl Fn(&ChannelName) -> bool) {
        self.0.retain(|(channel, _)| subscribed(channel));
    }
}
