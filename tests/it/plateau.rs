//! During months of simulated use, the number of rows of every table reaches a plateau.
//!
//! The first test is scaled down: each step is one day with a few actions, and most rows are kept for days instead of months.
//! The rows of statistics are kept for 400 days, so the second test has longer steps.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::harness::{App, Ask as _, PASSWORD};

const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// The length of each half of the first test, in days. It is longer than a month and five days, because the audit log keeps a
/// month for five days after its end, and attempts and entries of the log are dropped in whole months.
const WINDOW: usize = 40;
/// The length of each half of the second test, in weeks. It is longer than 400 days.
const WEEKS: usize = 60;
/// The tables with several rows for each act of a whole month.
const WHOLE_MONTHS: [&str; 2] = ["audit_log", "audit_personal_keys"];

/// The number of rows of every table.
async fn rows(app: &App) -> BTreeMap<String, i64> {
    let names = "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
                   AND relnamespace = 'public'::regnamespace AND relname <> 'refinery_schema_history'";
    let client = app.rows().await;
    let mut counted = BTreeMap::new();
    for row in client.query(names, &[]).await.expect("names") {
        let table: String = row.get(0);
        let count = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.expect("a count");
        counted.insert(table, count.get(0));
    }
    counted
}

/// The actions of one day: a sign-in, a sign-in to an unknown account, a ticket, a refused revocation, the denial of an unknown
/// token, and a publication in a new channel.
async fn a_day(app: &App, email: &str, day: usize) {
    let body = json!({"username": email, "password": PASSWORD});
    let signed_in = app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(200);
    let token = signed_in.text_of("access_token");
    let unknown = json!({"username": format!("nobody{day}@example.com"), "password": PASSWORD});
    app.post("/api/v1/auth/jwt/login").json(&unknown).ask().await.expect(401);
    app.post("/api/v1/ws/ticket").bearer_auth(&token).json(&json!({})).ask().await.expect(200);
    let revoke = json!({"all": true, "reason": "mine"});
    app.post("/api/v1/admin/revocations").bearer_auth(&token).json(&revoke).ask().await.expect(403);
    app.revoke_token(&format!("made up {day}")).await;
    let mut socket =
        app.handshake(&format!("/api/v1/ws/chat?token={token}")).open().await.expect("a connection");
    let channel = format!("chat:made-up-{day}");
    socket.subscribe(&channel).await;
    socket.publish(&channel, json!("hello")).await;
}

/// Moves the clock to the first day of the next month, so that each half of the test has the same months, whenever it runs.
fn begin_month(app: &App) {
    let now = app.now();
    let in_next = now.date().replace_day(1).expect("a day") + time::Duration::days(32);
    let first = in_next.replace_day(1).expect("a day").midnight().assume_utc();
    app.advance((first - now).unsigned_abs());
}

/// Asserts that the table has no more rows in the second half than in the first, up to the rows of one day, which may be
/// counted before or after their clean-up. A table that grows without end has about twice as many rows in the second half.
fn assert_plateau(table: &str, early: i64, late: i64) {
    println!("{table}: {early}, {late}");
    assert!(late <= early + early / 3 + 2, "{table} grew: {early} rows, then {late}");
}

#[tokio::test]
async fn every_table_reaches_a_plateau() {
    let app = App::with(|settings| {
        settings.audit_log.sequencing = true;
        // The rate limits count in real time, in which all these days take only seconds. So they are switched off.
        settings.limits.each_mut().for_each(|limit| limit.burst = 1_000_000);
        settings.attempts_kept = DAY;
        settings.kept.sessions = 5 * DAY;
        settings.kept.revocations = 5 * DAY;
        settings.kept.devices = 10 * DAY;
        settings.kept.audit = 5 * DAY;
        settings.sessions.devices = 5;
    });
    // The function that drops months uses the clock of the database, which the test does not advance.
    let keeps_none = "UPDATE audit_log_head SET kept_days = -10000";
    app.rows().await.batch_execute(keeps_none).await.expect("the number of days");
    begin_month(&app);
    let email = app.register().await.email;
    let mut peaks = [BTreeMap::new(), BTreeMap::new()];
    for day in 0..2 * WINDOW {
        a_day(&app, &email, day).await;
        app.sequence().await;
        app.advance(DAY);
        app.sweep().await;
        for (table, count) in rows(&app).await {
            let peak = peaks[day / WINDOW].entry(table).or_insert(0);
            *peak = count.max(*peak);
        }
    }
    let [early, late] = peaks;
    println!("the most rows of each table, in the first and in the second {WINDOW} days:");
    for (table, peak) in &late {
        // The second test has the statistics. The hashes of subtrees stay when their months are dropped: one for 256 entries.
        if ["statistics", "audit_log_nodes"].contains(&table.as_str()) {
            continue;
        }
        assert_plateau(table, early[table], *peak);
        let most = if WHOLE_MONTHS.contains(&table.as_str()) { 1_000 } else { 200 };
        assert!(*peak < most, "{table}: {peak} rows");
    }
    let used =
        ["sessions", "revocations", "device_login_attempts", "channels", "registered_devices", "audit_log"];
    for table in used {
        assert!(early[table] > 0, "{table} was in use");
    }
}

#[tokio::test]
async fn statistics_reach_a_plateau() {
    let app = App::with(|settings| {
        settings.limits.each_mut().for_each(|limit| limit.burst = 1_000_000);
    });
    let mut peaks = [0, 0];
    for week in 0..2 * WEEKS {
        let unknown = json!({"username": format!("nobody{week}@example.com"), "password": PASSWORD});
        app.post("/api/v1/auth/jwt/login").json(&unknown).ask().await.expect(401);
        app.write_statistics().await;
        app.advance(WEEK);
        // The week before is added up, and rows that are too old are deleted.
        app.write_statistics().await;
        let peak = &mut peaks[week / WEEKS];
        *peak = app.count("SELECT count(*) FROM statistics").await.max(*peak);
    }
    let [early, late] = peaks;
    assert!(early > WEEKS as i64, "every week has rows of hours: {early}");
    assert_plateau("statistics", early, late);
}
