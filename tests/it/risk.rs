//! Sign-in risk, end to end: addresses from a trusted proxy, locations from a geolocation database, and the outcome.

use std::time::Duration;

use serde_json::{Value, json};
use service::geo::{Database, Geo};

use crate::harness::{
    Answer, App, Ask, PASSWORD, Person, Session,
    geo_database::{self, LONDON, SYDNEY, VPN},
};

const HOME: &str = "203.0.113.9";
const ABROAD: &str = "198.51.100.7";
const SOMEWHERE: &str = "192.0.2.5";
const HOUR: Duration = Duration::from_secs(3600);

/// A server behind a proxy, with a geolocation database.
fn app() -> App {
    let file = geo_database::database(&[SYDNEY, LONDON, VPN]);
    App::with(|settings| {
        settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.geo = Geo::new(vec![Database::of(file).expect("a database")]);
    })
}

/// The answer to a sign-in from this address, on the device of this session if there is one.
async fn try_from(person: &Person, address: &str, device: Option<&Session>) -> Answer {
    let body = json!({"username": person.email, "password": PASSWORD});
    let request = person.app.post("/api/v1/auth/jwt/login").header("x-forwarded-for", address).json(&body);
    let request = match device {
        Some(session) => request.header("cookie", format!("device_id={}", session.device)),
        None => request,
    };
    request.ask().await
}

async fn sign_in_from(person: &Person, address: &str, device: Option<&Session>) -> Session {
    Session::granted(person, &try_from(person, address, device).await.expect(200))
}

/// The entry of this session in the list of sessions.
async fn shown(session: &Session) -> Value {
    let answer = session.get("/api/v1/sessions").await.expect(200);
    let sessions = answer.body["sessions"].as_array().expect("a list").clone();
    sessions.into_iter().find(|shown| shown["id"] == session.id.to_string()).expect("the session")
}

async fn audited(app: &App, event: &str) -> i64 {
    app.realtime().flush(HOUR).await;
    app.count(&format!("SELECT count(*) FROM audit_events WHERE event = '{event}'")).await
}

#[tokio::test]
async fn the_first_sign_in_of_a_user_is_not_suspicious() {
    let app = app();
    let session = sign_in_from(&app.register().await, HOME, None).await;
    let shown = shown(&session).await;
    assert_eq!(shown["risk"], json!({"score": 0, "reasons": []}));
    assert_eq!(shown["place"], json!({"country": "AU", "city": "Sydney"}));
    assert_eq!(audited(&app, "session.suspicious").await, 0);
}

#[tokio::test]
async fn sydney_and_then_london_within_the_hour_on_a_new_device_is_refused() {
    let app = app();
    let person = app.register().await;
    let home = sign_in_from(&person, HOME, None).await;
    let refused = try_from(&person, ABROAD, None).await.refused(401, "invalid_credentials");
    let wrong = person.try_password("not-her-password-91").await.expect(401);
    assert_eq!(refused.body["detail"], wrong.body["detail"]);
    let attempts = home.get("/api/v1/profile/attempts").await.expect(200);
    let attempt = &attempts.body["attempts"][1];
    assert_eq!(attempt["outcome"], "risk_refused");
    assert_eq!(attempt["place"], json!({"country": "GB", "city": "London"}));
    let reasons = attempt["risk"]["reasons"].as_array().expect("reasons");
    for reason in ["new_device", "new_country", "impossible_travel"] {
        assert!(reasons.contains(&json!(reason)), "{reasons:?}");
    }
}

#[tokio::test]
async fn sydney_and_then_london_within_the_hour_on_the_same_device_is_suspicious() {
    let app = app();
    let person = app.register().await;
    let home = sign_in_from(&person, HOME, None).await;
    let abroad = sign_in_from(&person, ABROAD, Some(&home)).await;
    let shown = shown(&abroad).await;
    assert_eq!(shown["risk"]["reasons"], json!(["new_network", "new_country", "impossible_travel"]));
    assert_eq!(audited(&app, "session.suspicious").await, 1);
}

/// A session of a user with an authenticator app. The user has signed in at home, and the device is trusted.
async fn trusted_at_home(app: &App) -> Session {
    let person = app.register().await;
    let mut home = sign_in_from(&person, HOME, None).await;
    let totp = home.enable_totp().await;
    let pending = person.begin_sign_in_on(Some(&home.device)).await;
    pending.finish_trusting(&totp.code()).await
}

#[tokio::test]
async fn a_trusted_device_in_a_usual_place_needs_no_second_factor() {
    let app = app();
    let trusted = trusted_at_home(&app).await;
    let again = sign_in_from(&trusted.person, HOME, Some(&trusted)).await;
    assert_eq!(shown(&again).await["risk"]["score"], 0);
}

#[tokio::test]
async fn an_impossible_journey_requires_a_second_factor_on_a_trusted_device() {
    let app = app();
    let trusted = trusted_at_home(&app).await;
    let answer = try_from(&trusted.person, ABROAD, Some(&trusted)).await.expect(200);
    assert_eq!(answer.body["status"], "2fa_required");
    let attempts = trusted.get("/api/v1/profile/attempts").await.expect(200);
    let attempt = &attempts.body["attempts"][0];
    assert_eq!(attempt["outcome"], "challenged");
    assert_eq!(attempt["risk"]["reasons"], json!(["new_country", "impossible_travel"]));
}

#[tokio::test]
async fn the_same_device_abroad_a_day_later_is_not_suspicious() {
    let app = app();
    let person = app.register().await;
    let home = sign_in_from(&person, HOME, None).await;
    app.advance(24 * HOUR);
    let abroad = sign_in_from(&person, ABROAD, Some(&home)).await;
    assert_eq!(shown(&abroad).await["risk"]["reasons"], json!(["new_network", "new_country"]));
    assert_eq!(audited(&app, "session.suspicious").await, 0);
}

