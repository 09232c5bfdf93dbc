//! Limits on attempts at a second factor: their number, what a refusal must not reveal, and the case of an
//! unavailable database.

use serde_json::json;

use crate::harness::{Answer, App, DatabaseProxy, PASSWORD, Pending, Person, eventually, fresh_database};

const WRONG: &str = "invalid_second_factor";

/// The answer, which must be a refusal with a time to retry.
#[track_caller]
fn too_many(answer: Answer) -> Answer {
    let answer = answer.refused(429, "too_many_requests");
    assert!((1..=300).contains(&answer.retry_after().expect("a Retry-After header")), "{:?}", answer.headers);
    answer
}

/// Tries wrong codes until the account's limit for unknown devices is reached.
async fn exhaust(person: &Person) {
    for _ in 0..2 {
        let pending = person.begin_sign_in().await;
        for _ in 0..5 {
            let answer = pending.totp("000000").await;
            if answer.status == 429 {
                return;
            }
            answer.refused(401, WRONG);
        }
    }
}

#[tokio::test]
async fn a_challenge_refuses_even_the_right_code_after_five_wrong_codes() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let pending = person.begin_sign_in().await;
    for _ in 0..5 {
        pending.totp("000000").await.refused(401, WRONG);
    }
    too_many(pending.totp(&totp.code()).await);
    person.begin_sign_in().await.finish(&totp.code()).await;
}

#[tokio::test]
async fn attempts_from_another_browser_do_not_count_for_a_challenge() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let (mine, other) = (person.begin_sign_in().await, person.begin_sign_in().await);
    let stranger = Pending { presession: other.presession, ..mine.clone() };
    for _ in 0..6 {
        stranger.totp("000000").await.refused(401, WRONG);
    }
    mine.finish(&totp.code()).await;
}

#[tokio::test]
async fn after_ten_wrong_codes_an_account_refuses_all_codes_from_unknown_devices() {
    let app = App::start();
    let (person, other) = (app.register().await, app.register().await);
    let (totp, others) = (person.enable_totp().await, other.enable_totp().await);
    let pending = person.begin_sign_in().await;
    exhaust(&person).await;
    too_many(pending.totp(&totp.code()).await);
    other.begin_sign_in().await.finish(&others.code()).await;
}

#[tokio::test]
async fn after_too_many_wrong_codes_a_right_password_is_answered_like_a_wrong_one() {
    let app = App::start();
    let person = app.register().await;
    person.enable_totp().await;
    exhaust(&person).await;
    let right = too_many(person.try_password(PASSWORD).await);
    let wrong = too_many(person.try_password("not-her-password-91").await);
    for field in ["detail", "title", "type"] {
        assert_eq!(right.body[field], wrong.body[field]);
    }
    assert_eq!(right.header("ratelimit-policy"), wrong.header("ratelimit-policy"));
}

#[tokio::test]
async fn a_stranger_with_the_password_does_not_lock_out_the_owner() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let first = person.begin_sign_in().await;
    let proof = json!({"totp": totp.code(), "trust_device": false});
    let device = first.answer(proof).await.expect(200).cookie("device_id").expect("a device cookie");
    exhaust(&person).await;
    too_many(person.try_password(PASSWORD).await);
    let pending = person.begin_sign_in_on(Some(&device)).await;
    pending.finish(&totp.code_at(totp.step() + 1)).await;
}

#[tokio::test]
async fn the_limit_of_a_known_device_applies_only_with_its_cookie() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let device = person.open_session().await.device;
    let pending = person.begin_sign_in_on(Some(&device)).await;
    exhaust(&person).await;
    let without = Pending { device: None, ..pending.clone() };
    too_many(without.totp(&totp.code()).await);
    pending.finish(&totp.code()).await;
}

#[tokio::test]
async fn wrong_codes_are_recorded_as_audit_events_and_as_attempts() {
    let app = App::start();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let pending = person.begin_sign_in().await;
    pending.totp("000000").await.refused(401, WRONG);
    pending.finish(&totp.code()).await;
    let of = |outcome: &str| {
        format!(
            "SELECT count(*) FROM device_login_attempts WHERE method = 'second_factor' AND outcome = '{outcome}'"
        )
    };
    assert_eq!(app.count(&of("wrong_factor")).await, 1);
    assert_eq!(app.count(&of("success")).await, 1);
    let asked =
        "SELECT count(*) FROM device_login_attempts WHERE method = 'password' AND outcome = 'challenged'";
    assert_eq!(app.count(asked).await, 1);
    let refused = "SELECT count(*) FROM audit_events WHERE event = 'second_factor.refused'";
    eventually("the refusal is recorded", async || app.count(refused).await == 1).await;
}

