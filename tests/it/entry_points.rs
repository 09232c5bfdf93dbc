//! Each entry point for credentials of users is tested with every reason to refuse a credential. A reason that does not concern
//! an entry point (for example, a missing privilege at a refresh) must not change its answer.
//!
//! Both lists are enumerations, and [`table::expected`] matches on them without a wildcard. So the tests do not compile if an
//! entry point or a reason has no expected outcome.

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
        /// The cookie with the access token at the path of client libraries. It counts if `connect` has no token.
        SdkCookie,
        /// The command `connect` on a socket that was opened without a credential.
        FirstCommand,
        /// The command `refresh` on a connected socket.
        RefreshCommand,
        /// The request for an emulated stream.
        StreamBearer,
        /// The request for an emulated stream, with a cookie. The body of a refused stream contains the reason.
        StreamCookie,
        /// The command `connect` in the request for an emulated stream, without another credential.
        StreamCommand,
        /// The command `refresh` of a connected emulated stream, in a separate request.
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
        /// The access token itself was revoked.
        TokenRevoked,
        /// All tokens of the user that were issued until now were revoked.
        TokensInvalidated,
        Expired,
        WrongSignature,
        AlgorithmNone,
        /// Signed with the server's key, but with HS384.
        OtherHash,
        /// Signed with the server's key and algorithm, but the header states `RS256`, an algorithm with a public key.
        StatesRs256,
        WrongType,
        WrongAudience,
        UnknownKey,
        Garbage,
        ForeignOrigin,
        /// The token has no privilege: there was no recent proof of presence, or the proof gave the privilege only to a
        /// later token.
        NoPrivilege,
    }
}

impl Reason {
    /// Whether the genuine access token of the session is refused, too.
    fn refuses_the_genuine_token(self) -> bool {
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

/// Presents credentials at this entry point with every reason to refuse them. Checks each outcome. Also checks that the genuine
/// session works afterwards, unless the reason refuses its token or the attempt has signed it out.
async fn checks_every_reason_at(entry: EntryPoint) {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    for reason in Reason::ALL.iter().copied() {
        let mut attempt = Attempt::prepare(&app, &admin, entry, Some(reason)).await;
        let outcome = attempt.present(entry).await;
        assert_eq!(outcome, expected(entry, reason), "{entry:?} with {reason:?}");
        let signed_out = entry == EntryPoint::Logout && outcome == granted(entry);
        let ended = reason.refuses_the_genuine_token() || signed_out;
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
            checks_every_reason_at(EntryPoint::$entry).await;
        })*

        /// Does not compile if an entry point has no test.
        const _: fn(EntryPoint) = |entry| match entry { $(EntryPoint::$entry => (),)* };
    };
}

entry_points! {
    a_bearer_header_is_refused_for_every_reason_that_concerns_it => RestBearer,
    a_cookie_is_refused_for_every_reason_that_concerns_it => RestCookie,
    a_refresh_by_body_is_refused_for_every_reason_that_concerns_it => RefreshBody,
    a_refresh_by_cookie_is_refused_for_every_reason_that_concerns_it => RefreshCookie,
    a_logout_ends_at_most_its_own_session_for_every_reason => Logout,
    the_second_step_of_a_sign_in_is_refused_for_every_reason_that_concerns_it => SecondFactor,
    a_passkey_as_second_step_of_a_sign_in_is_refused_for_every_reason_that_concerns_it => PasskeyFactor,
    a_step_up_is_refused_for_every_reason_that_concerns_it => StepUp,
    a_change_that_requires_a_proof_of_presence_is_refused_for_every_reason_that_concerns_it => NewPassword,
    a_request_of_an_operator_is_refused_for_every_reason_that_concerns_it => Admin,
    a_handshake_with_a_token_in_the_query_is_refused_for_every_reason_that_concerns_it => WsQuery,
    a_handshake_with_a_cookie_is_refused_for_every_reason_that_concerns_it => WsCookie,
    a_handshake_with_a_header_is_refused_for_every_reason_that_concerns_it => WsBearer,
    a_ticket_is_refused_for_every_reason_that_concerns_it => Ticket,
    a_cookie_at_the_path_of_client_libraries_is_refused_for_every_reason_that_concerns_it => SdkCookie,
    the_connect_command_of_a_socket_is_refused_for_every_reason_that_concerns_it => FirstCommand,
    the_refresh_command_of_a_socket_is_refused_for_every_reason_that_concerns_it => RefreshCommand,
    a_stream_with_a_header_is_refused_for_every_reason_that_concerns_it => StreamBearer,
    a_stream_with_a_cookie_is_refused_for_every_reason_that_concerns_it => StreamCookie,
    the_connect_command_of_a_stream_is_refused_for_every_reason_that_concerns_it => StreamCommand,
    the_refresh_command_of_a_stream_is_refused_for_every_reason_that_concerns_it => EmulatedRefresh,
}

#[tokio::test]
async fn a_genuine_credential_is_accepted_at_every_entry_point() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    for entry in EntryPoint::ALL.iter().copied() {
        let mut attempt = Attempt::prepare(&app, &admin, entry, None).await;
        assert_eq!(attempt.present(entry).await, granted(entry), "{entry:?}");
    }
}

#[tokio::test]
async fn an_expired_refresh_token_is_refused() {
    let app = App::with(|settings| settings.sessions.idle = Duration::from_secs(60 * 86_400));
    let session = app.register().await.sign_in().await;
    app.advance(Duration::from_secs(8 * 86_400));
    let answer: Value = session.try_refresh().await.expect(401).problem().body;
    assert_eq!(answer["status"], 401);
}
