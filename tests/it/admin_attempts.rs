//! The attempts to sign in that operators search, and a stuffing wave: its accounts are found and revoked in two calls.

use std::{collections::BTreeSet, time::Duration};

use domain::account::role::Role;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::harness::{App, eventually};

const ATTEMPTS: &str = "/api/v1/admin/attempts";
const STUFFING: &str = "/api/v1/admin/attempts/stuffing";

/// Inserts rows of attempts that this query selects: columns `at`, `user_id`, `name` (a number), `outcome`, `address` (text).
pub(crate) async fn insert_attempts(app: &App, selected: &str) {
    let sql = format!(
        "INSERT INTO device_login_attempts (id, at, user_id, identifier, method, outcome, address, country)
         SELECT gen_random_uuid(), s.at, s.user_id, md5(s.name::text), 'password', s.outcome, s.address::inet, 'NZ'
         FROM ({selected}) s (at, user_id, name, outcome, address)"
    );
    app.rows().await.batch_execute(&sql).await.expect("the attempts are inserted");
}

pub(crate) fn now(app: &App) -> String {
    format!("'{}'::timestamptz", app.now().format(&Rfc3339).expect("a time"))
}

fn users_of(body: &Value) -> BTreeSet<i64> {
    body["accounts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["user"].as_i64().expect("an id"))
        .collect()
}

/// Creates accounts without passwords that can sign in, with an open session each. Returns the first and the last id.
pub(crate) async fn accounts_with_sessions(app: &App, count: i64) -> (i64, i64) {
    let rows = app.rows().await;
    let at = now(app);
    let sql = format!(
        "WITH made AS (
             INSERT INTO users (email, password_hash, status, created_at)
             SELECT 'victim' || i || '@example.com', 'unusable', 'active', {at} FROM generate_series(1, {count}) i
             RETURNING id
         ), devices AS (
             INSERT INTO registered_devices (user_id, id, created_at, last_seen_at, fingerprint, fingerprint_version)
             SELECT id, gen_random_uuid(), {at}, {at}, repeat('0', 32), 1 FROM made RETURNING user_id, id
         ), opened AS (
             INSERT INTO sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_expires_at, method)
             SELECT gen_random_uuid(), user_id, id, {at}, {at}, {at} + interval '30 days', {at} + interval '7 days', 'password'
             FROM devices
         )
         SELECT min(id), max(id) FROM made"
    );
    let row = rows.query_one(&sql, &[]).await.expect("the accounts");
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn a_stuffing_wave_is_found_and_its_accounts_are_revoked_in_two_calls() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (first, last) = accounts_with_sessions(&app, 1_040).await;
    let at = now(&app);
    // 50,000 attempts from 2,000 addresses, 25 of each, within an hour. Of these, 40 have the right password: of the first 40
    // accounts, each from another address.
    insert_attempts(
        &app,
        &format!(
            "SELECT {at} - make_interval(secs => i % 3600),
                    CASE WHEN i < 40 THEN {first} + i WHEN i % 3 = 0 THEN {first} + i % 1040 END, i,
                    CASE WHEN i < 40 THEN 'success' WHEN i % 3 = 0 THEN 'wrong_password' ELSE 'unknown_account' END,
                    '203.' || (i % 2000) / 250 || '.113.' || (i % 2000) % 250
             FROM generate_series(0, 49999) i"
        ),
    )
    .await;
    // Ordinary sign-ins of the other 1,000 accounts: each from its own address, some after a mistyped password; and an office
    // with one address, in which many people sign in and 20 mistype their passwords.
    insert_attempts(
        &app,
        &format!(
            "SELECT {at} - make_interval(secs => i), {first} + 40 + i % 1000, i, CASE WHEN i % 7 = 0 THEN 'wrong_password' ELSE 'success' END,
                    '10.' || i / 250 || '.0.' || i % 250 FROM generate_series(0, 2999) i
             UNION ALL
             SELECT {at} - make_interval(secs => i), {first} + 40 + i, i, CASE WHEN i < 20 THEN 'wrong_password' ELSE 'success' END,
                    '192.0.2.1' FROM generate_series(0, 299) i"
        ),
    )
    .await;
    let found = operator.get(STUFFING).await.expect(200).body;
    assert_eq!(users_of(&found), (first..first + 40).collect::<BTreeSet<_>>());
    assert_eq!((&found["sources"], &found["failures"]), (&json!(2_000), &json!(49_960)));
    assert_eq!((&found["truncated"], &found["next_cursor"]), (&json!(false), &json!(null)));
    let one = &found["accounts"][0];
    assert_eq!(
        (&one["open_sessions"], &one["outcomes"], &one["source_count"]),
        (&json!(1), &json!(["success"]), &json!(1))
    );
    let users: Vec<_> =
        found["accounts"].as_array().expect("a list").iter().map(|row| row["user"].clone()).collect();
    let revoked = operator.revoke(json!({"users": users})).await.expect(200).body;
    assert_eq!((&revoked["sessions"], &revoked["excluded"]), (&json!(40), &json!(0)));
    let open = |condition: String| {
        let app = app.clone();
        async move {
            app.count(&format!("SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND {condition}"))
                .await
        }
    };
    assert_eq!(open(format!("user_id BETWEEN {first} AND {first} + 39")).await, 0);
    assert_eq!(open(format!("user_id BETWEEN {first} + 40 AND {last}")).await, 1_000);
    let pages = operator.get(&format!("{STUFFING}?limit=30")).await.expect(200).body;
    let cursor = pages["next_cursor"].as_str().expect("a cursor").to_owned();
    let rest = operator.get(&format!("{STUFFING}?limit=30&cursor={cursor}")).await.expect(200).body;
    assert_eq!((users_of(&pages).len(), users_of(&rest).len()), (30, 10));
    assert_eq!(rest["accounts"][0]["open_sessions"], 0);
}

