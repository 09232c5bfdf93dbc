//! Many requests use one proof or one challenge at the same moment, in the store and over HTTP. Only one request succeeds.
//!
//! A time step is the period of thirty seconds to which a code of an authenticator app belongs.

use std::collections::HashMap;

use domain::session::SignInMethod;
use futures_util::future::join_all;
use protocol::{
    audit::{AuditEvent, Outcome},
    id::SessionId,
};
use serde_json::json;
use store::{OpenOutcome, OpenSession, Privilege, PrivilegeOutcome, Proof, Store};

use crate::harness::{Answer, App, Person, Session};

const ROUNDS: u8 = 50;
const AT_ONCE: usize = 16;

fn event(name: &str) -> AuditEvent {
    AuditEvent::new(name, Outcome::Success, 1_800_000_000_000)
}

/// A server with rate limits that these tests do not reach.
fn unlimited() -> App {
    App::with(|settings| {
        settings.limits.second_factor_account.burst = 10_000;
        settings.limits.second_factor_device_account.burst = 10_000;
        settings.limits.step_up_session.burst = 10_000;
        settings.limits.step_up_user.burst = 10_000;
        settings.limits.step_up_address.burst = 10_000;
    })
}

/// Tries to open sixteen sessions at once, all with the proof or the challenge of this sign-in. Returns how many are opened.
async fn opened_at_once(store: &Store, with: OpenSession) -> usize {
    let with = OpenSession { method: SignInMethod::SecondFactor, ..with };
    let tries = (0..AT_ONCE).map(|_| {
        let open = OpenSession { id: SessionId::random(), ..with.clone() };
        store.open_session(open, event("session.opened"))
    });
    let opened = join_all(tries).await;
    assert!(
        opened.iter().all(|one| matches!(one, Ok(OpenOutcome::Session(..) | OpenOutcome::Spent))),
        "{opened:?}"
    );
    opened.iter().filter(|one| matches!(one, Ok(OpenOutcome::Session(..)))).count()
}

/// Tries a step-up of each of these sessions at once, all with this proof. Returns how many succeed.
async fn granted_at_once(store: &Store, person: &Person, sessions: &[Session], proof: &Proof) -> usize {
    let order = person.sign_in_order().await;
    let tries = sessions.iter().map(|session| {
        let privilege = Privilege {
            session: session.id,
            user: person.id,
            revocation_epoch: order.revocation_epoch,
            until: order.privileged_until,
            proof: Some(proof.clone()),
            now: order.now,
        };
        store.grant_privilege(privilege, event("session.stepped_up"))
    });
    let granted = join_all(tries).await;
    assert!(
        granted.iter().all(|one| matches!(one, Ok(PrivilegeOutcome::Session(_) | PrivilegeOutcome::Spent))),
        "{granted:?}"
    );
    granted.iter().filter(|one| matches!(one, Ok(PrivilegeOutcome::Session(_)))).count()
}

fn totp(base: i64, round: u8) -> Proof {
    Proof::Totp { step: base + i64::from(round) }
}

#[tokio::test]
async fn the_same_time_step_opens_only_one_of_sixteen_sessions() {
    let app = App::start();
    let store = Store::connect(app.database()).unwrap();
    let person = app.register().await;
    let base = person.enable_totp().await.step();
    for round in 1..=ROUNDS {
        let open = OpenSession { proof: Some(totp(base, round)), ..person.sign_in_order().await };
        assert_eq!(opened_at_once(&store, open).await, 1, "round {round}");
    }
}

#[tokio::test]
async fn one_backup_code_opens_only_one_of_sixteen_sessions() {
    let app = App::start();
    let store = Store::connect(app.database()).unwrap();
    let person = app.register().await;
    person.enable_totp().await;
    let rows = app.rows().await;
    for round in 1..=ROUNDS {
        let hash = [round; 32];
        let sql = "INSERT INTO backup_codes (user_id, hash, created_at) VALUES ($1, $2, now())";
        rows.execute(sql, &[&person.id.0, &&hash[..]]).await.unwrap();
        let open = OpenSession { proof: Some(Proof::BackupCode { hash }), ..person.sign_in_order().await };
        assert_eq!(opened_at_once(&store, open).await, 1, "round {round}");
    }
}

#[tokio::test]
async fn one_challenge_opens_only_one_of_sixteen_sessions() {
    let app = App::start();
    let store = Store::connect(app.database()).unwrap();
    let person = app.register().await;
    for round in 1..=ROUNDS {
        let challenge = person.ask_for_factor().await.challenge.parse().unwrap();
        let open = OpenSession { challenge: Some(challenge), ..person.sign_in_order().await };
        assert_eq!(opened_at_once(&store, open).await, 1, "round {round}");
    }
}

