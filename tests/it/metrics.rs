//! Metrics have their own listener, and do not reveal why sign-ins were refused. The answer of the readiness check warns
//! operators of a proxy that is not trusted.

use std::{
    io::Write as _,
    net::SocketAddr,
    process::{Command, Stdio},
};

use domain::account::role::Status;
use serde_json::json;

use crate::harness::{App, Ask, PASSWORD, client, eventually, portcullis};

#[tokio::test]
async fn the_public_listener_serves_no_metrics() {
    let app = App::start();
    app.get("/metrics").ask().await.refused(404, "not_found");
    app.get("/metrics/").ask().await.refused(404, "not_found");
}

#[tokio::test]
async fn the_listener_of_the_metrics_serves_only_metrics() {
    let app = App::with(|settings| settings.listen.metrics = Some(([127, 0, 0, 1], 0).into()));
    let address: SocketAddr = app.metrics_address().expect("an address");
    let rest = client().build().expect("a client");
    let ask = |path: &str| rest.get(format!("http://{address}{path}")).ask();
    app.get("/health").ask().await.expect(200);
    let shown = ask("/metrics").await.expect(200);
    assert!(shown.text.contains("http_requests_total"), "{}", shown.text);
    assert!(shown.header("content-type").is_some_and(|media| media.starts_with("text/plain")));
    for path in ["/", "/health", "/api/v1/profile", "/api/v1/auth/csrf-token"] {
        // The answer is not one of the documented interface.
        let answer = rest.get(format!("http://{address}{path}")).send().await.expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn each_metric_has_a_help_line_and_times_have_buckets() {
    let app = App::start();
    let person = app.register().await;
    let session = person.sign_in().await;
    let socket = session.connect().await;
    session.post("/api/v1/auth/logout", &json!({})).await.expect(200);
    drop(socket);
    eventually("the close is counted", async || {
        app.metrics().contains("connections_closed_total{code=\"4501\"}")
    })
    .await;
    let metrics = app.metrics();
    let words = |line: &str| line.split(' ').nth(2).map(str::to_owned);
    let named = |kind: &str| -> Vec<String> {
        metrics.lines().filter(|line| line.starts_with(kind)).filter_map(words).collect()
    };
    assert_eq!(named("# HELP "), named("# TYPE "));
    for part in [
        "http_request_duration_seconds_bucket{",
        "password_hash_seconds_bucket{",
        "revocation_seconds_bucket{cause=\"signed_out\",le=\"0.05\"}",
        "connections{transport=\"websocket\"}",
    ] {
        assert!(metrics.contains(part), "{part}: {metrics}");
    }
}

#[tokio::test]
async fn the_lag_of_threads_and_actors_and_the_use_of_the_database_are_measured() {
    let app = App::start();
    let wanted = [
        "event_loop_lag_seconds_count{thread=\"worker\"}",
        "event_loop_lag_seconds_count{thread=\"sessions\"}",
        "event_loop_lag_seconds_count{thread=\"channels\"}",
        "event_loop_lag_seconds_count{thread=\"database\"}",
        "lane_wait_seconds_count{lane=\"channel_shard\"}",
        "lane_wait_seconds_count{lane=\"rate_limiter\"}",
        "lane_wait_seconds_count{lane=\"device_tracker\"}",
        "lane_wait_seconds_count{lane=\"audit\"}",
        "database_connections{state=\"idle\"}",
        "database_connection_wait_seconds_count",
        "database_requests_waiting ",
        "revocation_feed_age_seconds ",
        "sessions_connected ",
        "queued_bytes ",
    ];
    eventually("each measurement", async || {
        let shown = app.metrics();
        wanted.iter().all(|line| shown.contains(line))
    })
    .await;
}

#[tokio::test]
async fn checks_of_tokens_are_counted_by_their_result() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    assert!(session.works().await);
    session.post("/api/v1/auth/logout", &json!({})).await.expect(200);
    assert!(!session.works().await);
    let metrics = app.metrics();
    for result in ["valid", "session_revoked"] {
        let line = format!("token_checks_total{{credential=\"access_token\",result=\"{result}\"}}");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[tokio::test]
async fn prometheus_finds_no_fault_in_the_names_and_help_lines() {
    if std::env::var_os("PORTCULLIS_SKIP_PROMTOOL").is_some_and(|value| value == "1") {
        return;
    }
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect().await;
    assert!(socket.is_undisturbed().await);
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool: run scripts/ensure.sh promtool, or set PORTCULLIS_SKIP_PROMTOOL=1");
    check.stdin.take().expect("a pipe").write_all(app.metrics().as_bytes()).expect("the metrics are written");
    let output = check.wait_with_output().expect("an exit");
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn the_metrics_do_not_reveal_why_a_sign_in_was_refused() {
    let app = App::start();
    let suspended = app.register().await;
    suspended.set_status(Status::Suspended).await;
    let known = app.register().await;
    for (name, password) in
        [(app.new_email(), PASSWORD), (known.email, "a-wrong-password-1"), (suspended.email, PASSWORD)]
    {
        let body = json!({"username": name, "password": password});
        app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(401);
    }
    let metrics = app.metrics();
    let lines: Vec<&str> = metrics.lines().filter(|line| line.starts_with("sign_ins_total{")).collect();
    assert!(lines.iter().any(|line| line.contains("\"refused\"")), "{lines:?}");
    for revealing in ["unknown_account", "wrong_password", "inactive_account"] {
        assert!(!lines.iter().any(|line| line.contains(revealing)), "{lines:?}");
    }
}

#[tokio::test]
async fn readiness_reports_requests_that_an_untrusted_peer_forwarded() {
    let app = App::start();
    let details = async || app.get("/health/ready").ask().await.expect(200).body["details"].clone();
    eventually("readiness", async || app.get("/health/ready").ask().await.status == 200).await;
    assert_eq!(details().await, json!([]));
    app.get("/health").header("forwarded", "for=192.0.2.1").ask().await.expect(200);
    assert_eq!(details().await[0]["code"], "untrusted_forwarding");
    app.advance(std::time::Duration::from_secs(601));
    assert_eq!(details().await, json!([]));
}

#[tokio::test]
async fn readiness_does_not_report_a_trusted_proxy() {
    let app = App::with(|settings| settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]);
    app.get("/health").header("x-forwarded-for", "198.51.100.1").ask().await.expect(200);
    eventually("readiness", async || app.get("/health/ready").ask().await.status == 200).await;
    assert_eq!(app.get("/health/ready").ask().await.expect(200).body["details"], json!([]));
}

#[test]
fn a_port_without_an_ip_address_is_refused_as_metrics_address() {
    let output = portcullis(&["config", "check"], &[("METRICS_ADDR", "9100")]);
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(printed.contains("METRICS_ADDR: `9100` is not an address with a port"), "{printed}");
}
