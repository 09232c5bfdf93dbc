//! Every door by which a credential comes in, against every reason to refuse it.
//!
//! Both lists are enumerations and [`expected`] matches on them without a wildcard, so that a door or a reason without its
//! row does not compile.

mod visit;

use std::time::Duration;

use portcullis::domain::role::Role;
use serde_json::{Value, json};

use crate::harness::{App, Forgery};
use visit::Visit;

/// Where a credential comes in.
#[derive(Clone, Copy, Debug)]
enum Door {
    RestBearer,
    RestCookie,
    RefreshBody,
    RefreshCookie,
    Logout,
    WsQuery,
    WsCookie,
    WsBearer,
    FirstCommand,
    Ticket,
}

/// Why it must be refused.
#[derive(Clone, Copy, Debug)]
enum Reason {
    RevokedSession,
    SignedOut,
    DisabledUser,
    ExpiredToken,
    WrongSignature,
    AlgorithmNone,
    UnknownKey,
    Garbage,
    ForeignOrigin,
}

impl Reason {
    const ALL: [Self; 9] = [
        Self::RevokedSession,
        Self::SignedOut,
        Self::DisabledUser,
        Self::ExpiredToken,
        Self::WrongSignature,
        Self::AlgorithmNone,
        Self::UnknownKey,
        Self::Garbage,
        Self::ForeignOrigin,
    ];

    /// What is wrong with the token itself.
    fn forgery(self) -> Option<Forgery> {
        match self {
            Self::ExpiredToken => Some(Forgery::Expired),
            Self::WrongSignature => Some(Forgery::WrongSignature),
            Self::AlgorithmNone => Some(Forgery::AlgorithmNone),
            Self::UnknownKey => Some(Forgery::UnknownKey),
            Self::Garbage => Some(Forgery::Garbage),
            Self::RevokedSession | Self::SignedOut | Self::DisabledUser | Self::ForeignOrigin => None,
        }
    }
}

/// How a door answers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// An HTTP status; an error is a problem.
    Status(u16),
    /// An error reply on an open socket.
    ErrorReply(u64),
    /// A close frame.
    Close(u16, &'static str),
}
use Outcome::{Close, ErrorReply, Status as Http};

/// The row of the table.
fn expected(door: Door, reason: Reason) -> Outcome {
    use Door::{
        FirstCommand, Logout, RefreshBody, RefreshCookie, RestBearer, RestCookie, Ticket, WsBearer, WsCookie,
        WsQuery,
    };
    use Reason::{
        AlgorithmNone, DisabledUser, ExpiredToken, ForeignOrigin, Garbage, RevokedSession, SignedOut,
        UnknownKey, WrongSignature,
    };
    match (door, reason) {
        // A page elsewhere cannot have a browser add this header, so its origin says nothing more.
        (RestBearer, ForeignOrigin) => Http(200),
        (
            RestCookie | RefreshBody | RefreshCookie | Logout | WsQuery | WsCookie | WsBearer | FirstCommand
            | Ticket,
            ForeignOrigin,
        ) => Http(403),
        // Signing out works with a token that has expired; where there is nothing to end, nothing is ended.
        (Logout, ExpiredToken) => Http(200),
        (
            Logout,
            RevokedSession | SignedOut | DisabledUser | WrongSignature | AlgorithmNone | UnknownKey | Garbage,
        ) => Http(204),
        (FirstCommand, ExpiredToken) => ErrorReply(109),
        (FirstCommand, RevokedSession) => Close(4500, "session revoked"),
        (FirstCommand, SignedOut) => Close(4501, "signed out"),
        (FirstCommand, DisabledUser) => Close(4503, "account disabled"),
        (FirstCommand, WrongSignature | AlgorithmNone | UnknownKey | Garbage) => Close(3500, "invalid token"),
        // The CSRF token that must come along is bound to a session that a forged cookie does not name.
        (RefreshCookie, ExpiredToken | WrongSignature | AlgorithmNone | UnknownKey | Garbage) => Http(403),
        (RefreshCookie, RevokedSession | SignedOut | DisabledUser) => Http(401),
        (
            RestBearer | RestCookie | RefreshBody | WsQuery | WsCookie | WsBearer | Ticket,
            RevokedSession | SignedOut | DisabledUser | ExpiredToken | WrongSignature | AlgorithmNone
            | UnknownKey | Garbage,
        ) => Http(401),
    }
}

/// Knocks at this door for every reason, and asks whether what was not to be disturbed lives on.
async fn every_reason_is_refused_at(door: Door) {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    for reason in Reason::ALL {
        let visit = Visit::prepare(&app, &operator, reason).await;
        assert_eq!(visit.knock(door).await, expected(door, reason), "{door:?} with {reason:?}");
        let ended = matches!(reason, Reason::RevokedSession | Reason::SignedOut | Reason::DisabledUser)
            || matches!((door, reason), (Door::Logout, Reason::ExpiredToken));
        assert_eq!(visit.session.works().await, !ended, "the genuine session after {door:?} with {reason:?}");
    }
}

macro_rules! doors {
    ($($fact:ident => $door:ident,)*) => {
        $(#[tokio::test]
        async fn $fact() {
            every_reason_is_refused_at(Door::$door).await;
        })*

        /// Fails to compile when a door has no test above.
        const _: fn(Door) = |door| match door { $(Door::$door => (),)* };
    };
}

doors! {
    a_bearer_header_is_refused_for_every_reason => RestBearer,
    a_cookie_is_refused_for_every_reason => RestCookie,
    a_refresh_by_body_is_refused_for_every_reason => RefreshBody,
    a_refresh_by_cookie_is_refused_for_every_reason => RefreshCookie,
    a_logout_ends_nothing_it_should_not_for_every_reason => Logout,
    a_handshake_with_a_token_in_the_query_is_refused_for_every_reason => WsQuery,
    a_handshake_with_a_cookie_is_refused_for_every_reason => WsCookie,
    a_handshake_with_a_header_is_refused_for_every_reason => WsBearer,
    a_first_command_is_refused_for_every_reason => FirstCommand,
    a_ticket_is_refused_for_every_reason => Ticket,
}

#[tokio::test]
async fn what_is_genuine_passes_every_door() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let ticket = session.post("/api/v1/ws/ticket", &json!({})).await.expect(200).text_of("ticket");
    let visit = Visit {
        operator: session.clone(),
        // Not brought about: nothing is wrong.
        reason: Reason::ExpiredToken,
        token: session.access.clone(),
        refresh: session.refresh.clone(),
        ticket,
        session,
    };
    for (door, outcome) in [
        (Door::RestBearer, Http(200)),
        (Door::RestCookie, Http(200)),
        (Door::WsQuery, Http(101)),
        (Door::WsCookie, Http(101)),
        (Door::WsBearer, Http(101)),
        (Door::FirstCommand, ErrorReply(0)),
        (Door::Ticket, Http(101)),
        (Door::RefreshBody, Http(200)),
        (Door::RefreshCookie, Http(200)),
        (Door::Logout, Http(200)),
    ] {
        assert_eq!(visit.knock(door).await, outcome, "{door:?}");
    }
}

#[tokio::test]
async fn a_refresh_token_whose_time_is_over_is_refused() {
    let app = App::with(|settings| settings.sessions.idle = Duration::from_secs(60 * 86_400));
    let session = app.register().await.sign_in().await;
    app.advance(Duration::from_secs(8 * 86_400));
    let answer: Value = session.try_refresh().await.expect(401).problem().body;
    assert_eq!(answer["status"], 401);
}
