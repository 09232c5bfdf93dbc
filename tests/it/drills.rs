//! Drills: the server signs its canary in, opens its own doors from outside, revokes the session, and reports when each door was
//! shut.

use std::time::Duration;

use domain::account::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{
    Answer, App, Ask as _, Barrier, OperatorCli, PASSWORD, Session, database_url, eventually, fresh_database,
    portcullis, scratch_dir,
};

const DRILL: &str = "/api/v1/admin/drill";
const DOORS: [&str; 5] = ["websocket", "http_stream", "sse", "api", "refresh"];
/// Events and attempts of the canary account.
const TRACES_OF_CANARY: &str = "SELECT (SELECT count(*) FROM audit_events e JOIN users u ON u.id = e.user_id WHERE u.role = 'canary')
    + (SELECT count(*) FROM device_login_attempts a JOIN users u ON u.id = a.user_id WHERE u.role = 'canary')";

async fn admin(app: &App) -> Session {
    app.appoint(Role::Admin).await.sign_in().await
}

async fn drill(admin: &Session) -> Answer {
    admin.post(DRILL, &json!({"reason": "a test"})).await
}

/// The doors of a report that this kind of node has shut, as pairs of door and verdict.
fn verdicts(report: &Value, revoked_by: &str) -> Vec<(String, String)> {
    let doors = report["doors"].as_array().expect("doors").iter();
    let doors = doors.filter(|door| door["revoked_by"] == revoked_by);
    let text = |door: &Value, field: &str| door[field].as_str().expect("a word").to_owned();
    doors.map(|door| (text(door, "door"), text(door, "verdict"))).collect()
}

/// Every door was shut. A machine that is busy with other tests may be late.
fn assert_shut(report: &Value, revoked_by: &str) {
    let found = verdicts(report, revoked_by);
    let doors: Vec<_> = found.iter().map(|(door, _)| door.as_str()).collect();
    assert_eq!(doors, DOORS, "{report}");
    assert!(found.iter().all(|(_, verdict)| verdict == "in_time" || verdict == "late"), "{report}");
    let times = report["doors"].as_array().expect("doors").iter().map(|door| door["after_ms"].as_f64());
    assert!(times.flatten().all(|after| after > 0.0), "{report}");
}

/// The report of the only drill, when it has ended.
async fn report_of_schedule(app: &App) -> Value {
    let rows = app.rows().await;
    let sql = "SELECT report FROM drills WHERE started_by = 'schedule' AND report IS NOT NULL LIMIT 1";
    let read = async || rows.query_opt(sql, &[]).await.expect("an answer");
    eventually("a drill of the schedule ends", async || read().await.is_some()).await;
    read().await.expect("a row").get(0)
}

#[tokio::test]
async fn a_drill_shuts_every_door_and_is_reported_counted_and_audited() {
    let app = App::start();
    let admin = admin(&app).await;
    let report = drill(&admin).await.expect(200).body;
    assert_shut(&report, "this_node");
    assert_eq!(verdicts(&report, "other_node"), [], "there is no other node");
    assert!(report["outcome"] == "passed" || report["outcome"] == "late", "{report}");

    let metrics = app.metrics();
    for door in DOORS {
        let counted = format!("drill_door_seconds_count{{door=\"{door}\",revoked_by=\"this_node\"}}");
        assert!(metrics.contains(&counted), "{counted}");
    }
    assert!(metrics.contains("drills_total{outcome=\"open\"}"), "outcomes are known before they occur");

    app.write_statistics().await;
    let statistics = admin.get("/api/v1/admin/statistics?series=drills,sessions").await.expect(200).body;
    let labels: Vec<_> = statistics["series"][0]["labels"]
        .as_array()
        .expect("labels")
        .iter()
        .map(|label| label["label"].as_str().expect("a label"))
        .collect();
    assert_eq!(labels, ["api", "http_stream", "refresh", "sse", "websocket"]);

    let rows = app.rows().await;
    let audited = "SELECT count(*) FROM audit_events WHERE event = 'drill.run'";
    eventually("the drill is audited", async || app.count(audited).await > 0).await;
    let sql = "SELECT actor_id, detail FROM audit_events WHERE event = 'drill.run'";
    let events = rows.query(sql, &[]).await.expect("events");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].get::<_, Option<i64>>(0), Some(admin.person.id.0));
    let detail: Value = events[0].get(1);
    assert_eq!((&detail["reason"], &detail["drill"]), (&json!("a test"), &report["drill"]));
    assert_eq!(detail["doors"].as_array().map(Vec::len), Some(DOORS.len()));
    assert_eq!(app.count(TRACES_OF_CANARY).await, 0, "the canary leaves no events of its own");

    let stored: Value = rows.query_one("SELECT report FROM drills", &[]).await.expect("a row").get(0);
    assert_eq!(stored, report);
    assert_eq!(
        app.count("SELECT count(*) FROM sessions WHERE method = 'drill' AND revoked_at IS NULL").await,
        0
    );
}

