//! The table of the expected answers of each entry point: to a genuine credential, and for each reason to refuse it.

use super::{EntryPoint, Reason};

/// How an entry point answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An HTTP status. An error comes with a problem document.
    Http(u16),
    /// An error reply on an open socket or stream; 0 means a reply without an error.
    ErrorReply(u64),
    /// A close frame of a socket, or the message with which a stream ends.
    Close(u16, String),
}
use Outcome::{ErrorReply, Http};

fn close(code: u16, reason: &str) -> Outcome {
    Outcome::Close(code, reason.to_owned())
}

/// The answer to a genuine credential.
pub(super) fn granted(entry: EntryPoint) -> Outcome {
    match entry {
        EntryPoint::RestBearer
        | EntryPoint::RestCookie
        | EntryPoint::RefreshBody
        | EntryPoint::RefreshCookie
        | EntryPoint::Logout
        | EntryPoint::SecondFactor
        | EntryPoint::PasskeyFactor
        | EntryPoint::StepUp
        | EntryPoint::NewPassword
        | EntryPoint::Admin
        | EntryPoint::StreamBearer => Http(200),
        EntryPoint::WsQuery | EntryPoint::WsCookie | EntryPoint::WsBearer | EntryPoint::Ticket => Http(101),
        EntryPoint::SdkCookie
        | EntryPoint::FirstCommand
        | EntryPoint::RefreshCommand
        | EntryPoint::StreamCookie
        | EntryPoint::StreamCommand
        | EntryPoint::EmulatedRefresh => ErrorReply(0),
    }
}

/// The answer of this entry point for this reason.
pub(super) fn expected(entry: EntryPoint, reason: Reason) -> Outcome {
    use EntryPoint::{
        Admin, EmulatedRefresh, FirstCommand, Logout, NewPassword, PasskeyFactor, RefreshBody,
        RefreshCommand, RefreshCookie, RestBearer, RestCookie, SdkCookie, SecondFactor, StepUp, StreamBearer,
        StreamCommand, StreamCookie, Ticket, WsBearer, WsCookie, WsQuery,
    };
    match entry {
        // A browser never adds the `Authorization` header by itself, so the origin need not be checked.
        RestBearer | StepUp | NewPassword | Admin if reason == Reason::ForeignOrigin => granted(entry),
        NewPassword | Admin if reason == Reason::NoPrivilege => Http(403),
        Logout => logout(reason),
        RefreshCookie => refresh_by_cookie(reason),
        SecondFactor | PasskeyFactor => second_factor(entry, reason),
        SdkCookie | FirstCommand | StreamCookie | StreamCommand => first_command(reason),
        RefreshCommand => refresh_command(reason),
        EmulatedRefresh => emulated_refresh(reason),
        RestBearer | RestCookie | RefreshBody | StepUp | NewPassword | Admin | WsQuery | WsCookie
        | WsBearer | Ticket | StreamBearer => ordinary(entry, reason),
    }
}

fn ordinary(entry: EntryPoint, reason: Reason) -> Outcome {
    match reason {
        Reason::RevokedSession
        | Reason::RevokedUser
        | Reason::SignedOut
        | Reason::Suspended
        | Reason::Pending
        | Reason::Deactivated
        | Reason::TokensInvalidated
        | Reason::Expired
        | Reason::WrongSignature
        | Reason::AlgorithmNone
        | Reason::OtherHash
        | Reason::StatesRs256
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage => Http(401),
        // The refresh token is not denied, and gives a new access token.
        Reason::TokenRevoked if entry == EntryPoint::RefreshBody => granted(entry),
        Reason::TokenRevoked => Http(401),
        Reason::ForeignOrigin | Reason::Blocked => Http(403),
        Reason::NoPrivilege => granted(entry),
    }
}

/// Signing out works even with an expired token. If there is no session to end, the answer is no error.
fn logout(reason: Reason) -> Outcome {
    match reason {
        // A session can sign out even if the server refuses everything else.
        Reason::Expired | Reason::NoPrivilege | Reason::Blocked | Reason::TokenRevoked => {
            granted(EntryPoint::Logout)
        }
        Reason::RevokedSession
        | Reason::RevokedUser
        | Reason::TokensInvalidated
        | Reason::SignedOut
        | Reason::Suspended
        | Reason::Pending
        | Reason::Deactivated
        | Reason::WrongSignature
        | Reason::AlgorithmNone
        | Reason::OtherHash
        | Reason::StatesRs256
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage => Http(204),
        Reason::ForeignOrigin => Http(403),
    }
}