#[tokio::test]
async fn without_a_database_every_code_is_answered_with_503() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let app = App::over(proxy.database(), |_| {});
    let person = app.register().await;
    let mut session = person.open_session().await;
    let totp = session.enable_totp().await;
    let code = session.backup_codes().await.remove(0);
    let pending = person.begin_sign_in().await;
    proxy.cut();
    eventually("the node is no longer current", async || !app.is_current()).await;
    for answer in [
        pending.totp(&totp.code()).await,
        pending.totp("000000").await,
        pending.answer(json!({"backup_code": code})).await,
        session.step_up_with(json!({"totp": totp.code()})).await,
        person.try_password(PASSWORD).await,
    ] {
        let answer = answer.refused(503, "unavailable");
        assert!(answer.retry_after().is_some());
    }
    proxy.mend();
    eventually("the node is current again", async || app.is_current()).await;
    pending.finish(&totp.code()).await;
}

/// Tries a wrong code at a fresh challenge.
async fn guess(person: &Person) -> Answer {
    person.ask_for_factor().await.totp("000000").await
}

/// A server with very high rate limits for second factors, so that only the delays after wrong codes have an effect.
fn without_rates() -> App {
    App::with(|settings| {
        settings.address_limit_factor = 1_000;
        settings.limits.second_factor_account.burst = 1_000;
        settings.limits.second_factor_device_account.burst = 1_000;
        settings.limits.step_up_session.burst = 1_000;
    })
}

#[tokio::test]
async fn wrong_codes_in_a_row_cause_growing_delays_until_a_right_code() {
    let app = without_rates();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    for _ in 0..9 {
        guess(&person).await.refused(401, WRONG);
    }
    for minutes in [1, 2, 4] {
        guess(&person).await.refused(401, WRONG);
        let waiting = guess(&person).await.refused(429, "too_many_requests");
        let wait = waiting.retry_after().expect("a Retry-After header");
        assert!((minutes * 60 - 5..=minutes * 60).contains(&wait), "{minutes}: {wait}");
        person.ask_for_factor().await.totp(&totp.code()).await.expect(429).problem();
        // A right password is refused like a wrong one.
        person.try_password(PASSWORD).await.expect(429).problem();
        person.try_password("not-her-password-91").await.expect(429).problem();
        app.advance(std::time::Duration::from_secs(wait));
    }
    let locked = "SELECT count(*) FROM audit_events WHERE event = 'second_factor.locked'";
    eventually("each delay is recorded", async || app.count(locked).await == 3).await;
    person.ask_for_factor().await.totp(&totp.code()).await.expect(200);
    assert_eq!(app.count("SELECT count(*) FROM second_factor_failures").await, 0);
    guess(&person).await.refused(401, WRONG);
}

#[tokio::test]
async fn wrong_codes_are_counted_over_all_nodes() {
    let database = fresh_database();
    let (one, two) = (App::over(database.clone(), |_| {}), App::over(database, |_| {}));
    let person = one.register().await;
    person.enable_totp().await;
    let there = Person { app: two.clone(), ..person.clone() };
    for _ in 0..5 {
        guess(&person).await.refused(401, WRONG);
        guess(&there).await.refused(401, WRONG);
    }
    for person in [&person, &there] {
        let answer = guess(person).await.refused(429, "too_many_requests");
        assert_eq!(answer.header("ratelimit-policy"), Some("\"second_factor_lock\";q=10"));
    }
}

#[tokio::test]
async fn only_ten_of_many_simultaneous_wrong_codes_are_checked() {
    let app = without_rates();
    let person = app.register().await;
    person.enable_totp().await;
    let mut pending = Vec::new();
    for _ in 0..24 {
        pending.push(person.ask_for_factor().await);
    }
    let answers = futures_util::future::join_all(pending.iter().map(|pending| pending.totp("000000"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 10);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 14);
}

#[tokio::test]
async fn wrong_codes_on_unknown_devices_do_not_delay_a_known_device_or_a_step_up() {
    let app = without_rates();
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let session = person.open_session().await;
    for _ in 0..10 {
        guess(&person).await.refused(401, WRONG);
    }
    guess(&person).await.expect(429).problem();
    person.begin_sign_in_on(Some(&session.device)).await.finish(&totp.code()).await;
    for _ in 0..10 {
        session.step_up_with(json!({"totp": "000000"})).await.refused(401, WRONG);
    }
    session.step_up_with(json!({"totp": totp.code_at(totp.step() + 1)})).await.expect(429).problem();
    let other = person.open_session().await;
    other.step_up_with(json!({"totp": totp.code_at(totp.step() + 1)})).await.expect(200);
}
