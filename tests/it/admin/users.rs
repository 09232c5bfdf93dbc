//! Users over REST: search, creation, role, status, password, factors.

use domain::account::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Ask, PASSWORD, Session, eventually, secret_watch};

const USERS: &str = "/api/v1/admin/users";

async fn patch(caller: &Session, user: impl std::fmt::Display, mut body: Value) -> Answer {
    body["reason"] = "a test".into();
    caller.request(Method::PATCH, &format!("{USERS}/{user}")).json(&body).ask().await
}

async fn create(caller: &Session, body: Value) -> Answer {
    let mut body = body;
    body["reason"] = "a test".into();
    caller.post(USERS, &body).await
}

/// The addresses of a page.
fn emails(answer: &Answer) -> Vec<String> {
    let users = answer.body["users"].as_array().expect("users");
    users.iter().map(|user| user["email"].as_str().expect("an address").to_owned()).collect()
}

/// Creates users with these addresses and names.
async fn fill(admin: &Session, users: &[(&str, &str)]) {
    for (email, name) in users {
        create(admin, json!({"email": email, "display_name": name, "password": "none"})).await.expect(201);
    }
}

#[tokio::test]
async fn a_search_finds_users_by_the_beginning_of_address_or_name_in_any_case() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    fill(
        &admin,
        &[("Ada@a.example", "Zoë Lovelace"), ("adam@b.example", "zoe"), ("bob@a.example", "100% Bob_%")],
    )
    .await;
    for (search, found) in [
        ("email=ADA", &["Ada@a.example", "adam@b.example"][..]),
        ("email=ada@a.example", &["Ada@a.example"]),
        ("email=da", &[]),
        ("email=%25", &[]),
        ("name=ZO", &["adam@b.example", "Ada@a.example"]),
        ("name=zo%C3%AB", &["Ada@a.example"]),
        ("name=100%25%20bob_", &["bob@a.example"]),
        ("email=ada&role=admin", &[]),
        ("id=999999", &[]),
    ] {
        let answer = admin.get(&format!("{USERS}?{search}")).await.expect(200);
        assert_eq!(emails(&answer), found, "{search}");
        assert!(answer.body["next_cursor"].is_null());
    }
    let own = admin.get(&format!("{USERS}?id={}", admin.person.id)).await.expect(200);
    assert_eq!(emails(&own), std::slice::from_ref(&admin.person.email));
    let other = admin.get(&format!("{USERS}?id={}&role=user", admin.person.id)).await.expect(200);
    assert!(emails(&other).is_empty());
    for wrong in [
        "id=1&name=b",
        "id=x",
        "email=a&name=b",
        "email=a&sort=name",
        "email=",
        "name=a%00",
        "nick=a",
        "limit=0",
        "sort=age",
    ] {
        admin.get(&format!("{USERS}?{wrong}")).await.expect(422).problem();
    }
    admin.get(&format!("{USERS}?cursor=nonsense")).await.refused(422, "invalid_cursor");
}