#[tokio::test]
async fn the_canary_causes_no_events_for_other_systems() {
    let app = App::start();
    let admin = admin(&app).await;
    let webhook = json!({"name": "everything", "url": "http://127.0.0.1:9/", "reason": "a test",
                         "events": ["security", "refusals", "connections"]});
    admin.post("/api/v1/admin/webhooks", &webhook).await.expect(201);
    drill(&admin).await.expect(200);
    // The sockets of a person are reported, so the events of the canary's sockets would be here, too.
    let _socket = app.register().await.sign_in().await.connect().await;
    let reported = "SELECT count(*) FROM event_deliveries WHERE type = 'connection.connected'";
    eventually("the socket of the person is reported", async || app.count(reported).await > 0).await;
    let of_canary = "SELECT count(*) FROM event_deliveries d JOIN users u ON d.subject = 'user:' || u.id
                     WHERE u.role = 'canary'";
    assert_eq!(app.count(of_canary).await, 0);
}

#[tokio::test]
async fn a_drill_reaches_a_node_that_serves_only_tls() {
    let app = App::with_tls(|settings| {
        settings.listen.redirect = true;
        settings.drill.interval = Some(Duration::from_millis(100));
    });
    assert_shut(&report_of_schedule(&app).await, "this_node");
}

#[tokio::test]
async fn a_drill_reaches_a_node_that_serves_only_a_unix_socket() {
    let directory = scratch_dir();
    let path = directory.path().join("portcullis.sock");
    let app = App::with(|settings| {
        settings.listen.http = None;
        settings.listen.socket = Some((path, 0o600));
        settings.drill.interval = Some(Duration::from_millis(100));
    });
    assert_shut(&report_of_schedule(&app).await, "this_node");
}

