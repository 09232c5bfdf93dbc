//! Attempts to sign in, as they are stored. A successful attempt is written together with its session, or not at all.

use std::{net::IpAddr, time::Duration};

use domain::{
    abuse::attempt::AttemptOutcome,
    risk::{Assessment, Place, Position, Reason},
    session::SignInMethod,
};
use protocol::close::Cause;
use store::{Attempt, OpenOutcome, OpenSession, Target, User};
use uuid::Uuid;

use super::{Db, event, now, with_db};

const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

fn attempt(user: Option<&User>, outcome: AttemptOutcome, address: IpAddr) -> Attempt {
    Attempt {
        id: Uuid::new_v4(),
        at: now(),
        user: user.map(|user| user.id),
        identifier: "0".repeat(32),
        method: SignInMethod::Password,
        outcome,
        device: None,
        session: None,
        address: Some(address),
        user_agent: Some("test\0".to_owned()),
        fingerprint: Some("f".repeat(32)),
        place: Place {
            country: Some("AU".to_owned()),
            city: Some("Sydney".to_owned()),
            position: Some(Position { latitude: -33.87, longitude: 151.21, accuracy_km: 20 }),
            network: Some(u32::MAX),
        },
        risk: Some(Assessment { score: 35, reasons: vec![Reason::NewDevice, Reason::NewNetwork] }),
    }
}

#[test]
fn an_attempt_is_read_as_it_was_written_without_nul_characters() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let written = attempt(Some(&user), AttemptOutcome::WrongPassword, ELSEWHERE);
        db.store.insert_attempt(written.clone()).await.unwrap();
        let read = db.store.attempts_of(user.id, None, 10).await.unwrap();
        assert_eq!(read, [Attempt { user_agent: Some("test".to_owned()), ..written }]);
    });
}

#[test]
fn a_successful_attempt_is_written_with_its_session() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let success = attempt(Some(&user), AttemptOutcome::Success, ELSEWHERE);
        let session = db.open(OpenSession { attempt: Some(success.clone()), ..Db::sign_in(&user) }).await;
        let read = db.store.attempts_of(user.id, None, 10).await.unwrap().remove(0);
        assert_eq!((read.session, read.device), (Some(session.id), Some(session.device)));
        assert_eq!((read.id, session.risk), (success.id, success.risk));
    });
}

#[test]
fn a_superseded_sign_in_writes_no_attempt() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        db.revoke(Target::User(user.id), Cause::Revoked).await;
        let success = attempt(Some(&user), AttemptOutcome::Success, ELSEWHERE);
        let open = OpenSession { attempt: Some(success), ..Db::sign_in(&user) };
        let answer = db.store.open_session(open, event("session.opened")).await.unwrap();
        assert!(matches!(answer, OpenOutcome::Superseded));
        assert_eq!(db.store.attempts_of(user.id, None, 10).await.unwrap(), []);
    });
}

#[test]
fn a_history_has_earlier_visits_but_only_the_failed_proofs_of_the_last_hour() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        for outcome in AttemptOutcome::ALL {
            db.store.insert_attempt(attempt(Some(&user), outcome, ELSEWHERE)).await.unwrap();
        }
        let history = db.store.history(user.id, ELSEWHERE, now()).await.unwrap();
        assert_eq!((history.visits.len(), history.failures.len()), (1, 5));
        assert_eq!(history.visits[0].place, attempt(None, AttemptOutcome::Success, ELSEWHERE).place);
        let later = now() + Duration::from_secs(3_601);
        let history = db.store.history(user.id, ELSEWHERE, later).await.unwrap();
        assert_eq!((history.visits.len(), history.failures.len(), history.accounts), (1, 0, 0));
    });
}

#[test]
fn each_account_that_a_network_tries_is_counted_once_even_if_it_does_not_exist() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (name, from) in [
            ("1", "2001:db8:1:2::1"),
            ("2", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
            ("2", "2001:db8:1:2::2"),
            ("3", "2001:db8:1:3::1"),
            ("4", "2001:db8:1:1:ffff:ffff:ffff:ffff"),
            ("5", "203.0.113.9"),
        ] {
            let tried = attempt(None, AttemptOutcome::UnknownAccount, address(from));
            db.store.insert_attempt(Attempt { identifier: name.repeat(32), ..tried }).await.unwrap();
        }
        for (from, count) in [("2001:db8:1:2::7", 2), ("203.0.113.9", 1), ("203.0.113.10", 0)] {
            let history = db.store.history(user.id, address(from), now()).await.unwrap();
            assert_eq!(history.accounts, count, "{from}");
        }
    });
}

#[test]
fn a_history_has_at_most_fifty_visits_and_fifty_failures() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        for _ in 0..60 {
            for outcome in [AttemptOutcome::Success, AttemptOutcome::WrongPassword] {
                db.store.insert_attempt(attempt(Some(&user), outcome, ELSEWHERE)).await.unwrap();
            }
        }
        let history = db.store.history(user.id, ELSEWHERE, now()).await.unwrap();
        assert_eq!((history.visits.len(), history.failures.len()), (50, 50));
    });
}

/// An attempt waits for the default partition while the partition of its month is attached. The error must be
/// `Unavailable`, because neither the client nor the server made a mistake.
#[test]
fn an_attempt_that_waits_while_its_partition_is_attached_fails_as_unavailable() {
    with_db(|db| async move {
        let user = db.user("ada").await;
        let month = db.raw().await;
        month
            .batch_execute(
                "BEGIN;
                 LOCK TABLE device_login_attempts IN SHARE UPDATE EXCLUSIVE MODE;
                 LOCK TABLE device_login_attempts_default IN ACCESS EXCLUSIVE MODE;
                 CREATE TABLE device_login_attempts_now (LIKE device_login_attempts INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
            )
            .await
            .unwrap();
        let write = db.store.insert_attempt(attempt(Some(&user), AttemptOutcome::WrongPassword, ELSEWHERE));
        let make = async {
            let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'device_login_attempts_default'::regclass";
            while db.count(waits).await == 0 {}
            month
                .batch_execute(
                    "ALTER TABLE device_login_attempts ATTACH PARTITION device_login_attempts_now
                         FOR VALUES FROM ('2000-01-01') TO ('2100-01-01');
                     COMMIT",
                )
                .await
                .unwrap();
        };
        let (written, ()) = tokio::join!(write, make);
        assert!(written.unwrap_err().is_unavailable());
        db.store
            .insert_attempt(attempt(Some(&user), AttemptOutcome::WrongPassword, ELSEWHERE))
            .await
            .unwrap();
    });
}