#[tokio::test]
async fn the_same_time_step_grants_only_one_of_sixteen_step_ups() {
    let app = App::start();
    let store = Store::connect(app.database()).unwrap();
    let person = app.register().await;
    let base = person.enable_totp().await.step();
    let session = person.open_session().await;
    let sessions = vec![session; AT_ONCE];
    for round in 1..=ROUNDS {
        assert_eq!(granted_at_once(&store, &person, &sessions, &totp(base, round)).await, 1, "round {round}");
    }
}

#[tokio::test]
async fn the_same_time_step_serves_only_one_of_many_sign_ins_and_step_ups() {
    let app = App::start();
    let store = Store::connect(app.database()).unwrap();
    let person = app.register().await;
    let base = person.enable_totp().await.step();
    let mut sessions = Vec::new();
    for _ in 0..AT_ONCE {
        sessions.push(person.open_session().await);
    }
    for round in 1..=ROUNDS {
        let proof = totp(base, round);
        let open = OpenSession { proof: Some(proof.clone()), ..person.sign_in_order().await };
        let (opened, granted) =
            tokio::join!(opened_at_once(&store, open), granted_at_once(&store, &person, &sessions, &proof));
        assert_eq!(opened + granted, 1, "round {round}");
    }
}

/// The number of answers with each status.
fn statuses(answers: &[Answer]) -> HashMap<u16, usize> {
    answers.iter().fold(HashMap::new(), |mut statuses, answer| {
        *statuses.entry(answer.status).or_default() += 1;
        statuses
    })
}

/// How many answers are 200. Every other answer must be 401 (the proof is spent) or 429 (too many wrong factors in a
/// row).
fn granted(answers: &[Answer]) -> usize {
    let statuses = statuses(answers);
    assert!(statuses.keys().all(|status| [200, 401, 429].contains(status)), "{statuses:?}");
    statuses.get(&200).copied().unwrap_or_default()
}

#[tokio::test]
async fn over_http_the_same_time_step_opens_one_session() {
    let app = unlimited();
    for round in 0..5 {
        // The refused requests of a round count as wrong factors in a row, so each round has its own user.
        let person = app.register().await;
        let totp = person.enable_totp().await;
        let pending = join_all((0..AT_ONCE).map(|_| person.ask_for_factor())).await;
        let code = totp.code();
        let answers = join_all(pending.iter().map(|pending| pending.totp(&code))).await;
        assert_eq!(granted(&answers), 1, "round {round}");
    }
}

#[tokio::test]
async fn over_http_one_backup_code_opens_one_session() {
    let app = unlimited();
    for round in 0..5 {
        let person = app.register().await;
        let mut session = person.open_session().await;
        session.enable_totp().await;
        let code = session.backup_codes().await[0].clone();
        let pending = join_all((0..AT_ONCE).map(|_| person.ask_for_factor())).await;
        let answers =
            join_all(pending.iter().map(|pending| pending.answer(json!({"backup_code": code})))).await;
        assert_eq!(granted(&answers), 1, "round {round}");
    }
}

#[tokio::test]
async fn over_http_one_challenge_opens_one_session_and_spends_one_backup_code() {
    let app = unlimited();
    let person = app.register().await;
    let mut session = person.open_session().await;
    session.enable_totp().await;
    let codes = session.backup_codes().await;
    let pending = person.ask_for_factor().await;
    let answers = (0..AT_ONCE).map(|number| {
        let code = &codes[number % codes.len()];
        pending.answer(json!({"backup_code": code}))
    });
    let statuses = statuses(&join_all(answers).await);
    assert_eq!(statuses.get(&200), Some(&1), "{statuses:?}");
    assert_eq!(statuses.values().sum::<usize>(), AT_ONCE);
    assert!(statuses.keys().all(|status| [200, 401, 429].contains(status)), "{statuses:?}");
    assert_eq!(app.count("SELECT count(*) FROM backup_codes WHERE used_at IS NOT NULL").await, 1);
}

#[tokio::test]
async fn over_http_the_same_time_step_permits_one_step_up() {
    let app = unlimited();
    for round in 0..5 {
        let person = app.register().await;
        let totp = person.enable_totp().await;
        let session = person.open_session().await;
        let code = totp.code();
        let answers = join_all((0..AT_ONCE).map(|_| session.step_up_with(json!({"totp": code})))).await;
        assert_eq!(granted(&answers), 1, "round {round}");
    }
}
