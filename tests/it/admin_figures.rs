//! What operators read about the server itself: its settings, and statistics over time.

use std::time::Duration;

use domain::account::role::Role;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::harness::{App, Session, secrets};

const STATISTICS: &str = "/api/v1/admin/statistics";

async fn read(session: &Session, query: &str) -> Value {
    session.get(&format!("{STATISTICS}?{query}")).await.expect(200).body
}

/// The points of a label of the series at this place of the answer.
fn points(body: &Value, series: usize, label: &str) -> Vec<Value> {
    let labels = body["series"][series]["labels"].as_array().expect("labels");
    let found = labels.iter().find(|entry| entry["label"] == label);
    found.map(|entry| entry["points"].as_array().expect("points").clone()).unwrap_or_default()
}

#[tokio::test]
async fn statistics_count_sign_ins_refreshes_limits_revocations_and_connections() {
    let app = App::with(|settings| settings.limits.login_account.burst = 3);
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let session = person.sign_in().await;
    let _socket = session.connect().await;
    for _ in 0..4 {
        person.try_password("not-her-password-91").await;
    }
    session.renewed().await.renewed().await;
    session.try_refresh().await.expect(401);
    operator.revoke(json!({"user": person.id})).await.expect(200);
    app.write_statistics().await;
    let body = read(&auditor, "series=sign_ins,refreshes,limits,revocations,sessions,connections").await;
    let names: Vec<_> =
        body["series"].as_array().expect("series").iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["sign_ins", "refreshes", "limits", "revocations", "sessions", "connections"]);
    let count = |series, label: &str| -> u64 {
        points(&body, series, label).iter().map(|point| point["count"].as_u64().expect("a count")).sum()
    };
    assert_eq!(count(0, "success"), 3);
    assert!(count(0, "refused") >= 1);
    assert_eq!((count(1, "rotated"), count(1, "reused")), (2, 1));
    assert!(count(2, "login_account") >= 1, "{}", body["series"][2]);
    assert_eq!(count(3, "refresh_reused"), 1);
    let revoked = points(&body, 3, "revoked").pop().expect("a point");
    assert!(revoked["p50_ms"].as_f64().expect("a time") <= revoked["p99_ms"].as_f64().expect("a time"));
    assert!(points(&body, 4, "").pop().expect("a point")["mean"].as_f64().expect("a mean") >= 2.0);
    assert!(points(&body, 5, "").pop().expect("a point")["highest"].is_u64());
}

#[tokio::test]
async fn minutes_are_added_up_to_hours_and_both_are_deleted_when_they_are_old() {
    let app = App::start();
    let now = app.now().replace_nanosecond(0).expect("a time").replace_second(0).expect("a time");
    let hour = now.replace_minute(0).expect("a time") - Duration::from_secs(3 * 3_600);
    let rows = app.rows().await;
    let sql = format!(
        "INSERT INTO statistics (step, series, at, node, label, value, highest, buckets)
         SELECT 60, s.series, '{}'::timestamptz + make_interval(mins => i), n.node::uuid, '', s.value, s.value, s.buckets::bigint[]
         FROM generate_series(0, 119) i,
              (VALUES ('sign_ins', 2, NULL), ('connections', 10, NULL), ('revocations', 1, '{{0,0,1,0,0,0,0,0,0,0,0,0,0,0,0}}')) s (series, value, buckets),
              (VALUES ('00000000-0000-0000-0000-000000000001'), ('00000000-0000-0000-0000-000000000002')) n (node)",
        hour.format(&Rfc3339).expect("a time")
    );
    rows.batch_execute(&sql).await.expect("the rows");
    app.write_statistics().await;
    let hours = "SELECT count(*) FROM statistics WHERE step = 3600 AND value > 0 AND node <> '00000000-0000-0000-0000-000000000000'";
    assert_eq!(app.count(hours).await, 12, "two hours, three series, two nodes");
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let from = hour.format(&Rfc3339).expect("a time");
    for step in [60, 3_600] {
        let body =
            read(&admin, &format!("series=sign_ins,revocations,connections&from={from}&step={step}")).await;
        let sign_ins = points(&body, 0, "");
        assert_eq!(sign_ins.len(), if step == 60 { 120 } else { 2 });
        assert_eq!(sign_ins[0]["count"], if step == 60 { 4 } else { 240 });
        let p50 = points(&body, 1, "")[0]["p50_ms"].as_f64().expect("a time");
        assert!((2.5..=5.0).contains(&p50), "{p50}");
        let connections = &points(&body, 2, "")[0];
        assert_eq!(
            (&connections["mean"], &connections["highest"]),
            (&json!(20.0), &json!(20)),
            "step {step}"
        );
    }
    app.advance(Duration::from_secs(3 * 86_400));
    app.write_statistics().await;
    assert_eq!(
        app.count("SELECT count(*) FROM statistics WHERE step = 60 AND series = 'sign_ins' AND value = 2")
            .await,
        0
    );
    assert_eq!(app.count(hours).await, 12);
    app.advance(Duration::from_secs(400 * 86_400));
    app.write_statistics().await;
    assert_eq!(app.count(hours).await, 0);
}