/// The required CSRF token is bound to a session. A forged cookie does not name that session, so the CSRF check fails first.
fn refresh_by_cookie(reason: Reason) -> Outcome {
    match reason {
        Reason::RevokedSession
        | Reason::RevokedUser
        | Reason::SignedOut
        | Reason::Suspended
        | Reason::Pending
        | Reason::Deactivated
        | Reason::TokensInvalidated => Http(401),
        Reason::Expired
        | Reason::Blocked
        | Reason::WrongSignature
        | Reason::AlgorithmNone
        | Reason::OtherHash
        | Reason::StatesRs256
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage
        | Reason::ForeignOrigin => Http(403),
        Reason::NoPrivilege | Reason::TokenRevoked => granted(EntryPoint::RefreshCookie),
    }
}

/// The second step belongs to no session yet, so the end of a session does not matter. The second step is refused if the user
/// may no longer sign in, or if the first step is no longer valid.
fn second_factor(entry: EntryPoint, reason: Reason) -> Outcome {
    match reason {
        Reason::RevokedSession | Reason::SignedOut | Reason::NoPrivilege | Reason::TokenRevoked => {
            granted(entry)
        }
        Reason::RevokedUser
        | Reason::Blocked
        | Reason::TokensInvalidated
        | Reason::Suspended
        | Reason::Pending
        | Reason::Deactivated
        | Reason::Expired
        | Reason::WrongSignature
        | Reason::AlgorithmNone
        | Reason::OtherHash
        | Reason::StatesRs256
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage => Http(401),
        Reason::ForeignOrigin => Http(403),
    }
}

fn first_command(reason: Reason) -> Outcome {
    match reason {
        Reason::Expired => ErrorReply(109),
        Reason::RevokedSession | Reason::RevokedUser | Reason::TokenRevoked | Reason::TokensInvalidated => {
            close(4500, "session revoked")
        }
        Reason::SignedOut => close(4501, "signed out"),
        Reason::Suspended | Reason::Pending | Reason::Deactivated | Reason::Blocked => {
            close(4503, "account disabled")
        }
        Reason::WrongSignature
        | Reason::AlgorithmNone
        | Reason::OtherHash
        | Reason::StatesRs256
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage => close(3500, "invalid token"),
        // The handshake itself is refused.
        Reason::ForeignOrigin => Http(403),
        Reason::NoPrivilege => granted(EntryPoint::FirstCommand),
    }
}

/// A reason that ends the session, or denies its user or token, has already closed the socket. If only the token is wrong, the
/// command closes the socket.
fn refresh_command(reason: Reason) -> Outcome {
    match reason {
        // After an error reply a client would not reconnect; after this close it reconnects with a new token.
        Reason::Expired => close(3005, "connection expired"),
        Reason::RevokedSession
        | Reason::RevokedUser
        | Reason::SignedOut
        | Reason::Suspended
        | Reason::Pending
        | Reason::Deactivated
        | Reason::Blocked
        | Reason::TokenRevoked
        | Reason::TokensInvalidated
        | Reason::WrongSignature
        | Reason::AlgorithmNone
        | Reason::OtherHash
        | Reason::StatesRs256
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage
        | Reason::ForeignOrigin
        | Reason::NoPrivilege => first_command(reason),
    }
}

/// The end of the session, or the denial of its user or token, has also ended the stream, so the stream is not found.
fn emulated_refresh(reason: Reason) -> Outcome {
    match reason {
        Reason::RevokedSession
        | Reason::RevokedUser
        | Reason::SignedOut
        | Reason::Suspended
        | Reason::Pending
        | Reason::Deactivated
        | Reason::Blocked
        | Reason::TokenRevoked
        | Reason::TokensInvalidated => Http(404),
        Reason::Expired
        | Reason::WrongSignature
        | Reason::AlgorithmNone
        | Reason::OtherHash
        | Reason::StatesRs256
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage
        | Reason::ForeignOrigin
        | Reason::NoPrivilege => refresh_command(reason),
    }
}
