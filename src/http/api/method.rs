//! The methods, what each takes of a key, and those of the original that are not offered.

use domain::tokens::api_key::ApiScope;

macro_rules! methods {
    ($($name:ident = $word:literal takes $scope:ident;)*) => {
        /// A method.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Method { $($name,)* }

        impl Method {
            /// The method of this name.
            pub(super) fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }

            /// Its name.
            pub(super) fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What a key needs for it.
            pub(super) fn scope(self) -> ApiScope {
                match self { $(Self::$name => ApiScope::$scope,)* }
            }
        }
    };
}

methods! {
    Publish = "publish" takes Publish;
    Broadcast = "broadcast" takes Publish;
    Presence = "presence" takes Channels;
    PresenceStats = "presence_stats" takes Channels;
    History = "history" takes Channels;
    Channels = "channels" takes Channels;
    Info = "info" takes Channels;
    HistoryRemove = "history_remove" takes History;
    Subscribe = "subscribe" takes Connections;
    Unsubscribe = "unsubscribe" takes Connections;
    Disconnect = "disconnect" takes Connections;
    Refresh = "refresh" takes Connections;
    Connections = "connections" takes Connections;
    BlockUser = "block_user" takes Tokens;
    UnblockUser = "unblock_user" takes Tokens;
    RevokeToken = "revoke_token" takes Tokens;
    InvalidateUserTokens = "invalidate_user_tokens" takes Tokens;
}

/// What a path or a command of a batch names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A method.
    Method(Method),
    /// Several of them.
    Batch,
    /// A method of the original that this server does not have: error 108.
    NotOffered,
}

impl Named {
    /// What this names; `None` for nothing that ever was.
    pub(super) fn parse(word: &str) -> Option<Self> {
        const FAMILIES: [&str; 6] =
            ["map_", "shared_poll_", "device_", "user_topic_", "push_", "cancel_push"];
        const OTHERS: [&str; 5] =
            ["rpc", "send_push_notification", "update_push_status", "update_user_status", "get_user_status"];
        if word == "batch" {
            return Some(Self::Batch);
        }
        if let Some(method) = Method::parse(word) {
            return Some(Self::Method(method));
        }
        let known = OTHERS.contains(&word)
            || word == "delete_user_status"
            || FAMILIES.iter().any(|family| word.starts_with(family));
        known.then_some(Self::NotOffered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_known_by_its_own_word() {
        for word in ["publish", "presence_stats", "invalidate_user_tokens"] {
            assert!(matches!(Named::parse(word), Some(Named::Method(method)) if method.word() == word));
        }
        assert_eq!(Named::parse("batch"), Some(Named::Batch));
        assert_eq!(Named::parse("map_publish"), Some(Named::NotOffered));
        assert_eq!(Named::parse("rpc"), Some(Named::NotOffered));
        assert_eq!(Named::parse("Publish"), None);
        assert_eq!(Named::parse("v1"), None);
    }
}