/// Inserts 60 rows of minutes of the hour that began so many hours before this one: two sign-ins in each. Returns the hour.
async fn insert_an_hour(app: &App, ago: u64) -> time::OffsetDateTime {
    let hour = app.now().replace_time(time::Time::from_hms(app.now().hour(), 0, 0).expect("a time"));
    let hour = hour - Duration::from_secs(ago * 3_600);
    let sql = format!(
        "INSERT INTO statistics (step, series, at, node, value, highest)
         SELECT 60, 'sign_ins', '{}'::timestamptz + make_interval(mins => i), '00000000-0000-0000-0000-000000000001', 2, 2
         FROM generate_series(0, 59) i",
        hour.format(&Rfc3339).expect("a time")
    );
    app.rows().await.batch_execute(&sql).await.expect("the rows");
    hour
}

#[tokio::test]
async fn hours_after_a_pause_of_days_are_added_up_before_their_minutes_are_deleted() {
    let app = App::start();
    let mut hours = Vec::new();
    for ago in [100, 70, 40, 2] {
        hours.push(insert_an_hour(&app, ago).await);
    }
    // A node with a wrong clock has written an hour of the future.
    let future = (hours[3] + Duration::from_secs(9 * 3_600)).format(&Rfc3339).expect("a time");
    let sql = format!(
        "INSERT INTO statistics (step, series, at, node, value, highest)
         VALUES (3600, 'sign_ins', '{future}', '00000000-0000-0000-0000-000000000002', 1, 1)"
    );
    app.rows().await.batch_execute(&sql).await.expect("the row");
    app.write_statistics().await;
    let sums = "SELECT count(*) FROM statistics WHERE step = 3600 AND value = 120 AND minutes = 60";
    assert_eq!(app.count(sums).await, 4);
    let minutes = "SELECT count(*) FROM statistics WHERE step = 60 AND value = 2";
    assert_eq!(app.count(minutes).await, 120, "the minutes of the two older hours are deleted");
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let from = hours[0].format(&Rfc3339).expect("a time");
    let body = read(&admin, &format!("series=sign_ins&from={from}&step=3600")).await;
    let counts: Vec<_> = points(&body, 0, "").iter().map(|point| point["count"].clone()).collect();
    assert_eq!(counts, [120, 120, 120, 120]);
}

#[tokio::test]
async fn an_hour_that_was_added_up_too_early_is_added_up_again() {
    let app = App::start();
    let hour = insert_an_hour(&app, 1).await.format(&Rfc3339).expect("a time");
    let sql = format!(
        "INSERT INTO statistics (step, series, at, node, value, highest)
         VALUES (3600, 'sign_ins', '{hour}', '00000000-0000-0000-0000-000000000001', 2, 2)"
    );
    app.rows().await.batch_execute(&sql).await.expect("the row");
    // Three minutes later the hour has ended for every node, whenever the test runs.
    app.advance(Duration::from_secs(180));
    app.write_statistics().await;
    assert_eq!(app.count("SELECT count(*) FROM statistics WHERE step = 3600 AND value = 120").await, 1);
}

#[tokio::test]
async fn hours_begin_at_full_hours_of_utc_in_every_time_zone_of_the_database() {
    let app = App::with(|settings| {
        settings.database.config.options("-c timezone=Asia/Kolkata");
    });
    insert_an_hour(&app, 3).await;
    app.write_statistics().await;
    let full = "SELECT count(*) FROM statistics
                WHERE step = 3600 AND value = 120 AND extract(minute FROM at AT TIME ZONE 'UTC') = 0";
    assert_eq!(app.count(full).await, 1);
}

#[tokio::test]
async fn statistics_have_a_bounded_number_of_periods_and_known_series() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let from = |days: u64| (app.now() - Duration::from_secs(days * 86_400)).format(&Rfc3339).expect("a time");
    for (query, code) in [
        ("series=nonsense".to_owned(), "unknown_series"),
        ("series=".to_owned(), "unknown_series"),
        ("series=sign_ins&step=7".to_owned(), "invalid_step"),
        ("series=sign_ins&step=5400".to_owned(), "invalid_step"),
        ("series=sign_ins&step=0".to_owned(), "invalid_step"),
        (format!("series=sign_ins&from={}", from(1)), "invalid_period"),
        (format!("series=sign_ins&to={}&from={}", from(2), from(1)), "invalid_period"),
        ("step=60".to_owned(), "invalid_query"),
    ] {
        operator.get(&format!("{STATISTICS}?{query}")).await.refused(422, code);
    }
    read(&operator, &format!("series=sign_ins&step=86400&from={}", from(300))).await;
    app.register()
        .await
        .sign_in()
        .await
        .get(&format!("{STATISTICS}?series=sign_ins"))
        .await
        .refused(403, "operator_required");
}

#[tokio::test]
async fn the_settings_are_shown_with_their_sources_and_without_secrets() {
    let app = App::start();
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    let answer = auditor.get("/api/v1/admin/settings").await.expect(200);
    let settings = answer.body["settings"].as_array().expect("a list");
    let one =
        |name: &str| settings.iter().find(|setting| setting["name"] == name).expect("the setting").clone();
    assert_eq!(one("SESSION_TIMEOUT_MINUTES")["source"]["kind"], "default");
    assert!(one("SESSION_TIMEOUT_MINUTES")["value"].is_string());
    assert_eq!(one("LIMIT_LOGIN_ADDRESS")["reloadable"], true);
    assert!(one("JWT_SECRET_KEY")["value"].is_null());
    use secrecy::ExposeSecret as _;
    assert!(!answer.text.contains(secrets().jwt.current.expose_secret()));
    app.register()
        .await
        .sign_in()
        .await
        .get("/api/v1/admin/settings")
        .await
        .refused(403, "operator_required");
}
