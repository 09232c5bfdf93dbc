//! What operators do with addresses, keys of the server API, and issuers.

use std::time::Duration;

use domain::account::role::Role;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::harness::{App, Ask, PASSWORD, Session, eventually, issuer};

const BANS: &str = "/api/v1/admin/bans";
const KEYS: &str = "/api/v1/admin/api-keys";

/// A server behind a proxy, so that a test can use many addresses.
fn proxied() -> App {
    App::with(|settings| settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()])
}

fn from(address: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("x-forwarded-for", address)
}

fn in_an_hour(app: &App) -> String {
    (app.now() + Duration::from_secs(3_600)).format(&Rfc3339).expect("a time")
}

async fn ban(operator: &Session, network: &str) -> Value {
    let body = json!({"network": network, "until": in_an_hour(&operator.app), "reason": "a wave"});
    operator.post(BANS, &body).await.expect(201).body
}

#[tokio::test]
async fn a_ban_of_a_network_refuses_its_addresses_until_it_is_lifted() {
    let app = proxied();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let sign_in = async |address: &str| {
        let body = json!({"username": person.email, "password": PASSWORD});
        from(address, app.post("/api/v1/auth/jwt/login").json(&body)).ask().await.status
    };
    assert_eq!(ban(&operator, "203.0.113.7/24").await["network"], "203.0.113.0/24");
    assert_eq!(ban(&operator, "2001:db8::/32").await["network"], "2001:db8::/32");
    for address in ["203.0.113.0", "203.0.113.255", "2001:db8:77::1"] {
        assert_eq!(sign_in(address).await, 429, "{address}");
    }
    for address in ["203.0.114.0", "2001:db9::1"] {
        assert_eq!(sign_in(address).await, 200, "{address}");
    }
    let other = App::over(app.database().clone(), |settings| {
        settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let body = json!({"username": person.email, "password": PASSWORD});
    let at_other = from("203.0.113.9", other.post("/api/v1/auth/jwt/login").json(&body)).ask().await;
    assert_eq!(at_other.status, 429, "another node");
    let lift = json!({"network": "203.0.113.0/24", "reason": "over"});
    operator.post(&format!("{BANS}/lift"), &lift).await.expect(204);
    assert_eq!(sign_in("203.0.113.255").await, 200);
    operator.post(&format!("{BANS}/lift"), &lift).await.refused(404, "not_found");
    let events = "SELECT count(*) FROM audit_events WHERE event IN ('address.banned', 'address.unbanned') AND actor_id = ";
    let events = format!("{events}{}", operator.person.id);
    eventually("each call is recorded", async || app.count(&events).await == 4).await;
}

#[tokio::test]
async fn bans_are_listed_newest_first_and_found_by_address() {
    let app = proxied();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    for network in ["203.0.113.9", "203.0.113.0/24", "203.0.0.0/16", "198.51.100.1"] {
        ban(&operator, network).await;
        app.advance(Duration::from_secs(1));
    }
    let list = async |query: &str| {
        let body = operator.get(&format!("{BANS}?{query}")).await.expect(200).body;
        let bans = body["bans"].as_array().expect("a list").clone();
        let networks: Vec<_> =
            bans.iter().map(|ban| ban["network"].as_str().expect("a text").to_owned()).collect();
        (networks, body["next_cursor"].as_str().map(str::to_owned))
    };
    let (first, cursor) = list("limit=3").await;
    assert_eq!(first, ["198.51.100.1", "203.0.0.0/16", "203.0.113.0/24"]);
    assert_eq!(
        list(&format!("limit=3&cursor={}", cursor.expect("a cursor"))).await,
        (vec!["203.0.113.9".to_owned()], None)
    );
    assert_eq!(list("address=203.0.113.9").await.0, ["203.0.0.0/16", "203.0.113.0/24", "203.0.113.9"]);
    assert_eq!(list("address=203.0.113.8").await.0, ["203.0.0.0/16", "203.0.113.0/24"]);
    assert_eq!(list("address=203.1.0.1").await.0, Vec::<String>::new());
    app.advance(Duration::from_secs(3_700));
    let later = operator.person.sign_in().await;
    assert_eq!(later.get(BANS).await.expect(200).body["bans"], json!([]));
}

#[tokio::test]
async fn a_ban_needs_a_bounded_network_without_the_caller_and_an_end_in_the_future() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let until = in_an_hour(&app);
    for (network, until, code) in [
        ("127.0.0.0/8", until.as_str(), "own_address"),
        ("10.0.0.0/7", until.as_str(), "network_too_wide"),
        ("nonsense", until.as_str(), "invalid_network"),
        ("203.0.113.9", "2020-01-01T00:00:00Z", "invalid_period"),
        ("203.0.113.9", "tomorrow", "invalid_body"),
    ] {
        let body = json!({"network": network, "until": until, "reason": "x"});
        operator.post(BANS, &body).await.refused(422, code);
    }
    let body = json!({"network": "203.0.113.9", "until": until, "reason": "x"});
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    auditor.post(BANS, &body).await.refused(403, "operator_required");
    auditor.get(BANS).await.expect(200);
    app.advance(Duration::from_secs(11 * 60));
    operator.post(BANS, &body).await.refused(403, "step_up_required");
}

#[tokio::test]
async fn a_ban_that_widens_to_the_network_of_the_caller_is_refused() {
    let app = proxied();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    for (own, network) in [
        ("2001:db8::1", "2001:db8::2"),
        ("2001:db8::1", "2001:db8:0:0:8000::/65"),
        ("2001:db8::1", "2001:db8::/48"),
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
    ] {
        let body = json!({"network": network, "until": in_an_hour(&app), "reason": "x"});
        let request = from(own, operator.request(Method::POST, BANS).json(&body));
        request.ask().await.refused(422, "own_address");
    }
    let body = json!({"network": "2001:db8:0:1::2", "until": in_an_hour(&app), "reason": "x"});
    from("2001:db8::1", operator.request(Method::POST, BANS).json(&body)).ask().await.expect(201);
}

#[tokio::test]
async fn an_api_key_is_shown_once_and_refused_after_its_revocation() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let body = json!({"name": "billing", "scopes": ["channels"], "reason": "new service"});
    operator.post(KEYS, &body).await.refused(403, "admin_required");
    let make = || admin.request(Method::POST, KEYS).header("idempotency-key", "key-1").json(&body).ask();
    let made = make().await.expect(201).body;
    let key = made["key"].as_str().expect("the key").to_owned();
    crate::harness::secret_watch::note("key of the server API", &key);
    assert_eq!(
        (&made["name"], &made["scopes"], &made["state"]),
        (&json!("billing"), &json!(["channels"]), &json!("valid"))
    );
    let again = make().await.expect(201).body;
    assert_eq!((&again["id"], &again["key"]), (&made["id"], &json!(null)));
    let info = async || app.post("/api/info").header("x-api-key", &key).json(&json!({})).ask().await.status;
    assert_eq!(info().await, 200);
    let listed = operator.get(KEYS).await.expect(200);
    assert!(!listed.text.contains(&key));
    let keys = listed.body["api_keys"].as_array().expect("a list").clone();
    assert_eq!((keys.len(), &keys[0]["id"]), (1, &made["id"]));
    let revoke = format!("{KEYS}/{}/revoke", made["id"].as_str().expect("an id"));
    admin.post(&revoke, &json!({})).await.refused(422, "invalid_body");
    admin.post(&revoke, &json!({"reason": "leaked"})).await.expect(204);
    assert_eq!(info().await, 401);
    admin.post(&revoke, &json!({"reason": "leaked"})).await.refused(404, "not_found");
    assert_eq!(admin.get(KEYS).await.expect(200).body["api_keys"][0]["state"], "revoked");
    for (wrong, code) in [
        (json!({"name": "x", "scopes": ["nonsense"], "reason": "x"}), "invalid_scopes"),
        (json!({"name": "x", "scopes": [], "reason": "x"}), "invalid_scopes"),
        (
            json!({"name": "x", "scopes": ["*"], "expires_at": "2020-01-01T00:00:00Z", "reason": "x"}),
            "invalid_lifetime",
        ),
    ] {
        admin.post(KEYS, &wrong).await.refused(422, code);
    }
    let sql = "SELECT count(*) FROM audit_events WHERE event IN ('api_key.created', 'api_key.revoked') AND outcome = 'success'
               AND detail->>'reason' <> '' AND actor_id = ";
    eventually("both changes are recorded", async || {
        app.count(&format!("{sql}{}", admin.person.id)).await == 2
    })
    .await;
}

#[tokio::test]
async fn issuers_are_listed_without_their_secrets() {
    let app = App::with(issuer::shared_with);
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    let answer = auditor.get("/api/v1/admin/issuers").await.expect(200);
    assert!(!answer.text.contains(issuer::SECRET));
    let issuers = answer.body["issuers"].as_array().expect("a list");
    assert!(!issuers.is_empty() && issuers.iter().all(|issuer| issuer["name"].is_string()));
    assert_eq!(issuers[0]["keys"]["kind"], "given");
    app.register().await.sign_in().await.get("/api/v1/admin/issuers").await.refused(403, "operator_required");
}