#[tokio::test]
async fn a_drill_is_no_proxy_that_hides_its_clients() {
    let app =
        App::with(|settings| settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")]);
    let admin = admin(&app).await;
    let answer =
        || async { app.get("/health/ready").header("x-forwarded-for", "192.0.2.1").ask().await.body };
    let before = answer().await;
    assert_shut(&drill(&admin).await.expect(200).body, "this_node");
    assert_eq!(answer().await, before, "the drill is not reported as a client that a proxy does not name");
}

#[tokio::test]
async fn doors_that_are_shut_after_their_bound_are_late() {
    let app = App::start();
    let admin = admin(&app).await;
    // The transaction of the revocation waits for this lock.
    let barrier = Barrier::at(app.database(), "LOCK TABLE revocations IN SHARE MODE").await;
    let hold = async {
        barrier.wait_for(1).await;
        // The bound is over.
        tokio::time::sleep(Duration::from_millis(60)).await;
        barrier.release().await;
    };
    let (answer, ()) = futures_util::future::join(drill(&admin), hold).await;
    let report = answer.expect(200).body;
    assert_eq!(report["outcome"], "late");
    let late: Vec<_> = DOORS.iter().map(|door| ((*door).to_owned(), "late".to_owned())).collect();
    assert_eq!(verdicts(&report, "this_node"), late);
    let detail =
        "SELECT count(*) FROM audit_events WHERE event = 'drill.run' AND detail ->> 'result' = 'late'";
    eventually("the event is written", async || app.count(detail).await == 1).await;
    assert!(app.metrics().contains("verdict=\"late\""));
}

/// Makes the node believe in another node, which claims the session that is offered and then does nothing.
async fn claim_and_do_nothing(app: &App) {
    let rows = app.rows().await;
    let claim = "UPDATE drills SET claimed_by = gen_random_uuid(), claimed_at = clock_timestamp()
                 WHERE offered_at IS NOT NULL AND claimed_by IS NULL";
    eventually("a session is offered", async || rows.execute(claim, &[]).await.expect("an answer") == 1)
        .await;
}

async fn believe_in_another_node(app: &App) {
    let sql = "INSERT INTO statistics (step, series, at, node, value, highest)
               VALUES (60, 'connections', date_trunc('minute', now(), 'UTC'), gen_random_uuid(), 1, 1)";
    app.rows().await.execute(sql, &[]).await.expect("the row");
}

#[tokio::test]
async fn doors_that_no_revocation_shuts_are_open() {
    let app = App::start();
    let admin = admin(&app).await;
    believe_in_another_node(&app).await;
    let (answer, ()) = futures_util::future::join(drill(&admin), claim_and_do_nothing(&app)).await;
    let report = answer.expect(200).body;
    assert_eq!(report["outcome"], "open");
    let open: Vec<_> = DOORS.iter().map(|door| ((*door).to_owned(), "open".to_owned())).collect();
    assert_eq!(verdicts(&report, "other_node"), open);
    assert_shut_before(&report);
    assert_eq!(
        app.count("SELECT count(*) FROM sessions WHERE method = 'drill' AND revoked_at IS NULL").await,
        0,
        "the node revokes the session itself in the end"
    );
}

/// The doors of the first part were shut, whatever the second part has shown.
fn assert_shut_before(report: &Value) {
    assert!(
        verdicts(report, "this_node").iter().all(|(_, verdict)| verdict == "in_time" || verdict == "late")
    );
}

#[tokio::test]
async fn a_session_that_no_other_node_takes_is_no_failure() {
    let app = App::start();
    let admin = admin(&app).await;
    believe_in_another_node(&app).await;
    let report = drill(&admin).await.expect(200).body;
    assert_shut(&report, "this_node");
    assert_eq!(verdicts(&report, "other_node"), []);
    assert!(report["note"].is_string() && report["outcome"] != "failed", "{report}");
}

#[tokio::test]
async fn another_node_revokes_a_session_whose_doors_are_open_here() {
    let database = fresh_database();
    let (here, elsewhere) = (App::over(database.clone(), |_| {}), App::over(database, |_| {}));
    let admin = admin(&here).await;
    elsewhere.write_statistics().await;
    let report = drill(&admin).await.expect(200).body;
    assert_shut(&report, "this_node");
    assert_shut(&json!({"doors": report["doors"].as_array().expect("doors")[5..]}), "other_node");
    here.write_statistics().await;
    let statistics = admin.get("/api/v1/admin/statistics?series=drills").await.expect(200).body;
    assert_eq!(statistics["series"][0]["labels"].as_array().map(Vec::len), Some(2 * DOORS.len()));
}

#[tokio::test]
async fn a_node_that_is_being_stopped_claims_no_session_and_begins_no_drill() {
    let database = fresh_database();
    let (here, stopping) = (App::over(database.clone(), |_| {}), App::over(database, |_| {}));
    let admin = admin(&here).await;
    stopping.write_statistics().await;
    stopping.stop_accepting();
    let report = drill(&admin).await.expect(200).body;
    assert_shut(&report, "this_node");
    assert_eq!(verdicts(&report, "other_node"), []);
    assert!(report["note"].is_string(), "{report}");
    let there = Session { app: stopping, ..admin.clone() };
    assert_eq!(drill(&there).await.status, 503);
}

#[tokio::test]
async fn a_session_that_was_claimed_is_revoked_before_the_node_has_stopped() {
    let app = App::start();
    let admin = admin(&app).await;
    drill(&admin).await.expect(200);
    let revoked = "SELECT count(*) FROM revocations WHERE cause = 'drill'";
    let before = app.count(revoked).await;
    // Another node offers the session of the drill, as if it were open again. The claim waits for the table.
    let offer = "LOCK TABLE drills IN SHARE ROW EXCLUSIVE MODE;
                 UPDATE sessions SET revoked_at = NULL, revocation_id = NULL WHERE method = 'drill';
                 INSERT INTO drills (id, node, started_by, started_at, session_id, offered_at)
                 SELECT gen_random_uuid(), gen_random_uuid(), 'schedule', now(), id, clock_timestamp()
                 FROM sessions WHERE method = 'drill'";
    let barrier = Barrier::at(app.database(), offer).await;
    barrier.wait_for(1).await;
    futures_util::future::join(app.stop_jobs(), barrier.release()).await;
    assert_eq!(app.count("SELECT count(*) FROM drills WHERE claimed_by IS NOT NULL").await, 1);
    assert_eq!(app.count(revoked).await, before + 1);
}

#[tokio::test]
async fn a_node_runs_one_drill_at_a_time() {
    let app = App::start();
    let admin = admin(&app).await;
    let barrier = Barrier::at(app.database(), "LOCK TABLE revocations IN SHARE MODE").await;
    let second = async {
        barrier.wait_for(1).await;
        drill(&admin).await.refused(409, "drill_running");
        barrier.release().await;
    };
    let (first, ()) = futures_util::future::join(drill(&admin), second).await;
    first.expect(200);
    drill(&admin).await.expect(200);
}

#[tokio::test]
async fn admins_start_a_limited_number_of_drills() {
    let app = App::with(|settings| settings.limits.drill.burst = 1);
    let admin = admin(&app).await;
    drill(&admin).await.expect(200);
    drill(&admin).await.refused(429, "too_many_requests");
}

#[tokio::test]
async fn a_password_does_not_open_the_canary_account_however_it_got_there() {
    let app = App::start();
    let (admin, person) = (admin(&app).await, app.register().await);
    drill(&admin).await.expect(200);
    let rows = app.rows().await;
    let sql = "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = $1) WHERE role = 'canary'
               RETURNING email";
    let email: String = rows.query_one(sql, &[&person.id.0]).await.expect("the canary").get(0);
    let body = json!({"email": email, "password": PASSWORD});
    app.post("/api/v1/auth/jwt/login").json(&body).ask().await.refused(401, "invalid_credentials");
    // The same hash opens the account that it belongs to, and drills still work.
    person.sign_in().await;
    assert_shut(&drill(&admin).await.expect(200).body, "this_node");
}

#[tokio::test]
async fn the_canary_is_listed_among_no_users_and_no_admin_can_change_it() {
    let app = App::start();
    let (admin, person) = (admin(&app).await, app.register().await);
    drill(&admin).await.expect(200);
    let canary = app.count("SELECT id FROM users WHERE role = 'canary'").await;
    let listed = admin.get("/api/v1/admin/users?limit=200").await.expect(200).body;
    let ids: Vec<_> = listed["users"].as_array().expect("users").iter().map(|user| &user["id"]).collect();
    assert!(!ids.contains(&&json!(canary)) && ids.len() == 2, "{ids:?}");
    for (query, expected) in [
        (format!("id={canary}"), None),
        (format!("id={canary}&role=user"), None),
        (format!("id={canary}&role=canary"), Some(canary)),
        ("role=canary".to_owned(), Some(canary)),
        ("email=canary-".to_owned(), None),
        ("name=canary".to_owned(), None),
    ] {
        let found = admin.get(&format!("/api/v1/admin/users?{query}")).await.expect(200).body;
        let ids: Vec<_> =
            found["users"].as_array().expect("users").iter().map(|user| user["id"].as_i64()).collect();
        assert_eq!(ids, expected.map(Some).into_iter().collect::<Vec<_>>(), "{query}: {found}");
    }

    let change = async |user: i64, body: Value| {
        let request = admin.request(Method::PATCH, &format!("/api/v1/admin/users/{user}")).json(&body);
        request.ask().await
    };
    change(canary, json!({"role": "admin", "reason": "a test"})).await.refused(403, "not_permitted");
    change(canary, json!({"status": "suspended", "reason": "a test"})).await.refused(403, "not_permitted");
    change(person.id.0, json!({"role": "canary", "reason": "a test"})).await.refused(422, "invalid_role");
    let path = |user: i64| format!("/api/v1/admin/users/{user}/password-reset");
    let reset = json!({"reason": "a test", "password": "generated"});
    admin.post(&path(canary), &reset).await.refused(403, "not_permitted");
    admin.post(&path(person.id.0), &reset).await.expect(200);
    let path = format!("/api/v1/admin/users/{canary}/erasure");
    admin.post(&path, &json!({"reason": "a test"})).await.refused(403, "not_permitted");
    let untouched = "SELECT count(*) FROM users WHERE role = 'canary' AND status = 'active' AND password_hash NOT LIKE '$%'";
    assert_eq!(app.count(untouched).await, 1);
}

#[tokio::test]
async fn the_rows_of_fifty_drills_are_bounded() {
    let app = App::with(|settings| {
        settings.limits.drill.burst = 1_000;
        settings.limits.login_account.burst = 1_000;
        settings.limits.login_device_account.burst = 1_000;
        settings.limits.login_address.burst = 1_000;
    });
    let person = app.appoint(Role::Admin).await;
    let mut admin = person.sign_in().await;
    for number in 0..50 {
        if number % 4 == 3 {
            admin = person.sign_in().await;
        }
        drill(&admin).await.expect(200);
        app.advance(Duration::from_secs(121));
    }
    app.sweep().await;
    let count = async |sql: &str| app.count(sql).await;
    // Those of the last hour.
    assert!(count("SELECT count(*) FROM sessions WHERE method = 'drill'").await <= 30);
    assert!(count("SELECT count(*) FROM revocations WHERE cause = 'drill'").await <= 30);
    assert_eq!(count("SELECT count(*) FROM users WHERE role = 'canary'").await, 1);
    let devices =
        "SELECT count(*) FROM registered_devices d JOIN users u ON u.id = d.user_id WHERE u.role = 'canary'";
    assert_eq!(count(devices).await, 1);
    assert_eq!(count(TRACES_OF_CANARY).await, 0);
    assert_eq!(
        count("SELECT count(*) FROM audit_events WHERE event = 'drill.run'").await,
        50,
        "one per drill"
    );
    app.advance(Duration::from_secs(31 * 86_400));
    app.sweep().await;
    assert_eq!(count("SELECT count(*) FROM drills").await, 0);
}

#[tokio::test]
async fn the_command_line_asks_every_node_and_without_the_setting_no_node_drills_by_itself() {
    let database = fresh_database();
    let (_here, elsewhere) = (App::over(database.clone(), |_| {}), App::over(database.clone(), |_| {}));
    let url = database_url(&database);
    let output = tokio::task::spawn_blocking(move || {
        portcullis(&["drill", "--json", "--wait", "60"], &[("DATABASE_URL", &url)])
    });
    let output = output.await.expect("the command");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text} {output:?}"));
    let drills = answer["drills"].as_array().expect("drills");
    let nodes: Vec<_> = drills.iter().map(|drill| drill["node"].as_str().expect("a node")).collect();
    assert_eq!(nodes.len(), 2, "{answer}");
    assert_ne!(nodes[0].parse::<Uuid>().expect("an id"), nodes[1].parse::<Uuid>().expect("an id"));
    for drill in drills {
        assert_shut_before(drill);
    }
    let passed = drills.iter().all(|drill| drill["outcome"] == "passed");
    assert_eq!(output.status.success(), passed, "{answer}");
    // The jobs of both nodes have run many times.
    assert_eq!(elsewhere.count("SELECT count(*) FROM drills WHERE started_by <> 'command_line'").await, 0);
}

