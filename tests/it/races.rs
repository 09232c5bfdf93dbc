//! Concurrent requests: uses of a session or an account while a revocation is carried out, and several changes of one kind at
//! the same moment.

use std::{future::Future, time::Duration};

use domain::account::role::{Role, Status};
use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::json;

use crate::harness::{App, Barrier, PASSWORD, Person, Session, eventually};

/// The number of rounds of a race.
const ROUNDS: usize = 500;

/// One round: a session connects repeatedly while it is revoked. Afterwards none of its sockets is open. Returns how many
/// sockets were opened.
async fn connect_during_revocation(person: &Person, operator: &Session, round: usize) -> usize {
    let session = person.open_session().await;
    let connect = async {
        let mut open = Vec::new();
        // The number of handshakes varies, so that the revocation arrives at different points.
        for _ in 0..1 + round % 3 {
            open.extend(session.try_connect().await.ok());
        }
        open
    };
    let (sockets, answer) = tokio::join!(connect, operator.revoke(json!({"session": session.id})));
    answer.expect(200);
    let opened = sockets.len();
    for mut socket in sockets {
        let closed = socket.closed().await;
        assert_eq!(closed.code, 4500, "round {round}: {closed:?}");
    }
    assert!(session.try_connect().await.is_err(), "round {round}: connected after its revocation");
    opened
}

#[tokio::test]
async fn connecting_during_a_revocation_leaves_no_open_socket() {
    let app = App::with(|settings| {
        settings.listen.workers = 2;
        settings.limits.request_user.burst = 10_000;
    });
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let rounds = stream::iter(0..ROUNDS).map(|round| connect_during_revocation(&person, &operator, round));
    let opened: usize = rounds.buffer_unordered(4).fold(0, async |sum, opened| sum + opened).await;
    assert!(opened > 0, "some sockets opened before their revocation");
    eventually("every permit is released", async || app.open_sockets() == 0).await;
}

#[tokio::test]
async fn a_connect_command_during_a_revocation_leaves_no_open_socket() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    for round in 0..100 {
        let session = person.open_session().await;
        let mut socket =
            app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
        let connect = socket.ask(json!({"connect": {"token": session.access}}));
        let (reply, answer) = tokio::join!(connect, operator.revoke(json!({"session": session.id})));
        answer.expect(200);
        let closed = match reply {
            Ok(_) => socket.closed().await,
            Err(closed) => closed,
        };
        assert_eq!(closed.code, 4500, "round {round}: {closed:?}");
    }
}

#[tokio::test]
async fn a_refresh_during_a_revocation_does_not_revive_the_session() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    for round in 0..50 {
        let session = person.open_session().await;
        let (refreshed, revoked) =
            tokio::join!(session.try_refresh(), operator.revoke(json!({"session": session.id})));
        revoked.expect(200);
        if refreshed.status == 200 {
            assert!(!Session::granted(&person, &refreshed).works().await, "round {round}");
        }
        assert!(!session.works().await, "round {round}");
        session.try_refresh().await.expect(401);
    }
}

/// Which of two requests is the first to get the lock that both need.
#[derive(Clone, Copy, Debug, PartialEq)]
enum First {
    Use,
    End,
}

/// Runs a request that uses a session or an account, and a request that ends sessions. The one that `first` names gets the
/// lock first.
async fn in_order<U, E>(
    barrier: Barrier,
    first: First,
    used: impl Future<Output = U>,
    ended: impl Future<Output = E>,
) -> (U, E) {
    match first {
        First::Use => barrier.in_order(used, ended).await,
        First::End => {
            let (ended, used) = barrier.in_order(ended, used).await;
            (used, ended)
        }
    }
}

#[tokio::test]
async fn a_refresh_that_waits_for_a_revocation_is_refused_and_tokens_of_an_earlier_refresh_stop_working() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    for first in [First::End, First::Use] {
        let session = person.open_session().await;
        let lock = format!("SELECT FROM sessions WHERE id = '{}' FOR UPDATE", session.id);
        let barrier = Barrier::at(app.database(), &lock).await;
        let revoke = operator.revoke(json!({"session": session.id}));
        let (refreshed, revoked) = in_order(barrier, first, session.try_refresh(), revoke).await;
        assert_eq!(revoked.expect(200).body["sessions"], 1, "{first:?}");
        if first == First::Use {
            assert!(!Session::granted(&person, &refreshed.expect(200)).works().await);
        } else {
            refreshed.expect(401).problem();
        }
        assert!(!session.works().await, "{first:?}");
    }
}

#[tokio::test]
async fn a_socket_that_opens_while_its_revocation_waits_is_closed() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let session = person.open_session().await;
    let barrier = app.barrier_at_user(person.id).await;
    let revoke = operator.revoke(json!({"session": session.id}));
    let connect = async {
        barrier.wait_for(1).await;
        // The revocation has begun but is not committed, so the session works.
        let sockets = [session.connect().await, session.connect_by_command().await];
        barrier.release().await;
        sockets
    };
    let (revoked, sockets) = tokio::join!(revoke, connect);
    assert_eq!(revoked.expect(200).body["sockets_closed"], 2);
    for mut socket in sockets {
        assert_eq!(socket.closed().await.code, 4500);
    }
    assert!(session.try_connect().await.is_err());
}

