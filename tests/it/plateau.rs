//! During months of simulated use, the number of rows of every table reaches a plateau.
//!
//! The test is scaled down: each step is one day with a few actions, and most rows are kept for days instead of months.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::harness::{App, Ask as _, PASSWORD};

const DAY: Duration = Duration::from_secs(86_400);
/// The length of each half of the test, in days. It is longer than a month, because attempts are dropped in whole months.
const WINDOW: usize = 40;

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

/// The actions of one day: a sign-in, a sign-in to an account that does not exist, a ticket, a revocation that is refused, the
/// denial of a token that does not exist, and a publication in a new channel.
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

#[tokio::test]
async fn every_table_reaches_a_plateau() {
    let app = App::with(|settings| {
        // The rate limits count in real time, in which all these days take only seconds. So they are switched off.
        settings.limits.each_mut().for_each(|limit| limit.burst = 1_000_000);
        settings.attempts_kept = DAY;
        settings.kept.sessions = 5 * DAY;
        settings.kept.revocations = 5 * DAY;
        settings.kept.devices = 10 * DAY;
        settings.kept.audit = 5 * DAY;
        settings.sessions.devices = 5;
    });
    let email = app.register().await.email;
    let mut peaks = [BTreeMap::new(), BTreeMap::new()];
    for day in 0..2 * WINDOW {
        a_day(&app, &email, day).await;
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
        println!("{table}: {}, {peak}", early[table]);
        // The job of the statistics runs by real time, and its hours are kept for 400 days. The events of the inbox leave it when
        // they enter the audit log, which is off here; the log loses whole months.
        if ["statistics", "audit_events"].contains(&table.as_str()) {
            continue;
        }
        // A table that grows without end has about twice as many rows in the second half. The rows of one day may be
        // counted before or after their clean-up, which the tolerance allows.
        let most = early[table] + early[table] / 3 + 2;
        assert!(*peak <= most, "{table} grew: {} rows, then {peak}", early[table]);
        assert!(*peak < 200, "{table}: {peak} rows");
    }
    for table in ["sessions", "revocations", "device_login_attempts", "channels", "registered_devices"] {
        assert!(early[table] > 0, "{table} was in use");
    }
}