#[tokio::test]
async fn the_command_line_drills_the_server_that_is_named_and_shows_the_same_table() {
    let app = App::start();
    let cli = OperatorCli::of(&app.appoint(Role::Admin).await);
    let output = cli.run(&["drill", "--reason", "a test", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_shut(&answer["drills"][0], "this_node");
    assert_eq!(answer["missing"], json!([]));
    assert_eq!(output.status.success(), answer["drills"][0]["outcome"] == "passed", "{answer}");
    let table = cli.run(&["drill", "--reason", "a test"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        table.starts_with("node ") && table.contains("websocket") && table.contains("this node"),
        "{table}"
    );
    let said = cli.fails(2, &["drill", "--reason", "a test", "--wait", "5"]);
    assert!(said.contains("--wait works only on the database"), "{said}");
    assert!(
        cli.fails(2, &["revocation", "drill"]).contains("unrecognized subcommand"),
        "the former spelling"
    );
}

#[tokio::test]
async fn the_command_line_fails_if_no_server_answers() {
    let database = fresh_database();
    drop(App::over(database.clone(), |_| {}));
    let url = database_url(&database);
    let output =
        tokio::task::spawn_blocking(move || portcullis(&["drill", "--wait", "4"], &[("DATABASE_URL", &url)]));
    let output = output.await.expect("the command");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no server has answered"), "{output:?}");
}
