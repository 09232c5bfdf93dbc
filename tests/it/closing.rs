//! The ways to end trust: the sockets that each way closes, and the close code.
//!
//! The scene contains sessions with sockets that might be closed by mistake: the acting session, other sessions of the same
//! user on another device, a session of another user on that device, and a session of an unrelated user. Each session has two
//! sockets: one that was authenticated at its handshake, and one by its `connect` command.

mod scene;
mod ways;

use protocol::close::Cause;
use scene::{Scene, Seat};
use ways::Way;

use crate::harness::Closed;

/// The expected effect of one way to end trust.
struct Ending {
    cause: Cause,
    /// The sessions with sockets that are closed.
    seats: &'static [Seat],
    code: u16,
    reason: &'static str,
}

/// Ends trust in this way, and checks every socket.
async fn closes_the_right_sockets(way: Way) {
    let mut scene = Scene::set().await;
    scene.bring_about(way).await;
    let Ending { cause, seats, code, reason } = way.ending();
    for (seat, session, sockets) in &mut scene.seated {
        let affected = seats.contains(seat);
        for socket in sockets {
            if affected {
                let closed = Closed { code, reason: reason.to_owned() };
                assert_eq!(socket.closed().await, closed, "{seat:?} after {way:?}");
            } else {
                assert!(socket.is_undisturbed().await, "{seat:?} after {way:?}");
            }
        }
        let ended = affected && cause.ends_session();
        assert_eq!(session.works().await, !ended, "the session of {seat:?} after {way:?}");
        if ended {
            session.try_connect().await.err().expect("a refusal").expect(401).problem();
            session.try_refresh().await.expect(401).problem();
        }
    }
    let others = format!(
        "SELECT count(*) FROM revocations WHERE id > {} AND cause <> '{}'",
        scene.revocations_before,
        cause.as_str()
    );
    assert_eq!(scene.app.count(&others).await, 0, "nothing else was revoked by {way:?}");
}

macro_rules! ways {
    ($($fact:ident => $way:ident,)*) => {
        $(#[tokio::test]
        async fn $fact() {
            closes_the_right_sockets(Way::$way).await;
        })*

        const ALL: &[Way] = &[$(Way::$way,)*];

        /// Does not compile if a way has no test.
        const _: fn(Way) = |way| match way { $(Way::$way => (),)* };
    };
}

ways! {
    revoking_a_session_closes_its_sockets => OperatorRevokesSession,
    revoking_a_device_closes_the_sockets_of_all_users_on_it => OperatorRevokesDevice,
    revoking_a_user_closes_all_sockets_of_the_user => OperatorRevokesUser,
    ending_another_session_closes_its_sockets => OwnerEndsSession,
    ending_all_other_sessions_closes_their_sockets => OwnerEndsOthers,
    signing_out_closes_the_sockets_of_the_acting_session => SignsOut,
    signing_out_other_sessions_closes_their_sockets => SignsOutOthers,
    signing_out_everywhere_closes_all_sockets_of_the_user => SignsOutEverywhere,
    disabling_an_account_closes_all_of_its_sockets => AccountDisabled,
    changing_a_role_closes_all_sockets_of_the_user => RoleChanged,
    changing_the_password_closes_the_sockets_of_other_sessions => NewPassword,
    resetting_the_password_closes_all_sockets_of_the_user => PasswordReset,
    reusing_a_refresh_token_closes_the_sockets_of_its_session => RefreshReused,
    removing_a_device_closes_only_the_sockets_of_the_acting_user_on_it => DeviceForgotten,
    adding_an_authenticator_app_closes_the_sockets_of_other_sessions => TotpAdded,
    removing_an_authenticator_app_closes_the_sockets_of_other_sessions => TotpRemoved,
    adding_a_passkey_closes_the_sockets_of_other_sessions => PasskeyAdded,
    removing_a_passkey_closes_the_sockets_of_other_sessions => PasskeyRemoved,
    copying_a_passkey_closes_all_sockets_of_its_user => PasskeyCopied,
    one_session_too_many_closes_the_sockets_of_the_oldest_session => OneSessionTooMany,
    the_expiry_of_a_session_closes_its_sockets => PastItsEnd,
}

#[test]
fn every_cause_of_revocations_has_a_way() {
    let known = |cause: &Cause| ALL.iter().any(|way| way.ending().cause == *cause);
    // A drill ends only sessions of the canary account. `drills.rs` watches their sockets.
    let of_users = Cause::ALL.into_iter().filter(|cause| *cause != Cause::Drill);
    let missing: Vec<_> = of_users.filter(|cause| !known(cause)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