#[tokio::test]
async fn a_sign_in_during_a_suspension_leaves_no_session() {
    let app = App::start();
    for first in [First::End, First::Use] {
        let person = app.register().await;
        let barrier = app.barrier_at_user(person.id).await;
        let (answer, ()) = Box::pin(in_order(
            barrier,
            first,
            person.try_password(PASSWORD),
            person.set_status(Status::Suspended),
        ))
        .await;
        if first == First::Use {
            assert!(!Session::granted(&person, &answer.expect(200)).works().await);
        } else {
            answer.expect(401);
        }
        let live =
            format!("SELECT count(*) FROM sessions WHERE user_id = {} AND revoked_at IS NULL", person.id.0);
        assert_eq!(app.count(&live).await, 0, "{first:?}");
    }
}

#[tokio::test]
async fn a_sign_in_while_the_other_sessions_are_ended_succeeds() {
    let app = App::start();
    let person = app.register().await;
    for first in [First::End, First::Use] {
        let own = person.open_session().await;
        let barrier = app.barrier_at_user(person.id).await;
        let (answer, ended) =
            in_order(barrier, first, person.try_password(PASSWORD), own.delete("/api/v1/sessions")).await;
        answer.expect(200);
        ended.expect(200);
    }
}

#[tokio::test]
async fn only_one_of_two_password_changes_at_once_succeeds() {
    let app = App::start();
    for round in 0..4 {
        let person = app.register().await;
        let (one, two) = (person.open_session().await, person.open_session().await);
        let change = async |session: &Session, new: &str| {
            session.post("/api/v1/profile/password", &json!({"new_password": new})).await
        };
        let (first, second) =
            tokio::join!(change(&one, "another-copper-walrus-17"), change(&two, "a-third-marble-otter-63"));
        let (kept, won, lost) =
            if first.status == 200 { (&one, first, second) } else { (&two, second, first) };
        won.expect(200);
        // The refused change gets 401 if the other change was committed, and 429 if the other password was still being
        // hashed.
        assert!(matches!(lost.status, 401 | 429), "round {round}: {}", lost.text);
        lost.problem();
        assert!(kept.works().await, "round {round}");
    }
    assert_eq!(app.count("SELECT count(*) FROM revocations WHERE cause = 'password_changed'").await, 4);
}

#[tokio::test]
async fn a_password_change_is_never_committed_after_the_revocation_of_its_session() {
    const NEW: &str = "another-copper-walrus-17";
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    for first in [First::End, First::Use] {
        let person = app.register().await;
        let session = person.open_session().await;
        let barrier = app.barrier_at_user(person.id).await;
        let body = json!({"new_password": NEW});
        let change = session.post("/api/v1/profile/password", &body);
        let revoke = operator.revoke(json!({"user": person.id}));
        let (changed, revoked) = in_order(barrier, first, change, revoke).await;
        revoked.expect(200);
        let late = format!(
            "SELECT count(*) FROM revocations p JOIN revocations r USING (user_id)
             WHERE p.cause = 'password_changed' AND r.cause = 'revoked' AND p.id > r.id AND user_id = {}",
            person.id.0
        );
        assert_eq!(app.count(&late).await, 0, "{first:?}");
        let (status, password) = if first == First::Use { (200, NEW) } else { (401, PASSWORD) };
        assert_eq!(changed.status, status, "{first:?}: {}", changed.text);
        person.try_password(password).await.expect(200);
        assert!(!session.works().await, "{first:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_cached_during_its_revocation_is_refused_afterwards() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    for round in 0..50 {
        let session = person.open_session().await;
        let reads = join_all((0..8).map(|_| session.get("/api/v1/profile")));
        let (reads, revoked) = tokio::join!(reads, operator.revoke(json!({"session": session.id})));
        revoked.expect(200);
        assert!(reads.iter().all(|read| matches!(read.status, 200 | 401)), "round {round}");
        assert!(!session.works().await, "round {round}");
    }
}

#[tokio::test]
async fn sixteen_revocations_of_one_session_at_once_are_recorded_once() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect().await;
    let answers = join_all((0..16).map(|_| operator.revoke(json!({"session": session.id})))).await;
    let ended: i64 = answers.iter().filter_map(|answer| answer.body["sessions"].as_i64()).sum();
    assert_eq!(ended, 1);
    assert_eq!(socket.closed().await.code, 4500);
    assert_eq!(app.count("SELECT count(*) FROM revocations WHERE cause = 'revoked'").await, 1);
}

#[tokio::test]
async fn sixteen_registrations_of_one_address_at_once_create_one_account() {
    let app = App::start();
    let body = json!({"email": app.new_email(), "password": PASSWORD});
    let register = || {
        use crate::harness::Ask as _;
        app.post("/api/v1/auth/register").json(&body).timeout(Duration::from_secs(20)).ask()
    };
    let answers = join_all((0..16).map(|_| register())).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)));
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}
