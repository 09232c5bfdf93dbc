//! Keys that an issuer publishes: the server fetches them over TLS and only from the configured URL, as rarely as
//! possible, and trusts them for a limited time.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{ROUTE, told};
use crate::harness::{
    App,
    issuer::{Publisher, Way},
};

/// A little longer than the minimum interval between two fetches that unknown key ids cause.
const PAUSE: Duration = Duration::from_secs(11);
const MINUTE: Duration = Duration::from_secs(60);

#[actix_web::test]
async fn while_the_keys_cannot_be_had_nobody_can_tell() {
    let publisher = Publisher::silent().await;
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(told(&app, &token).await, "error 100");
    let handshake = app.handshake(ROUTE).header("authorization", &format!("Bearer {token}"));
    assert_eq!(handshake.refusal().await.status, 503);
    // Only the first attempt fetched the keys; for a while after a failure there is no further fetch.
    assert_eq!(publisher.asked(), 1);
}

#[actix_web::test]
async fn published_keys_are_fetched_once_and_used_for_their_own_signatures() {
    let publisher = Publisher::silent().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let claims = json!({"sub": "ann"});
    assert_eq!(told(&app, &publisher.signed("current", &claims)).await, "connected");
    assert_eq!(told(&app, &publisher.signed("unknown", &claims)).await, "close 3500");
    assert_eq!(told(&app, &publisher.confused(&claims)).await, "close 3500");
    assert_eq!(told(&app, &Publisher::silent().await.signed("current", &claims)).await, "close 3500");
    assert_eq!(publisher.asked(), 1);
}

#[actix_web::test]
async fn an_answer_that_is_no_set_of_keys_or_too_large_is_none() {
    for body in ["{}".to_owned(), format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300_000))] {
        let publisher = Publisher::silent().await;
        publisher.answer_with(body);
        let app = App::with(|settings| publisher.trusted_by(settings));
        assert_eq!(told(&app, &publisher.signed("current", &json!({"sub": "ann"}))).await, "error 100");
    }
}

#[actix_web::test]
async fn keys_come_over_tls_from_a_server_that_the_named_authority_vouches_for() {
    let publisher = Publisher::over_tls().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(told(&app, &token).await, "connected");
    assert_eq!(publisher.asked(), 1);
}

#[actix_web::test]
async fn a_server_that_nobody_trusted_vouches_for_is_not_asked() {
    let (publisher, other) = (Publisher::over_tls().await, Publisher::over_tls().await);
    publisher.publish();
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    for authority in [None, other.authority_file()] {
        let app = App::with(|settings| publisher.trusted_through(settings, authority));
        assert_eq!(told(&app, &token).await, "error 100", "{authority:?}");
    }
    assert_eq!(publisher.asked(), 0);
}

#[actix_web::test]
async fn a_new_key_is_taken_after_one_more_fetch_and_an_old_one_no_longer() {
    let publisher = Publisher::over_tls().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let claims = json!({"sub": "ann"});
    let (old, new) = (publisher.signed("current", &claims), publisher.signed("next", &claims));
    assert_eq!(told(&app, &old).await, "connected");
    publisher.publish_only(&["current", "next"]);
    app.advance(PAUSE);
    assert_eq!(told(&app, &new).await, "connected");
    assert_eq!(told(&app, &old).await, "connected");
    assert_eq!(publisher.asked(), 2);
    publisher.publish_only(&["next"]);
    app.advance(5 * MINUTE);
    assert_eq!(told(&app, &old).await, "close 3500");
    assert_eq!(told(&app, &new).await, "connected");
    assert_eq!(publisher.asked(), 3);
}

#[actix_web::test]
async fn tokens_that_name_keys_that_nobody_has_cause_one_fetch_in_ten_seconds() {
    let publisher = Publisher::silent().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let claims = json!({"sub": "ann"});
    assert_eq!(told(&app, &publisher.signed("current", &claims)).await, "connected");
    for fetches in 1..=3 {
        let names = (0..20).map(|n| format!("nobody's {fetches} {n}"));
        let tokens: Vec<_> = names.map(|name| publisher.signed(&name, &claims)).collect();
        let answers = join_all(tokens.iter().map(|token| told(&app, token))).await;
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
    assert_eq!(told(&app, &token).await, "connected");
    publisher.answer(Way::Unavailable);
    app.advance(6 * MINUTE);
    assert_eq!(told(&app, &token).await, "connected");
    app.advance(53 * MINUTE);
    assert_eq!(told(&app, &token).await, "connected");
    app.advance(MINUTE);
    assert_eq!(told(&app, &token).await, "error 100");
    assert_eq!(publisher.asked(), 4);
    publisher.publish();
    app.advance(MINUTE);
    assert_eq!(told(&app, &token).await, "connected");
}

#[actix_web::test]
async fn while_the_keys_cannot_be_fetched_anew_nobody_can_tell_whose_a_new_key_is() {
    let publisher = Publisher::silent().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let claims = json!({"sub": "ann"});
    let (old, new) = (publisher.signed("current", &claims), publisher.signed("next", &claims));
    assert_eq!(told(&app, &old).await, "connected");
    publisher.answer(Way::Unavailable);
    app.advance(PAUSE);
    assert_eq!(told(&app, &new).await, "error 100");
    assert_eq!(told(&app, &old).await, "connected");
    assert_eq!(publisher.asked(), 2);
}

#[actix_web::test]
async fn garbage_in_place_of_a_set_changes_nothing_about_the_keys_that_are_known() {
    let publisher = Publisher::silent().await;
    publisher.publish();
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(told(&app, &token).await, "connected");
    publisher.answer_with("<html>down for maintenance</html>".to_owned());
    app.advance(6 * MINUTE);
    assert_eq!(told(&app, &token).await, "connected");
    assert_eq!(publisher.asked(), 2);
}

#[actix_web::test]
async fn a_redirect_is_not_followed_and_what_comes_with_it_not_believed() {
    let (publisher, other) = (Publisher::silent().await, Publisher::silent().await);
    let set = publisher.set(&["current"]);
    other.answer_with(set.clone());
    publisher.answer(Way::Elsewhere(other.url(), set));
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(told(&app, &token).await, "error 100");
    assert_eq!((publisher.asked(), other.asked()), (1, 0));
}

#[actix_web::test]
async fn a_server_that_never_answers_is_waited_for_once_by_all_who_need_it() {
    let publisher = Publisher::over_tls().await;
    publisher.answer(Way::Never);
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    let answers = join_all([told(&app, &token), told(&app, &token), told(&app, &token)]).await;
    assert_eq!(answers, ["error 100"; 3]);
    assert_eq!(publisher.asked(), 1);
}

#[actix_web::test]
async fn an_answer_without_an_end_is_cut_off() {
    let publisher = Publisher::over_tls().await;
    publisher.answer(Way::Endless);
    let app = App::with(|settings| publisher.trusted_by(settings));
    let token = publisher.signed("current", &json!({"sub": "ann"}));
    assert_eq!(told(&app, &token).await, "error 100");
    publisher.publish();
    app.advance(MINUTE);
    assert_eq!(told(&app, &token).await, "connected");
}
