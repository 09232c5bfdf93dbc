//! Every way in which trust ends: which sockets it closes, and with which code.
//!
//! The scene contains every kind of session that might be closed by mistake: the acting session, other sessions of
//! the same user on another device, a session of another user on that device, and a session of an unrelated user.
//! Each has two sockets: a plain one, and one that sent `connect`.

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
        let hit = seats.contains(seat);
        for socket in sockets {
            if hit {
                let closed = Closed { code, reason: reason.to_owned() };
                assert_eq!(socket.closed().await, closed, "{seat:?} after {way:?}");
            } else {
                assert!(socket.is_undisturbed().await, "{seat:?} after {way:?}");
            }
        }
        let ended = hit && cause.ends_session();
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

        /// Fails to compile when a way has no test above.
        const _: fn(Way) = |way| match way { $(Way::$way => (),)* };
    };
}

ways! {
    an_operator_who_revokes_a_session_closes_its_sockets => OperatorRevokesSession,
    an_operator_who_revokes_a_device_closes_the_sockets_of_everybody_on_it => OperatorRevokesDevice,
    an_operator_who_revokes_a_user_closes_all_of_theirs => OperatorRevokesUser,
    a_user_who_ends_another_session_closes_its_sockets => OwnerEndsSession,
    a_user_who_ends_all_other_sessions_closes_theirs => OwnerEndsOthers,
    signing_out_closes_the_own_sockets => SignsOut,
    signing_out_the_others_closes_theirs => SignsOutOthers,
    signing_out_everywhere_closes_all_of_the_user => SignsOutEverywhere,
    a_disabled_account_closes_all_of_its_sockets => AccountDisabled,
    another_role_sends_all_of_the_users_sockets_for_a_new_token => RoleChanged,
    a_new_password_closes_the_others => NewPassword,
    a_password_that_was_reset_closes_all => PasswordReset,
    a_refresh_token_used_again_closes_its_session => RefreshReused,
    a_forgotten_device_closes_its_sockets_and_nobody_elses_there => DeviceForgotten,
    an_authenticator_app_that_was_added_closes_the_others => TotpAdded,
    an_authenticator_app_that_was_removed_closes_the_others => TotpRemoved,
    a_passkey_that_was_added_closes_the_others => PasskeyAdded,
    a_passkey_that_was_removed_closes_the_others => PasskeyRemoved,
    a_passkey_that_may_have_been_copied_closes_all => PasskeyCopied,
    one_session_too_many_closes_the_oldest => OneSessionTooMany,
    a_session_past_its_end_is_closed => PastItsEnd,
}

#[test]
fn every_cause_comes_about_in_some_way() {
    let known = |cause: &Cause| ALL.iter().any(|way| way.ending().cause == *cause);
    let missing: Vec<_> = Cause::ALL.into_iter().filter(|cause| !known(cause)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