#[tokio::test]
async fn pages_of_each_order_and_filter_have_every_user_once() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    fill(
        &admin,
        &[
            ("c@x.example", "B"),
            ("a@x.example", "B"),
            ("b@x.example", "A"),
            ("d@x.example", "b"),
            ("e@x.example", ""),
        ],
    )
    .await;
    for query in [
        "sort=created",
        "sort=-created",
        "sort=email",
        "sort=-email",
        "sort=name",
        "sort=-name",
        "role=user&status=active",
        "name=b",
    ] {
        let all = emails(&admin.get(&format!("{USERS}?{query}&limit=200")).await.expect(200));
        let mut paged = Vec::new();
        let mut cursor = String::new();
        loop {
            let answer = admin.get(&format!("{USERS}?{query}&limit=1{cursor}")).await.expect(200);
            paged.extend(emails(&answer));
            let Some(next) = answer.body["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, all, "{query}");
        assert!(paged.len() >= 3, "{query}");
    }
    let by_name = admin.get(&format!("{USERS}?sort=name&role=user")).await.expect(200);
    assert_eq!(
        emails(&by_name),
        ["e@x.example", "b@x.example", "c@x.example", "a@x.example", "d@x.example"],
        "users without a name first, users with the same name by number"
    );
}

#[tokio::test]
async fn no_list_of_users_reads_the_table() {
    let app = App::start();
    let rows = app.rows().await;
    let many = "INSERT INTO users (email, account_key, display_name, password_hash, role, status)
                SELECT 'p' || n || '@many.example', 'p' || n || '@many.example', 'Name ' || n, '!',
                       CASE WHEN n % 5000 = 0 THEN 'operator' ELSE 'user' END, 'active'
                FROM generate_series(1, 20000) n";
    rows.execute(many, &[]).await.unwrap();
    rows.batch_execute("VACUUM ANALYZE users").await.unwrap();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let (admin, app) = (&admin, &app);
    let scans = "SELECT (seq_scan + idx_scan)::bigint FROM pg_stat_user_tables WHERE relname = 'users'";
    let read =
        "SELECT (seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables WHERE relname = 'users'";
    // A connection of the server writes its statistics at the end of a transaction, but at most once a second.
    eventually("the statistics are written", || async move {
        for query in [
            "sort=name",
            "sort=-email",
            "email=p19999@",
            "name=name%201999",
            "role=operator",
            "status=pending",
        ] {
            let answer = admin.get(&format!("{USERS}?{query}&limit=10")).await.expect(200);
            assert!(answer.body["users"].is_array());
        }
        app.count(scans).await > 400
    })
    .await;
    let (read, scans) = (app.count(read).await, app.count(scans).await);
    assert!(read / scans < 20, "{scans} scans have read {read} rows");
}

#[tokio::test]
async fn a_user_is_shown_with_factors_and_counts() {
    let app = App::start();
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    let person = app.register().await;
    let (_one, _two) = (person.sign_in().await, person.sign_in().await);
    let answer = auditor.get(&format!("{USERS}/{}", person.id)).await.expect(200);
    assert_eq!(answer.body["email"], person.email);
    // The registration has registered a device, too.
    assert_eq!((&answer.body["sessions"], &answer.body["devices"]), (&json!(2), &json!(3)));
    assert_eq!((&answer.body["role"], &answer.body["has_password"]), (&json!("user"), &json!(true)));
    assert_eq!(answer.body["factors"]["totp"], false);
    assert!(!answer.text.contains("hash"));
    auditor.get(&format!("{USERS}/999999")).await.refused(404, "not_found");
    auditor.get(&format!("{USERS}/nobody")).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_created_user_signs_in_with_the_password_of_the_answer() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let email = app.new_email();
    let answer = create(&operator, json!({"email": email, "display_name": "Ada"})).await.expect(201);
    let password = answer.text_of("password");
    secret_watch::note("generated password", &password);
    let id = answer.body["user"]["id"].as_i64().expect("an id");
    let person = crate::harness::Person { email: email.clone(), ..app.person(id) };
    person.try_password(&password).await.expect(200);
    create(&operator, json!({"email": email.to_uppercase()})).await.refused(409, "email_taken");
    create(&operator, json!({"email": "nonsense"})).await.refused(422, "invalid_email");
    operator.post(USERS, &json!({"email": app.new_email()})).await.expect(422).problem();
    let event = format!(
        "SELECT count(*) FROM audit_events WHERE event = 'user.created' AND user_id = {id} AND actor_id = {}
           AND detail->>'reason' = 'a test' AND detail->>'role' = 'user'",
        operator.person.id
    );
    assert_eq!(app.count(&event).await, 1);
}

#[tokio::test]
async fn only_an_admin_creates_users_with_another_role_than_user() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    for role in ["auditor", "operator", "admin"] {
        let body = json!({"email": app.new_email(), "role": role, "password": "none"});
        create(&operator, body.clone()).await.refused(403, "admin_required");
        let answer = create(&admin, body).await.expect(201);
        assert_eq!((&answer.body["user"]["role"], &answer.body["password"]), (&json!(role), &Value::Null));
    }
}

#[tokio::test]
async fn a_suspension_ends_every_session_and_an_activation_lets_the_user_sign_in_again() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect().await;
    let answer = patch(&admin, session.person.id, json!({"status": "suspended"})).await.expect(200);
    assert_eq!(answer.body["status"], "suspended");
    assert_eq!(answer.body["revocation"]["sockets_closed"], 1);
    assert!(answer.body["revocation"]["revocation_id"].is_i64());
    assert_eq!(socket.closed().await.code, 4503);
    assert!(!session.works().await);
    session.person.try_password(PASSWORD).await.expect(401);
    let answer = patch(&admin, session.person.id, json!({"status": "active"})).await.expect(200);
    assert_eq!(answer.body["status"], "active");
    session.person.sign_in().await;
    let row = format!(
        "SELECT count(*) FROM revocations WHERE user_id = {} AND cause = 'account_disabled' AND reason = 'a test'
           AND actor_id = {}",
        session.person.id, admin.person.id
    );
    assert_eq!(app.count(&row).await, 1);
}