#[tokio::test]
async fn the_inexact_position_of_a_vpn_is_no_evidence_of_a_journey() {
    let app = app();
    let person = app.register().await;
    let home = sign_in_from(&person, HOME, None).await;
    let tunnel = sign_in_from(&person, SOMEWHERE, Some(&home)).await;
    assert_eq!(shown(&tunnel).await["risk"]["reasons"], json!(["new_network", "new_country"]));
    assert_eq!(audited(&app, "session.suspicious").await, 0);
}

#[tokio::test]
async fn a_new_device_at_home_is_not_suspicious() {
    let app = app();
    let person = app.register().await;
    sign_in_from(&person, HOME, None).await;
    let laptop = sign_in_from(&person, HOME, None).await;
    assert_eq!(shown(&laptop).await["risk"]["reasons"], json!(["new_device"]));
    assert_eq!(audited(&app, "session.suspicious").await, 0);
}

#[tokio::test]
async fn a_correct_sign_in_after_many_failed_ones_from_the_same_address_is_suspicious() {
    let app = app();
    let person = app.register().await;
    sign_in_from(&person, HOME, None).await;
    for number in 0..8 {
        let body = json!({"username": format!("nobody{number}@example.com"), "password": PASSWORD});
        let request = app.post("/api/v1/auth/jwt/login").header("x-forwarded-for", HOME).json(&body);
        request.ask().await.expect(401);
    }
    // The failures count only for their own address, not for another address of the same network.
    let neighbour = sign_in_from(&person, "203.0.113.10", None).await;
    assert_eq!(shown(&neighbour).await["risk"]["reasons"], json!(["new_device"]));
    let stuffed = sign_in_from(&person, HOME, None).await;
    assert_eq!(shown(&stuffed).await["risk"]["reasons"], json!(["new_device", "many_accounts"]));
    assert_eq!(audited(&app, "session.suspicious").await, 1);
}

#[tokio::test]
async fn failures_on_an_account_count_on_new_devices_and_not_on_known_ones() {
    let app = app();
    let person = app.register().await;
    let owner = sign_in_from(&person, HOME, None).await;
    for _ in 0..5 {
        person.try_password("not-her-password-91").await.expect(401);
    }
    let stranger = sign_in_from(&person, HOME, None).await;
    assert_eq!(shown(&stranger).await["risk"]["reasons"], json!(["new_device", "recent_failures"]));
    let owner = sign_in_from(&person, HOME, Some(&owner)).await;
    assert_eq!(shown(&owner).await["risk"], json!({"score": 0, "reasons": []}));
}

#[tokio::test]
async fn a_forwarded_address_without_a_trusted_proxy_gives_no_location() {
    let file = geo_database::database(&[SYDNEY]);
    let app = App::with(|settings| settings.geo = Geo::new(vec![Database::of(file).expect("a database")]));
    let session = sign_in_from(&app.register().await, HOME, None).await;
    assert_eq!(shown(&session).await["place"], Value::Null);
}

#[tokio::test]
async fn without_a_geolocation_database_the_other_reasons_count() {
    let app = App::start();
    let person = app.register().await;
    person.sign_in().await;
    let second = shown(&person.sign_in().await).await;
    assert_eq!((&second["risk"]["reasons"], &second["place"]), (&json!(["new_device"]), &Value::Null));
}

#[tokio::test]
async fn a_sign_in_whose_risk_cannot_be_scored_is_answered_with_503() {
    let app = app();
    let person = app.register().await;
    app.rows().await.batch_execute("ALTER TABLE device_login_attempts RENAME TO elsewhere").await.unwrap();
    person.try_password(PASSWORD).await.expect(503).problem();
    app.rows().await.batch_execute("ALTER TABLE elsewhere RENAME TO device_login_attempts").await.unwrap();
    person.try_password(PASSWORD).await.expect(200);
}

#[test]
fn a_geolocation_database_knows_only_its_own_networks() {
    let geo = Geo::new(vec![Database::of(geo_database::database(&[SYDNEY, LONDON])).expect("a database")]);
    let place = geo.locate(ABROAD.parse().unwrap());
    assert_eq!((place.country.as_deref(), place.city.as_deref()), (Some("GB"), Some("London")));
    assert_eq!((place.network, place.position.map(|found| found.accuracy_km)), (Some(2856), Some(20)));
    for elsewhere in ["127.0.0.1", "2001:db8::1", "198.51.101.1"] {
        assert_eq!(geo.locate(elsewhere.parse().unwrap()), Default::default(), "{elsewhere}");
    }
}

#[test]
fn a_second_geolocation_database_completes_the_first() {
    let city = geo_database::Site { autonomous_system: 7, ..SYDNEY };
    let of = |sites: &[geo_database::Site]| Database::of(geo_database::database(sites)).expect("a database");
    let geo = Geo::new(vec![of(&[LONDON]), of(&[city])]);
    assert_eq!(geo.locate(HOME.parse().unwrap()).network, Some(7));
    assert_eq!(geo.locate(ABROAD.parse().unwrap()).network, Some(2856));
}

#[test]
fn a_broken_geolocation_database_is_refused() {
    let whole = geo_database::database(&[SYDNEY]);
    for broken in [&whole[..whole.len() / 2], &whole[..8], b"", b"not a database"] {
        assert!(Database::of(broken.to_vec()).is_err(), "{} bytes", broken.len());
    }
}
