//! The names of the methods, the scope for each of them, and the methods of Centrifugo that this server does not have.

use domain::tokens::api_key::ApiScope;

macro_rules! methods {
    ($($name:ident = $text:literal needs $scope:ident;)*) => {
        /// A method.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::http) enum Method { $($name,)* }

        impl Method {
            /// Every method.
            pub(in crate::http) const ALL: &[Self] = &[$(Self::$name,)*];

            /// The method with this name.
            pub(super) fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)* _ => None }
            }

            /// The name of the method.
            pub(in crate::http) fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The scope that the key needs.
            pub(in crate::http) fn scope(self) -> ApiScope {
                match self { $(Self::$name => ApiScope::$scope,)* }
            }
        }
    };
}

methods! {
    Publish = "publish" needs Publish;
    Broadcast = "broadcast" needs Publish;
    Presence = "presence" needs Channels;
    PresenceStats = "presence_stats" needs Channels;
    History = "history" needs Channels;
    Channels = "channels" needs Channels;
    Info = "info" needs Channels;
    HistoryRemove = "history_remove" needs History;
    Subscribe = "subscribe" needs Connections;
    Unsubscribe = "unsubscribe" needs Connections;
    Disconnect = "disconnect" needs Connections;
    Refresh = "refresh" needs Connections;
    Connections = "connections" needs Connections;
    BlockUser = "block_user" needs Tokens;
    UnblockUser = "unblock_user" needs Tokens;
    RevokeToken = "revoke_token" needs Tokens;
    InvalidateUserTokens = "invalidate_user_tokens" needs Tokens;
}

impl Method {
    /// Whether the method delivers to connections or extends their rights. A node that may have missed a revocation rejects
    /// such a method.
    pub(in crate::http) fn needs_trust(self) -> bool {
        matches!(self, Self::Publish | Self::Broadcast | Self::Subscribe | Self::Refresh)
    }
}

/// The name in a path, or in a command of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MethodName {
    /// A method.
    Method(Method),
    /// `batch`: several methods.
    Batch,
    /// A method of Centrifugo that this server does not have: error 108.
    NotOffered,
}

impl MethodName {
    /// Reads a name. `None` if neither this server nor Centrifugo has such a method.
    pub(super) fn parse(name: &str) -> Option<Self> {
        const FAMILIES: [&str; 6] =
            ["map_", "shared_poll_", "device_", "user_topic_", "push_", "cancel_push"];
        const OTHERS: [&str; 5] =
            ["rpc", "send_push_notification", "update_push_status", "update_user_status", "get_user_status"];
        if name == "batch" {
            return Some(Self::Batch);
        }
        if let Some(method) = Method::parse(name) {
            return Some(Self::Method(method));
        }
        let known = OTHERS.contains(&name)
            || name == "delete_user_status"
            || FAMILIES.iter().any(|family| name.starts_with(family));
        known.then_some(Self::NotOffered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_methods_are_recognised_and_other_names_are_unknown() {
        for name in ["publish", "presence_stats", "invalidate_user_tokens"] {
            assert!(
                matches!(MethodName::parse(name), Some(MethodName::Method(method)) if method.name() == name)
            );
        }
        assert_eq!(MethodName::parse("batch"), Some(MethodName::Batch));
        assert_eq!(MethodName::parse("map_publish"), Some(MethodName::NotOffered));
        assert_eq!(MethodName::parse("rpc"), Some(MethodName::NotOffered));
        assert_eq!(MethodName::parse("Publish"), None);
        assert_eq!(MethodName::parse("v1"), None);
    }
}