#[tokio::test]
async fn a_changed_role_takes_effect_at_once() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    patch(&admin, session.person.id, json!({"role": "auditor"})).await.expect(200);
    let auditor = session.renewed().await;
    auditor.get(USERS).await.expect(200);
    patch(&admin, session.person.id, json!({"role": "user"})).await.expect(200);
    auditor.get(USERS).await.refused(403, "operator_required");
    for both in [json!({"role": "user", "status": "active"}), json!({})] {
        patch(&admin, session.person.id, both).await.refused(422, "one_change_required");
    }
    patch(&admin, 999_999, json!({"role": "user"})).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_admin_cannot_change_the_own_role_status_password_or_factors() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let own = admin.person.id;
    patch(&admin, own, json!({"role": "user"})).await.refused(403, "own_account");
    patch(&admin, own, json!({"status": "deactivated"})).await.refused(403, "own_account");
    for reset in ["password-reset", "factor-reset"] {
        let path = format!("{USERS}/{own}/{reset}");
        admin.post(&path, &json!({"reason": "a test"})).await.refused(403, "own_account");
    }
    assert!(admin.works().await);
}

#[tokio::test]
async fn an_admin_remains_when_all_admins_demote_each_other_at_once() {
    let app = App::start();
    let mut admins = Vec::new();
    for _ in 0..4 {
        admins.push(app.appoint(Role::Admin).await.sign_in().await);
    }
    let turns = (0..admins.len()).map(|index| {
        let (admin, next) = (&admins[index], &admins[(index + 1) % admins.len()]);
        patch(admin, next.person.id, json!({"role": "user"}))
    });
    let answers = futures_util::future::join_all(turns).await;
    assert!(answers.iter().any(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 403 | 409)), "{answers:?}");
    assert!(app.count("SELECT count(*) FROM users WHERE role = 'admin' AND status = 'active'").await >= 1);
}

#[tokio::test]
async fn a_password_reset_ends_the_sessions_and_replaces_the_password() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    let path = format!("{USERS}/{}/password-reset", session.person.id);
    let answer = admin.post(&path, &json!({"reason": "a test"})).await.expect(200);
    let password = answer.text_of("password");
    secret_watch::note("generated password", &password);
    assert_eq!(answer.body["sessions"], 1);
    assert!(!session.works().await);
    session.person.try_password(PASSWORD).await.refused(401, "invalid_credentials");
    session.person.try_password(&password).await.expect(200);
    let answer = admin.post(&path, &json!({"password": "none", "reason": "a test"})).await.expect(200);
    assert!(answer.body["password"].is_null());
    session.person.try_password(&password).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn a_factor_reset_removes_the_authenticator_app_and_ends_the_sessions() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let mut session = app.register().await.sign_in().await;
    session.enable_totp().await;
    let path = format!("{USERS}/{}/factor-reset", session.person.id);
    admin.post(&path, &json!({"reason": "a test"})).await.expect(200);
    assert!(!session.works().await);
    session.person.sign_in().await;
    admin.post(&path, &json!({"reason": "a test"})).await.refused(409, "factor_gone");
}

#[tokio::test]
async fn a_token_without_the_scope_of_admins_gives_no_role_even_if_its_user_is_an_admin_now() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let (other, user) = (app.appoint(Role::Admin).await.sign_in().await, app.register().await);
    let promoted = app.appoint(Role::Operator).await.sign_in().await;
    patch(&admin, promoted.person.id, json!({"role": "admin"})).await.expect(200);
    let new = json!({"email": app.new_email(), "role": "admin", "password": "none"});
    create(&promoted, new).await.refused(403, "admin_required");
    promoted.revoke(json!({"session": other.id})).await.refused(403, "not_permitted");
    promoted.revoke(json!({"users": [other.person.id]})).await.refused(403, "not_permitted");
    assert!(other.works().await);
    promoted.revoke(json!({"user": user.id})).await.expect(200);
}

#[tokio::test]
async fn changes_that_fail_are_recorded_with_their_codes() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let user = app.register().await;
    create(&admin, json!({"email": user.email, "password": "none"})).await.refused(409, "email_taken");
    patch(&admin, 999_999, json!({"role": "operator"})).await.refused(404, "not_found");
    let path = format!("{USERS}/{}/devices/{}/distrust", user.id, uuid::Uuid::new_v4());
    admin.post(&path, &json!({"reason": "a test"})).await.refused(404, "not_found");
    for (event, code) in [
        ("user.created", "email_taken"),
        ("user.role_changed", "not_found"),
        ("device.distrusted", "not_found"),
    ] {
        let sql = format!(
            "SELECT count(*) FROM audit_events WHERE event = '{event}' AND outcome = 'failure'
               AND actor_id = {} AND detail->>'code' = '{code}'",
            admin.person.id
        );
        eventually("the failure is recorded", async || app.count(&sql).await == 1).await;
    }
}
