//! Links of mails: confirming an address, a new password, and "this was not me".

use std::time::Duration;

use futures_util::future::join_all;
use portcullis::config::Environment;
use reqwest::Method;
use serde_json::json;

use super::{NEW_PASSWORD, ask, mail, of_kind, reset, reset_token, shown, token};
use crate::harness::{App, Ask as _, PASSWORD, eventually};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);
const MINUTE: Duration = Duration::from_secs(60);

fn verifying() -> App {
    App::with(|settings| settings.require_email_verification = true)
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_once_and_every_session_ends() {
    let app = App::start();
    let person = app.register().await;
    let session = person.sign_in().await;
    let token = reset_token(&app, &person.email).await;
    let answer = reset(&app, &token, NEW_PASSWORD).await.expect(200);
    assert_eq!(answer.body["sessions"], 1);
    assert!(answer.headers.get("set-cookie").is_none() && !answer.text.contains("token"), "{}", answer.text);
    assert!(!session.works().await);
    session.try_refresh().await.expect(401).problem();
    person.try_password(PASSWORD).await.refused(401, "invalid_credentials");
    person.try_password(NEW_PASSWORD).await.expect(200);
    reset(&app, &token, "a-third-marble-otter-63").await.refused(422, "invalid_link");
    person.try_password(NEW_PASSWORD).await.expect(200);
    let mail = mail(&app, &person.email, "password_changed").await;
    assert!(mail["link"].as_str().is_some_and(|link| link.contains("/not-me#token=")));
}

#[tokio::test]
async fn of_sixteen_uses_of_one_link_at_once_one_succeeds() {
    let app = App::start();
    let person = app.register().await;
    let token = reset_token(&app, &person.email).await;
    let passwords: Vec<_> = (0..16).map(|number| format!("copper-walrus-lantern-{number}")).collect();
    let answers = join_all(passwords.iter().map(|password| reset(&app, &token, password))).await;
    let won: Vec<_> = answers.iter().enumerate().filter(|(_, answer)| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(answers.iter().all(|answer| [200, 422, 503].contains(&answer.status)));
    person.try_password(&passwords[won[0].0]).await.expect(200);
}

#[tokio::test]
async fn a_link_of_a_reset_is_good_for_thirty_minutes() {
    let app = App::start();
    let person = app.register().await;
    let late = reset_token(&app, &person.email).await;
    app.advance(HALF_AN_HOUR);
    reset(&app, &late, NEW_PASSWORD).await.refused(422, "invalid_link");
    ask(&app, "forgot", &json!({"email": person.email})).await.expect(202);
    eventually("a second mail", async || of_kind(&app, &person.email, "reset_password").await.len() == 2)
        .await;
    let in_time = token(&mail(&app, &person.email, "reset_password").await);
    app.advance(HALF_AN_HOUR - MINUTE);
    reset(&app, &in_time, NEW_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_changed_password_and_a_changed_address_make_links_void() {
    let app = App::start();
    let person = app.register().await;
    let token = reset_token(&app, &person.email).await;
    let session = person.sign_in().await;
    session.post("/api/v1/profile/password", &json!({"new_password": NEW_PASSWORD})).await.expect(200);
    reset(&app, &token, "a-third-marble-otter-63").await.refused(422, "invalid_link");
    let other = app.register().await;
    let token = reset_token(&app, &other.email).await;
    let address = app.new_email();
    app.set_email(other.id, &address).await;
    reset(&app, &token, NEW_PASSWORD).await.refused(422, "invalid_link");
}

#[tokio::test]
async fn a_weak_password_does_not_use_the_link() {
    let app = App::start();
    let person = app.register().await;
    let token = reset_token(&app, &person.email).await;
    reset(&app, &token, "password1").await.refused(422, "password_guessable");
    reset(&app, &token, "short").await.refused(422, "password_too_short");
    reset(&app, &token, NEW_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_link_is_good_for_its_own_purpose_only_and_a_forged_one_for_none() {
    let app = App::start();
    let person = app.register().await;
    let token = reset_token(&app, &person.email).await;
    ask(&app, "not-me", &json!({"token": token})).await.refused(422, "invalid_link");
    ask(&app, "verify-email", &json!({"token": token})).await.refused(422, "invalid_link");
    let last = if token.ends_with('0') { '1' } else { '0' };
    let forged = format!("{}{last}", &token[..token.len() - 1]);
    for wrong in [forged.as_str(), "", "x", &token.to_uppercase(), &"0".repeat(64), &"a".repeat(10_000)] {
        reset(&app, wrong, NEW_PASSWORD).await.refused(422, "invalid_link");
    }
    reset(&app, &token, NEW_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn this_was_not_me_ends_the_sessions_and_locks_the_password_until_a_reset() {
    let app = App::start();
    let person = app.register().await;
    // There is nothing with which the first sign-in could be compared.
    let session = person.sign_in().await;
    person.sign_in().await;
    let notice = mail(&app, &person.email, "new_sign_in").await;
    let link = token(&notice);
    let answer = ask(&app, "not-me", &json!({"token": link})).await.expect(200);
    assert_eq!(answer.body["sessions"], 2);
    assert!(answer.headers.get("set-cookie").is_none());
    assert!(!session.works().await);
    person.try_password(PASSWORD).await.refused(401, "invalid_credentials");
    ask(&app, "not-me", &json!({"token": link})).await.refused(422, "invalid_link");
    mail(&app, &person.email, "account_locked").await;
    let token = reset_token(&app, &person.email).await;
    reset(&app, &token, NEW_PASSWORD).await.expect(200);
    person.try_password(NEW_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_new_account_signs_in_after_its_address_is_confirmed() {
    let app = verifying();
    let email = app.new_email();
    let body = json!({"email": email, "password": PASSWORD});
    let asked = app.post("/api/v1/auth/register").header("accept-language", "de-AT,de;q=0.9,en;q=0.5");
    asked.json(&body).ask().await.expect(201);
    let credentials = json!({"username": email, "password": PASSWORD});
    ask(&app, "jwt/login", &credentials).await.refused(401, "invalid_credentials");
    let mail = mail(&app, &email, "verify_address").await;
    assert_eq!(mail["language"], "de");
    assert!(mail["subject"].as_str().is_some_and(|subject| subject.starts_with("Bestätigen")), "{mail}");
    let link = token(&mail);
    let answer = ask(&app, "verify-email", &json!({"token": link})).await.expect(204);
    assert!(answer.headers.get("set-cookie").is_none());
    ask(&app, "jwt/login", &credentials).await.expect(200);
    ask(&app, "verify-email", &json!({"token": link})).await.refused(422, "invalid_link");
}

#[tokio::test]
async fn the_confirmation_is_sent_again_only_to_accounts_that_wait_for_it() {
    let app = verifying();
    let email = app.new_email();
    ask(&app, "register", &json!({"email": email, "password": PASSWORD})).await.expect(201);
    mail(&app, &email, "verify_address").await;
    ask(&app, "verify-email/resend", &json!({"email": email.to_uppercase()})).await.expect(202);
    eventually("a second mail", async || of_kind(&app, &email, "verify_address").await.len() == 2).await;
    let first = of_kind(&app, &email, "verify_address").await.remove(1);
    ask(&app, "verify-email", &json!({"token": token(&first)})).await.expect(204);
    ask(&app, "verify-email/resend", &json!({"email": email})).await.expect(202);
    assert_eq!(of_kind(&app, &email, "verify_address").await.len(), 2);
}

#[tokio::test]
async fn a_reset_also_confirms_the_address_of_a_new_account() {
    let app = verifying();
    let email = app.new_email();
    ask(&app, "register", &json!({"email": email, "password": PASSWORD})).await.expect(201);
    let token = reset_token(&app, &email).await;
    reset(&app, &token, NEW_PASSWORD).await.expect(200);
    ask(&app, "jwt/login", &json!({"username": email, "password": NEW_PASSWORD})).await.expect(200);
}

#[tokio::test]
async fn a_registration_of_a_known_address_answers_as_for_a_new_one_and_tells_the_owner() {
    let app = verifying();
    let (known, new) = (app.new_email(), app.new_email());
    let register = async |email: &str| {
        ask(&app, "register", &json!({"email": email, "password": PASSWORD})).await.expect(201)
    };
    register(&known).await;
    let link = token(&mail(&app, &known, "verify_address").await);
    ask(&app, "verify-email", &json!({"token": link})).await.expect(204);
    let (again, first) = (register(&known).await, register(&new).await);
    let shape = |answer: &crate::harness::Answer, email: &str| {
        let mut body = answer.body.clone();
        body["created_at"] = json!(null);
        body.to_string().replace(email, "")
    };
    assert_eq!(shape(&again, &known), shape(&first, &new));
    let told = mail(&app, &known, "address_registered").await;
    assert!(told["link"].is_null());
    assert_eq!(of_kind(&app, &known, "verify_address").await.len(), 1);
    assert!(of_kind(&app, &new, "address_registered").await.is_empty());
}

#[tokio::test]
async fn a_request_for_an_unknown_address_has_the_same_answer_and_no_mail() {
    let app = App::start();
    let (person, unknown) = (app.register().await, app.new_email());
    for path in ["forgot", "verify-email/resend"] {
        let known = ask(&app, path, &json!({"email": person.email})).await.expect(202);
        let other = ask(&app, path, &json!({"email": unknown})).await.expect(202);
        assert_eq!(known.text, other.text);
        let names = |answer: &crate::harness::Answer| {
            let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(names(&known), names(&other));
    }
    mail(&app, &person.email, "reset_password").await;
    assert!(shown(&app, &unknown).await.is_empty());
    ask(&app, "forgot", &json!({"email": "nobody"})).await.refused(422, "invalid_email");
}

#[tokio::test]
async fn requests_for_mails_are_limited_for_each_account_whether_or_not_it_exists() {
    let app = App::start();
    let person = app.register().await;
    for email in [person.email.clone(), app.new_email()] {
        for _ in 0..5 {
            ask(&app, "forgot", &json!({"email": email})).await.expect(202);
        }
        let refused = ask(&app, "forgot", &json!({"email": email})).await.refused(429, "too_many_requests");
        assert!(refused.retry_after().is_some());
    }
    assert_eq!(of_kind(&app, &person.email, "reset_password").await.len(), 5);
}

#[tokio::test]
async fn requests_for_mails_and_uses_of_links_are_limited_for_each_client() {
    let app = App::with(|settings| {
        settings.address_limit_factor = 1;
        settings.limits.mail_request_address.burst = 2;
        settings.limits.mail_link_address.burst = 2;
    });
    for _ in 0..2 {
        ask(&app, "forgot", &json!({"email": app.new_email()})).await.expect(202);
        reset(&app, "x", NEW_PASSWORD).await.refused(422, "invalid_link");
    }
    ask(&app, "forgot", &json!({"email": app.new_email()})).await.refused(429, "too_many_requests");
    reset(&app, "x", NEW_PASSWORD).await.refused(429, "too_many_requests");
}

#[tokio::test]
async fn a_scanner_that_follows_every_link_changes_nothing() {
    let app = verifying();
    let email = app.new_email();
    ask(&app, "register", &json!({"email": email, "password": PASSWORD})).await.expect(201);
    let verify = mail(&app, &email, "verify_address").await;
    let token_of_reset = reset_token(&app, &email).await;
    for found in shown(&app, &email).await {
        let link = found["link"].as_str().expect("a link");
        let (page, secret) = link.split_once('#').expect("a fragment");
        let path = page.split("://").nth(1).and_then(|rest| rest.split_once('/')).expect("a path").1;
        for method in [Method::GET, Method::HEAD] {
            // Clients do not send the fragment; a scanner may put it into the query.
            for url in [format!("/{path}"), format!("/{path}?{secret}")] {
                let status = app.request(method.clone(), &url).send().await.expect("an answer").status();
                assert!(!status.is_server_error(), "{url}");
            }
            for path in ["verify-email", "reset", "not-me", "forgot", "verify-email/resend"] {
                let answer = app.request(method.clone(), &format!("/api/v1/auth/{path}")).send().await;
                assert_eq!(answer.expect("an answer").status().as_u16(), 405, "{path}");
            }
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM mails WHERE link_used_at IS NOT NULL").await, 0);
    ask(&app, "verify-email", &json!({"token": token(&verify)})).await.expect(204);
    reset(&app, &token_of_reset, NEW_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn requests_of_another_site_are_refused() {
    let app = App::start();
    for path in ["forgot", "verify-email/resend", "reset", "verify-email", "not-me"] {
        let request = app.post(&format!("/api/v1/auth/{path}")).header("origin", "https://evil.example");
        request.json(&json!({})).ask().await.expect(422).problem();
        let body = match path {
            "forgot" | "verify-email/resend" => json!({"email": "a@example.com"}),
            "reset" => json!({"token": "x", "new_password": NEW_PASSWORD}),
            _ => json!({"token": "x"}),
        };
        let request = app.post(&format!("/api/v1/auth/{path}")).header("origin", "https://evil.example");
        request.json(&body).ask().await.refused(403, "origin_not_allowed");
    }
}

#[tokio::test]
async fn a_production_server_without_a_mail_server_says_that_it_sends_no_mail() {
    let app = App::with(|settings| settings.environment = Environment::Production);
    let person = app.register().await;
    ask(&app, "forgot", &json!({"email": person.email})).await.refused(409, "mail_unavailable");
    ask(&app, "verify-email/resend", &json!({"email": person.email})).await.refused(409, "mail_unavailable");
    app.get("/dev/mail").ask().await.expect(404).problem();
}
