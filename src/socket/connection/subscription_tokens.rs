//! [`SubscriptionTokens`]: keeps the tokens of a connection's subscriptions in the index of this node, so that a revocation of
//! such a token finds this connection.

use actors::runtime::TokenUse;
use logic::denials::TokenMark;
use protocol::channel_name::ChannelName;

/// The tokens in use, at most one for each channel. As long as a `Use` exists, its token is in the index.
pub(crate) struct SubscriptionTokens<Use = TokenUse>(Vec<(ChannelName, Use)>);

impl<Use> Default for SubscriptionTokens<Use> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<Use> SubscriptionTokens<Use> {
    /// Keeps a token if a subscription depends on it now, in place of an earlier token of the same subscription. A token that
    /// was refused replaces nothing: the subscription still depends on the earlier one. Forgets the tokens of subscriptions
    /// that have ended.
    ///
    /// `current` gives the token that the subscription to a channel depends on, if there is such a subscription. `token_use` is
    /// `None` for a token that cannot be revoked by its id.
    pub(crate) fn keep<'a>(
        &mut self,
        channel: ChannelName,
        token: &TokenMark,
        token_use: Option<Use>,
        current: impl Fn(&ChannelName) -> Option<&'a TokenMark>,
    ) {
        let accepted = current(&channel) == Some(token);
        self.0.retain(|(known, _)| current(known).is_some() && !(accepted && *known == channel));
        self.0.extend(token_use.filter(|_| accepted).map(|token_use| (channel, token_use)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> ChannelName {
        ChannelName::parse("$chat:room").unwrap()
    }

    fn mark(id: &str) -> TokenMark {
        TokenMark { id: Some(id.into()), issued_at_ms: None }
    }

    fn kept(tokens: &SubscriptionTokens<&'static str>) -> Vec<&'static str> {
        tokens.0.iter().map(|(_, token)| *token).collect()
    }

    fn with_first() -> SubscriptionTokens<&'static str> {
        let (mut tokens, first) = (SubscriptionTokens::default(), mark("first"));
        tokens.keep(room(), &first, Some("first"), |_| Some(&first));
        assert_eq!(kept(&tokens), ["first"]);
        tokens
    }

    #[test]
    fn a_renewed_subscription_depends_on_its_newer_token() {
        let (mut tokens, second) = (with_first(), mark("second"));
        tokens.keep(room(), &second, Some("second"), |_| Some(&second));
        assert_eq!(kept(&tokens), ["second"]);
    }

    #[test]
    fn a_refused_token_does_not_replace_the_one_that_the_subscription_depends_on() {
        let (mut tokens, first) = (with_first(), mark("first"));
        tokens.keep(room(), &mark("refused"), Some("refused"), |_| Some(&first));
        assert_eq!(kept(&tokens), ["first"]);
    }

    #[test]
    fn a_token_of_a_subscription_that_has_ended_is_forgotten() {
        let mut tokens = with_first();
        tokens.keep(room(), &mark("late"), Some("late"), |_| None);
        assert!(kept(&tokens).is_empty());
    }
}
