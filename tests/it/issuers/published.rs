//! Keys that an issuer publishes: the server fetches them over TLS and only from the configured URL, as rarely as
//! possible, and trusts them for a limited time.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{ROUTE, outcome};
use crate::harness::{
    App,
    issuer::{Publisher, Way},
};

/// A little longer than the minimum interval between two fetches that unknown key ids cause.
const PAUSE: Duration = Duration::from_secs(11);
const MINUTE: Duration = Duration::from_secs(60);

#[actix_web::test]
async fn without_the_keys_a_token_gets_a_temporary_error() {
    let publisher = Publisher::silent().await;
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(outcome(&app, &token).await, "error 100");
    let handshake = app.handshake(ROUTE).header("authorization", &format!("Bearer {token}"));
    assert_eq!(handshake.refusal().await.status, 503);
    // Only the first token caused a fetch: for a while after a failed fetch, the server does not try again.
    assert_eq!(publisher.asked(), 1);
}

#[actix_web::test]
async fn published_keys_are_fetched_once_and_verify_only_their_own_signatures() {
    let publisher = Publisher::silent().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let claims = json!({"sub": "ann"});
    assert_eq!(outcome(&app, &publisher.signed("current", &claims)).await, "connected");
    assert_eq!(outcome(&app, &publisher.signed("unknown", &claims)).await, "close 3500");
    assert_eq!(outcome(&app, &publisher.confused(&claims)).await, "close 3500");
    assert_eq!(outcome(&app, &Publisher::silent().await.signed("current", &claims)).await, "close 3500");
    assert_eq!(publisher.asked(), 1);
}

#[actix_web::test]
async fn an_answer_that_is_no_key_set_or_is_too_large_is_not_used() {
    for body in ["{}".to_owned(), format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300_000))] {
        let publisher = Publisher::silent().await;
        publisher.answer_with(body);
        let app = App::with(|settings| publisher.trusted_by(settings));
        assert_eq!(outcome(&app, &publisher.signed("current", &json!({"sub": "ann"}))).await, "error 100");
    }
}

#[actix_web::test]
async fn keys_are_fetched_over_tls_if_the_configured_authority_signed_the_certificate() {
    let publisher = Publisher::over_tls().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(outcome(&app, &token).await, "connected");
    assert_eq!(publisher.asked(), 1);
}

#[actix_web::test]
async fn keys_are_not_requested_from_a_server_with_an_untrusted_certificate() {
    let (publisher, other) = (Publisher::over_tls().await, Publisher::over_tls().await);
    publisher.publish();
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    for authority in [None, other.authority_file()] {
        let app = App::with(|settings| publisher.trusted_through(settings, authority));
        assert_eq!(outcome(&app, &token).await, "error 100", "{authority:?}");
    }
    assert_eq!(publisher.asked(), 0);
}

#[actix_web::test]
async fn keys_of_an_issuer_that_must_be_public_are_not_requested_from_an_inner_address() {
    let publisher = Publisher::over_tls().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_if_public(settings));
    assert_eq!(outcome(&app, &publisher.signed("current", &json!({"sub": "ann"}))).await, "error 100");
    assert_eq!(publisher.asked(), 0);
}

#[actix_web::test]
async fn a_new_key_is_accepted_after_one_more_fetch_and_a_withdrawn_key_is_refused() {
    let publisher = Publisher::over_tls().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let claims = json!({"sub": "ann"});
    let (old, new) = (publisher.signed("current", &claims), publisher.signed("next", &claims));
    assert_eq!(outcome(&app, &old).await, "connected");
    publisher.publish_only(&["current", "next"]);
    app.advance(PAUSE);
    assert_eq!(outcome(&app, &new).await, "connected");
    assert_eq!(outcome(&app, &old).await, "connected");
    assert_eq!(publisher.asked(), 2);
    publisher.publish_only(&["next"]);
    app.advance(5 * MINUTE);
    assert_eq!(outcome(&app, &old).await, "close 3500");
    assert_eq!(outcome(&app, &new).await, "connected");
    assert_eq!(publisher.asked(), 3);
}

