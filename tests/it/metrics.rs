//! Metrics: on a listener of their own, and without what would tell accounts apart. Readiness: cheap, and with hints for operators.

use std::net::SocketAddr;

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
async fn the_listener_of_the_metrics_serves_them_and_nothing_else() {
    let app = App::with(|settings| settings.listen.metrics = Some(([127, 0, 0, 1], 0).into()));
    let address: SocketAddr = app.metrics_address().expect("an address");
    let rest = client().build().expect("a client");
    let ask = |path: &str| rest.get(format!("http://{address}{path}")).ask();
    app.get("/health").ask().await.expect(200);
    let shown = ask("/metrics").await.expect(200);
    assert!(shown.text.contains("http_requests_total"), "{}", shown.text);
    assert!(shown.header("content-type").is_some_and(|media| media.starts_with("text/plain")));
    for path in ["/", "/health", "/api/v1/profile", "/api/v1/auth/csrf-token"] {
        ask(path).await.expect(404);
    }
}

#[tokio::test]
async fn refused_sign_ins_have_one_outcome() {
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
    for told in ["unknown_account", "wrong_password", "inactive_account"] {
        assert!(!lines.iter().any(|line| line.contains(told)), "{lines:?}");
    }
}

#[tokio::test]
async fn readiness_names_a_forwarding_peer_that_is_not_trusted() {
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
async fn a_trusted_proxy_is_no_news() {
    let app = App::with(|settings| settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]);
    app.get("/health").header("x-forwarded-for", "198.51.100.1").ask().await.expect(200);
    eventually("readiness", async || app.get("/health/ready").ask().await.status == 200).await;
    assert_eq!(app.get("/health/ready").ask().await.expect(200).body["details"], json!([]));
}

#[test]
fn an_address_of_metrics_is_checked() {
    let output = portcullis(&["config", "check"], &[("METRICS_ADDR", "9100")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("METRICS_ADDR: `9100` is not an address with a port"), "{said}");
}
