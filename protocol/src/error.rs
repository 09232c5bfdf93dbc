//! Error codes of replies. A refused command is answered with an error code, and the connection stays open.
//!
//! The codes and texts below 400 are those of the protocol (100–112), because SDKs act on them. An SDK repeats `connect` or
//! `subscribe` after a temporary error, and fetches a new token after 109. After any other error it does not try again.

use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $message:literal;)*) => {
        /// Why a command is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum ErrorCode {
            $($(#[$doc])* $name = $code,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number on the wire.
            #[must_use]
            pub fn code(self) -> u16 {
                self as u16
            }

            /// The protocol's text for the code. It is plain ASCII that needs no escaping.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $message,)*
                }
            }
        }
    };
}

error_codes! {
    /// A failure or overload of the server, or an expired token in `sub_refresh`. The client may try again.
    Internal = 100, "internal server error";
    /// The command requires an identity, and the connection has none. This server closes the connection instead of sending this
    /// error.
    Unauthorized = 101, "unauthorized";
    /// The channel's namespace does not exist.
    UnknownChannel = 102, "unknown channel";
    /// The user lacks the right that the command requires, a subscription token is not valid, or `sub_refresh` names a channel
    /// without a subscription.
    PermissionDenied = 103, "permission denied";
    /// The method does not exist. This server does not send this error.
    MethodNotFound = 104, "method not found";
    /// The connection is already subscribed to the channel.
    AlreadySubscribed = 105, "already subscribed";
    /// A limit is reached, for example the number of channels of a connection, or the number of subscribers of a channel.
    LimitExceeded = 106, "limit exceeded";
    /// The request is not valid.
    BadRequest = 107, "bad request";
    /// The feature is not offered.
    NotAvailable = 108, "not available";
    /// The token expired. The client fetches a new one.
    TokenExpired = 109, "token expired";
    /// The expiry that the request itself states (not the expiry of a token) is in the past. This server does not send this
    /// error.
    Expired = 110, "expired";
    /// A rate limit, a quota or a limit of connections is exceeded. The client may try again.
    TooManyRequests = 111, "too many requests";
    /// The history cannot be recovered or read from the position in the request.
    UnrecoverablePosition = 112, "unrecoverable position";
    /// The channel is only for clients of the Protobuf protocol. This number is in the range that the protocol reserves for
    /// applications (400 to 1999).
    BinaryChannel = 440, "binary channel needs the protobuf protocol";
}

impl ErrorCode {
    /// Whether a client may send the same command again.
    #[must_use]
    pub fn temporary(self) -> bool {
        matches!(self, Self::Internal | Self::TooManyRequests)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.message())
    }
}
