//! Error codes of replies: what a command is answered with when it is refused and the connection stays open.
//!
//! The codes and texts below 400 are the protocol's own (100–112), because SDKs act on them: a temporary error is tried again,
//! 109 makes the client fetch a new token, everything else ends the subscription or the connection for good.

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

            /// The protocol's text for it: plain ASCII that needs no escaping.
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
    /// Something the client cannot help; it may try again.
    Internal = 100, "internal server error";
    /// No identity where one is needed.
    Unauthorized = 101, "unauthorized";
    /// The channel's namespace does not exist.
    UnknownChannel = 102, "unknown channel";
    /// The user may not do this.
    PermissionDenied = 103, "permission denied";
    /// No such method.
    MethodNotFound = 104, "method not found";
    /// The connection is already subscribed to the channel.
    AlreadySubscribed = 105, "already subscribed";
    /// More channels than a connection may have.
    LimitExceeded = 106, "limit exceeded";
    /// The request itself is wrong.
    BadRequest = 107, "bad request";
    /// The feature is not offered.
    NotAvailable = 108, "not available";
    /// The token expired: fetch a new one.
    TokenExpired = 109, "token expired";
    /// What was asked about has expired; no token is involved.
    Expired = 110, "expired";
    /// Too many commands; the client may try again.
    TooManyRequests = 111, "too many requests";
    /// The position to recover from is no longer known.
    UnrecoverablePosition = 112, "unrecoverable position";
    /// The channel carries bytes, which only the Protobuf protocol can carry. The number is from the range that the
    /// protocol leaves to applications (400 to 1999).
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