#[actix_web::test]
async fn tokens_with_unknown_key_ids_cause_one_fetch_in_ten_seconds() {
    let publisher = Publisher::silent().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let claims = json!({"sub": "ann"});
    assert_eq!(outcome(&app, &publisher.signed("current", &claims)).await, "connected");
    for fetches in 1..=3 {
        let names = (0..20).map(|n| format!("unknown {fetches} {n}"));
        let tokens: Vec<_> = names.map(|name| publisher.signed(&name, &claims)).collect();
        let answers = join_all(tokens.iter().map(|token| outcome(&app, token))).await;
        assert!(answers.iter().all(|answer| answer == "close 3500"), "{answers:?}");
        assert_eq!(publisher.asked(), fetches);
        app.advance(PAUSE);
    }
}

#[actix_web::test]
async fn keys_that_can_no_longer_be_fetched_are_trusted_for_an_hour() {
    let publisher = Publisher::silent().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(outcome(&app, &token).await, "connected");
    publisher.answer(Way::Unavailable);
    app.advance(6 * MINUTE);
    assert_eq!(outcome(&app, &token).await, "connected");
    app.advance(53 * MINUTE);
    assert_eq!(outcome(&app, &token).await, "connected");
    app.advance(MINUTE);
    assert_eq!(outcome(&app, &token).await, "error 100");
    assert_eq!(publisher.asked(), 4);
    publisher.publish();
    app.advance(MINUTE);
    assert_eq!(outcome(&app, &token).await, "connected");
}

#[actix_web::test]
async fn an_unknown_key_id_gets_a_temporary_error_while_the_keys_cannot_be_fetched() {
    let publisher = Publisher::silent().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let claims = json!({"sub": "ann"});
    let (old, new) = (publisher.signed("current", &claims), publisher.signed("next", &claims));
    assert_eq!(outcome(&app, &old).await, "connected");
    publisher.answer(Way::Unavailable);
    app.advance(PAUSE);
    assert_eq!(outcome(&app, &new).await, "error 100");
    assert_eq!(outcome(&app, &old).await, "connected");
    assert_eq!(publisher.asked(), 2);
}

#[actix_web::test]
async fn an_answer_that_is_no_key_set_does_not_replace_the_known_keys() {
    let publisher = Publisher::silent().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(outcome(&app, &token).await, "connected");
    publisher.answer_with("<html>down for maintenance</html>".to_owned());
    app.advance(6 * MINUTE);
    assert_eq!(outcome(&app, &token).await, "connected");
    assert_eq!(publisher.asked(), 2);
}

#[actix_web::test]
async fn a_redirect_is_not_followed_and_its_body_is_not_used() {
    let (publisher, other) = (Publisher::silent().await, Publisher::silent().await);
    let set = publisher.key_set(&["current"]);
    other.answer_with(set.clone());
    publisher.answer(Way::Elsewhere(other.url(), set));
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(outcome(&app, &token).await, "error 100");
    assert_eq!((publisher.asked(), other.asked()), (1, 0));
}

#[actix_web::test]
async fn several_connections_share_one_fetch_from_a_server_that_never_answers() {
    let publisher = Publisher::over_tls().await;
    publisher.answer(Way::Never);
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    let answers = join_all([outcome(&app, &token), outcome(&app, &token), outcome(&app, &token)]).await;
    assert_eq!(answers, ["error 100"; 3]);
    assert_eq!(publisher.asked(), 1);
}

#[actix_web::test]
async fn an_endless_answer_is_cut_off() {
    let publisher = Publisher::over_tls().await;
    publisher.answer(Way::Endless);
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(outcome(&app, &token).await, "error 100");
    publisher.publish();
    app.advance(MINUTE);
    assert_eq!(outcome(&app, &token).await, "connected");
}