#[tokio::test]
async fn a_wave_that_changes_its_address_with_each_attempt_is_found_by_network() {
    let app = App::start();
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    let (first, _) = accounts_with_sessions(&app, 3).await;
    let at = now(&app);
    insert_attempts(
        &app,
        &format!(
            "SELECT {at} - make_interval(secs => i), CASE WHEN i < 3 THEN {first} + i END, i,
                    CASE WHEN i = 0 THEN 'challenged' WHEN i < 3 THEN 'success' ELSE 'unknown_account' END, '198.51.100.' || i
             FROM generate_series(0, 199) i"
        ),
    )
    .await;
    assert_eq!(users_of(&auditor.get(STUFFING).await.expect(200).body), BTreeSet::new());
    let found = auditor.get(&format!("{STUFFING}?by=network")).await.expect(200).body;
    assert_eq!(users_of(&found), (first..first + 3).collect::<BTreeSet<_>>());
    assert_eq!(found["accounts"][0]["outcomes"], json!(["challenged"]));
    assert_eq!(found["accounts"][0]["sources"], json!(["198.51.100.0/24"]));
    let stricter =
        auditor.get(&format!("{STUFFING}?by=network&min_failed_percent=99")).await.expect(200).body;
    assert_eq!(stricter["accounts"], json!([]));
    for wrong in ["min_failures=0", "min_accounts=10001", "min_failed_percent=101", "limit=1001"] {
        auditor.get(&format!("{STUFFING}?{wrong}")).await.refused(422, "invalid_threshold");
    }
    let week = (app.now() - Duration::from_secs(8 * 86_400)).format(&Rfc3339).expect("a time");
    auditor.get(&format!("{STUFFING}?since={week}")).await.refused(422, "invalid_period");
    auditor.get(&format!("{STUFFING}?cursor=x")).await.refused(422, "invalid_cursor");
}

#[tokio::test]
async fn attempts_of_all_accounts_are_filtered_and_paged() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let session = person.sign_in().await;
    app.advance(Duration::from_secs(1));
    person.try_password("not-her-password-91").await.expect(401);
    let at = now(&app);
    insert_attempts(
        &app,
        &format!(
            "SELECT {at}, NULL::bigint, i, 'unknown_account', '203.0.113.' || i FROM generate_series(0, 4) i"
        ),
    )
    .await;
    let list = async |query: &str| {
        let body = operator.get(&format!("{ATTEMPTS}?{query}")).await.expect(200).body;
        body["attempts"].as_array().expect("a list").clone()
    };
    let own = list(&format!("user={}", person.id)).await;
    assert_eq!((&own[0]["outcome"], &own[1]["outcome"]), (&json!("wrong_password"), &json!("success")));
    assert_eq!((&own[1]["session_id"], &own[1]["user_id"]), (&json!(session.id), &json!(person.id)));
    assert_eq!(list("outcome=unknown_account").await.len(), 5);
    assert_eq!(list("address=203.0.113.3").await.len(), 1);
    assert_eq!(list("network=203.0.113.0/31").await.len(), 2);
    assert_eq!(list("country=nz&outcome=unknown_account").await.len(), 5);
    assert_eq!(list("country=de").await.len(), 0);
    let until = (app.now() - Duration::from_millis(500)).format(&Rfc3339).expect("a time");
    assert_eq!(list(&format!("user={}&until={until}", person.id)).await.len(), 1);
    assert_eq!(list(&format!("user={}&since={until}", person.id)).await.len(), 1);
    let (mut seen, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = operator.get(&format!("{ATTEMPTS}?country=NZ&limit=2{cursor}")).await.expect(200).body;
        seen.extend(
            page["attempts"].as_array().expect("a list").iter().map(|attempt| attempt["id"].to_string()),
        );
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 5);
    for (wrong, code) in [
        ("address=203.0.113.3&network=203.0.113.0/24", "contradicting_filters"),
        ("network=nonsense", "invalid_network"),
        ("country=deu", "invalid_country"),
        ("outcome=nonsense", "invalid_query"),
        ("name=x", "invalid_query"),
    ] {
        operator.get(&format!("{ATTEMPTS}?{wrong}")).await.refused(422, code);
    }
    person.sign_in().await.get(ATTEMPTS).await.refused(403, "operator_required");
    let recorded = format!(
        "SELECT count(*) FROM audit_events WHERE event = 'attempts.searched' AND outcome = 'success' AND actor_id = {}
           AND user_id = {}",
        operator.person.id, person.id
    );
    eventually("the reads are recorded", async || app.count(&recorded).await == 3).await;
}

