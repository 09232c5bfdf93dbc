//! Every entry point that accepts a credential is tested with every reason to refuse it.
//!
//! Both lists are enumerations, and [`table::expected`] matches on them without a wildcard, so an entry point or a
//! reason without an entry in the table does not compile.

mod attempt;
mod present;
mod table;

use std::time::Duration;

use attempt::Attempt;
use domain::account::role::Role;
use serde_json::Value;
use table::{Outcome, expected, granted};

use crate::harness::App;

macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $member:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum $name { $($(#[$note])* $member,)* }

        impl $name {
            const ALL: &[Self] = &[$(Self::$member,)*];
        }
    };
}

enumeration! {
    /// Where a credential is presented.
    EntryPoint {
        RestBearer,
        RestCookie,
        RefreshBody,
        RefreshCookie,
        Logout,
        /// The second step of a sign-in, which only the browser of the first step may make.
        SecondFactor,
        /// The second step with a passkey.
        PasskeyFactor,
        StepUp,
        /// A change of the caller's account that requires a recent proof of presence.
        NewPassword,
        /// A request that requires a role and a recent proof of presence.
        Admin,
        WsQuery,
        WsCookie,
        WsBearer,
        Ticket,
        /// The access token cookie at the path of the SDKs; it is used if `connect` has no token.
        SdkCookie,
        /// `connect` on a socket that was opened without a credential.
        FirstCommand,
        /// `refresh` on a connected socket.
        RefreshCommand,
        /// The request for an emulated stream.
        StreamBearer,
        /// The request for an emulated stream by cookie. A refused stream contains the reason.
        StreamCookie,
        /// `connect` in the request for an emulated stream without another credential.
        StreamCommand,
        /// `refresh` in a separate request, for a connected emulated stream.
        EmulatedRefresh,
    }
}

enumeration! {
    /// Why the credential must be refused.
    Reason {
        RevokedSession,
        RevokedUser,
        SignedOut,
        Suspended,
        Pending,
        Deactivated,
        /// The user is blocked.
        Blocked,
        /// This very access token was revoked.
        TokenRevoked,
        /// Every token that was issued before a moment was revoked.
        TokensInvalidated,
        Expired,
        WrongSignature,
        AlgorithmNone,
        OtherHash,
        PublicKey,
        WrongType,
        WrongAudience,
        UnknownKey,
        Garbage,
        ForeignOrigin,
        /// The token has no privilege: there was no recent proof of presence, or only a later token carries it.
        NoPrivilege,
    }
}

impl Reason {
    /// Whether the reason affects every token of the session, including genuine ones.
    fn ends_the_session(self) -> bool {
        matches!(
            self,
            Self::RevokedSession
                | Self::RevokedUser
                | Self::SignedOut
                | Self::Suspended
                | Self::Pending
                | Self::Deactivated
                | Self::Blocked
                | Self::TokenRevoked
                | Self::TokensInvalidated
        )
    }
}

/// Presents credentials at this entry point with every reason to refuse them, and checks that other sessions are not
/// affected.
async fn every_reason_is_refused_at(entry: EntryPoint) {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    for reason in Reason::ALL.iter().copied() {
        let mut attempt = Attempt::prepare(&app, &admin, entry, Some(reason)).await;
        let outcome = attempt.present(entry).await;
        assert_eq!(outcome, expected(entry, reason), "{entry:?} with {reason:?}");
        let signed_out = entry == EntryPoint::Logout && outcome == granted(entry);
        let ended = reason.ends_the_session() || signed_out;
        assert_eq!(
            attempt.session.works().await,
            !ended,
            "the genuine session after {entry:?} with {reason:?}"
        );
        attempt.can_still_be_finished(reason).await;
    }
}

macro_rules! entry_points {
    ($($fact:ident => $entry:ident,)*) => {
        $(#[tokio::test]
        async fn $fact() {
            every_reason_is_refused_at(EntryPoint::$entry).await;
        })*

        /// Fails to compile when an entry point has no test above.
        const _: fn(EntryPoint) = |entry| match entry { $(EntryPoint::$entry => (),)* };
    };
}

entry_points! {
    a_bearer_header_is_refused_for_every_reason => RestBearer,
    a_cookie_is_refused_for_every_reason => RestCookie,
    a_refresh_by_body_is_refused_for_every_reason => RefreshBody,
    a_refresh_by_cookie_is_refused_for_every_reason => RefreshCookie,
    a_logout_ends_nothing_it_should_not_for_every_reason => Logout,
    the_second_half_of_a_sign_in_is_refused_for_every_reason => SecondFactor,
    a_passkey_as_second_half_of_a_sign_in_is_refused_for_every_reason => PasskeyFactor,
    a_proof_of_presence_is_refused_for_every_reason => StepUp,
    what_takes_a_proof_of_presence_is_refused_for_every_reason => NewPassword,
    what_operators_do_is_refused_for_every_reason => Admin,
    a_handshake_with_a_token_in_the_query_is_refused_for_every_reason => WsQuery,
    a_handshake_with_a_cookie_is_refused_for_every_reason => WsCookie,
    a_handshake_with_a_header_is_refused_for_every_reason => WsBearer,
    a_ticket_is_refused_for_every_reason => Ticket,
    a_cookie_where_sdks_connect_is_refused_for_every_reason => SdkCookie,
    a_first_command_is_refused_for_every_reason => FirstCommand,
    a_refresh_command_is_refused_for_every_reason => RefreshCommand,
    a_stream_with_a_header_is_refused_for_every_reason => StreamBearer,
    a_stream_with_a_cookie_is_refused_for_every_reason => StreamCookie,
    a_streams_first_command_is_refused_for_every_reason => StreamCommand,
    a_refresh_for_a_stream_is_refused_for_every_reason => EmulatedRefresh,
}

#[tokio::test]
async fn what_is_genuine_passes_every_door() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    for entry in EntryPoint::ALL.iter().copied() {
        let mut attempt = Attempt::prepare(&app, &admin, entry, None).await;
        assert_eq!(attempt.present(entry).await, granted(entry), "{entry:?}");
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
