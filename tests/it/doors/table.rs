//! The table: what each door answers, to what is genuine and for each reason to refuse it.

use super::{Door, Reason};

/// How a door answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An HTTP status; an error is a problem.
    Http(u16),
    /// An error reply on an open socket; 0 is none.
    ErrorReply(u64),
    /// A close frame.
    Close(u16, String),
}
use Outcome::{ErrorReply, Http};

fn close(code: u16, reason: &str) -> Outcome {
    Outcome::Close(code, reason.to_owned())
}

/// The answer when nothing is wrong.
pub(super) fn granted(door: Door) -> Outcome {
    match door {
        Door::RestBearer
        | Door::RestCookie
        | Door::RefreshBody
        | Door::RefreshCookie
        | Door::Logout
        | Door::SecondFactor
        | Door::PasskeyFactor
        | Door::StepUp
        | Door::NewPassword
        | Door::Admin
        | Door::StreamBearer => Http(200),
        Door::WsQuery | Door::WsCookie | Door::WsBearer | Door::Ticket => Http(101),
        Door::SdkCookie
        | Door::FirstCommand
        | Door::RefreshCommand
        | Door::StreamCookie
        | Door::StreamCommand
        | Door::EmulatedRefresh => ErrorReply(0),
    }
}

/// The row of the table.
pub(super) fn expected(door: Door, reason: Reason) -> Outcome {
    use Door::{
        Admin, EmulatedRefresh, FirstCommand, Logout, NewPassword, PasskeyFactor, RefreshBody,
        RefreshCommand, RefreshCookie, RestBearer, RestCookie, SdkCookie, SecondFactor, StepUp, StreamBearer,
        StreamCommand, StreamCookie, Ticket, WsBearer, WsCookie, WsQuery,
    };
    match door {
        // A page elsewhere cannot have a browser add a header, so its origin says nothing more.
        RestBearer | StepUp | NewPassword | Admin if reason == Reason::ForeignOrigin => granted(door),
        NewPassword | Admin if reason == Reason::NoPrivilege => Http(403),
        Logout => logout(reason),
        RefreshCookie => refresh_by_cookie(reason),
        SecondFactor | PasskeyFactor => second_factor(door, reason),
        SdkCookie | FirstCommand | StreamCookie | StreamCommand => first_command(reason),
        RefreshCommand => refresh_command(reason),
        EmulatedRefresh => emulated_refresh(reason),
        RestBearer | RestCookie | RefreshBody | StepUp | NewPassword | Admin | WsQuery | WsCookie
        | WsBearer | Ticket | StreamBearer => ordinary(door, reason),
    }
}

fn ordinary(door: Door, reason: Reason) -> Outcome {
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
        | Reason::PublicKey
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage => Http(401),
        // The refresh token is another, and brings a new access token.
        Reason::TokenRevoked if door == Door::RefreshBody => granted(door),
        Reason::TokenRevoked => Http(401),
        Reason::ForeignOrigin | Reason::Blocked => Http(403),
        Reason::NoPrivilege => granted(door),
    }
}

/// Signing out works with a token that has expired; where there is nothing to end, nothing is ended.
fn logout(reason: Reason) -> Outcome {
    match reason {
        // A session that opens nothing may still sign out.
        Reason::Expired | Reason::NoPrivilege | Reason::Blocked | Reason::TokenRevoked => {
            granted(Door::Logout)
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
        | Reason::PublicKey
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage => Http(204),
        Reason::ForeignOrigin => Http(403),
    }
}

/// The CSRF token that must come along is bound to a session that a forged cookie does not name.
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
        | Reason::PublicKey
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage
        | Reason::ForeignOrigin => Http(403),
        Reason::NoPrivilege | Reason::TokenRevoked => granted(Door::RefreshCookie),
    }
}

/// It belongs to no session yet, so one that ends says nothing; that of the user, or of the password's being right, does.
fn second_factor(door: Door, reason: Reason) -> Outcome {
    match reason {
        Reason::RevokedSession | Reason::SignedOut | Reason::NoPrivilege | Reason::TokenRevoked => {
            granted(door)
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
        | Reason::PublicKey
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
        | Reason::PublicKey
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage => close(3500, "invalid token"),
        // The handshake is refused already.
        Reason::ForeignOrigin => Http(403),
        Reason::NoPrivilege => granted(Door::FirstCommand),
    }
}

/// What ended the session has closed the socket; else it is closed for the token.
fn refresh_command(reason: Reason) -> Outcome {
    match reason {
        // An error reply would end a client for good; after this close it comes back with a new token.
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
        | Reason::PublicKey
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage
        | Reason::ForeignOrigin
        | Reason::NoPrivilege => first_command(reason),
    }
}

/// The end of the session has ended the stream, which is not found any more.
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
        | Reason::PublicKey
        | Reason::WrongType
        | Reason::WrongAudience
        | Reason::UnknownKey
        | Reason::Garbage
        | Reason::ForeignOrigin
        | Reason::NoPrivilege => refresh_command(reason),
    }
}