#[tokio::test]
async fn a_wave_does_not_hide_behind_many_sign_ins_to_one_account_of_its_own() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (first, _) = accounts_with_sessions(&app, 2).await;
    let at = now(&app);
    // The newest attempts of the address are 10,100 sign-ins to the account of the attacker.
    insert_attempts(
        &app,
        &format!(
            "SELECT {at} - interval '1 hour', CASE WHEN i = 0 THEN {first} END, i,
                    CASE WHEN i = 0 THEN 'success' ELSE 'unknown_account' END, '198.51.100.9' FROM generate_series(0, 200) i
             UNION ALL
             SELECT {at}, {first} + 1, 0, 'success', '198.51.100.9' FROM generate_series(1, 10100)"
        ),
    )
    .await;
    for query in ["", "?min_failed_percent=1", "?limit=1"] {
        let found = operator.get(&format!("{STUFFING}{query}")).await.expect(200).body;
        assert!(users_of(&found).contains(&first), "{query}: {found}");
        assert_eq!(found["truncated"], true, "{query}");
    }
}

#[tokio::test]
async fn the_audit_trail_has_the_names_of_the_filters_and_not_their_values() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    operator.get(&format!("{ATTEMPTS}?address=203.0.113.77&country=nz")).await.expect(200);
    operator.get(&format!("{ATTEMPTS}?network=203.0.113.0/24&outcome=success")).await.expect(200);
    operator.get("/api/v1/admin/bans?address=203.0.113.77").await.expect(200);
    let recorded = |filters: &str, event: &str| {
        let sql = format!(
            "SELECT count(*) FROM audit_events WHERE event = '{event}' AND detail ->> 'filters' = '{filters}'
               AND detail::text NOT LIKE '%203.0.113%'"
        );
        let app = app.clone();
        async move { app.count(&sql).await }
    };
    for (filters, event) in [
        ("network,country", "attempts.searched"),
        ("outcome,network", "attempts.searched"),
        ("address", "bans.searched"),
    ] {
        eventually("the read is recorded", async || recorded(filters, event).await == 1).await;
    }
}

#[tokio::test]
async fn reads_of_one_operator_are_limited_and_reads_of_the_own_profile_are_not() {
    let app = App::with(|settings| settings.limits.operator_read_user.burst = 5);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let mut answers = Vec::new();
    for _ in 0..7 {
        answers.push(operator.get(&format!("{ATTEMPTS}?limit=1")).await);
    }
    assert_eq!(answers[4].status, 200);
    assert_eq!(answers[6].status, 429);
    operator.get("/api/v1/profile").await.expect(200);
    let other = app.appoint(Role::Auditor).await.sign_in().await;
    other.get(&format!("{ATTEMPTS}?limit=1")).await.expect(200);
}

#[tokio::test]
async fn two_slow_searches_of_operators_run_at_once_and_a_third_is_refused() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let rows = app.rows().await;
    rows.batch_execute("BEGIN; LOCK TABLE device_login_attempts").await.expect("the lock");
    let ask = || Box::pin(operator.get(ATTEMPTS));
    let (first, _, rest) = futures_util::future::select_all([ask(), ask(), ask()]).await;
    rows.batch_execute("COMMIT").await.expect("the lock is free");
    first.refused(503, "unavailable");
    for answer in rest {
        answer.await.expect(200);
    }
    operator.get(ATTEMPTS).await.expect(200);
}
