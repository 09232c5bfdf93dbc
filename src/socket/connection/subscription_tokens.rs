//! [`SubscriptionTokens`]: keeps the tokens of a connection's subscriptions in the index of this node, so that a revocation of
//! such a token finds this connection.

use actors::runtime::TokenUse;
use logic::client::ClientState;
use protocol::channel_name::ChannelName;

/// The tokens in use, at most one for each channel.
#[derive(Default)]
pub(crate) struct SubscriptionTokens(Vec<(ChannelName, TokenUse)>);

impl SubscriptionTokens {
    /// Keeps the latest token of a subscription, and removes the tokens of subscriptions that have ended. `token_use` is `None`
    /// for a token that cannot be revoked by its id.
    pub(crate) fn keep(&mut self, channel: ChannelName, token_use: Option<TokenUse>, client: &ClientState) {
        self.0.retain(|(known, _)| *known != channel && client.has_subscription(known));
        self.0.extend(token_use.map(|token_use| (channel, token_use)));
    }
}
