//! Mails that tell users of sign-ins and of changes to their accounts.

use portcullis::config::Environment;
use reqwest::Method;
use serde_json::json;

use super::{NEW_PASSWORD, mail, of_kind, shown};
use crate::harness::{App, Ask as _, PASSWORD};

#[tokio::test]
async fn a_sign_in_on_a_new_device_causes_a_mail_and_one_on_a_known_device_does_not() {
    let app = App::start();
    let person = app.register().await;
    person.sign_in().await;
    assert!(shown(&app, &person.email).await.is_empty(), "the first sign-in is compared with nothing");
    let session = person.sign_in().await;
    let notice = mail(&app, &person.email, "new_sign_in").await;
    let text = notice["text"].as_str().expect("a text");
    assert!(text.contains("IP address: 127.0.0.1") && text.contains("a new device"), "{text}");
    let body = json!({"username": person.email, "password": PASSWORD});
    let again = app.post("/api/v1/auth/jwt/login").header("cookie", format!("device_id={}", session.device));
    again.json(&body).ask().await.expect(200);
    assert_eq!(of_kind(&app, &person.email, "new_sign_in").await.len(), 1);
}

#[tokio::test]
async fn changes_of_factors_cause_mails() {
    let app = App::start();
    let person = app.register().await;
    let mut session = person.sign_in().await;
    session.enable_totp().await;
    let added = mail(&app, &person.email, "factor_added").await;
    assert!(
        added["subject"].as_str().is_some_and(|subject| subject.contains("an authenticator app")),
        "{added}"
    );
    session.delete("/api/v1/2fa/totp").await.expect(200);
    mail(&app, &person.email, "factor_removed").await;
}

#[tokio::test]
async fn a_changed_address_is_told_to_the_former_address_and_to_the_new_one() {
    let app = App::start();
    let (person, new) = (app.register().await, app.new_email());
    app.set_email(person.id, &new).await;
    for address in [&person.email, &new] {
        let told = mail(&app, address, "address_changed").await;
        assert!(told["text"].as_str().is_some_and(|text| text.contains("An operator")), "{told}");
    }
}

#[tokio::test]
async fn a_mail_about_a_change_by_an_operator_does_not_show_the_operator_s_address() {
    let app = App::start();
    let person = app.register().await;
    app.reset_password(person.id, NEW_PASSWORD).await;
    let told = mail(&app, &person.email, "password_changed").await;
    let text = told["text"].as_str().expect("a text");
    assert!(text.contains("An operator") && !text.contains("IP address"), "{text}");
}

#[tokio::test]
async fn a_refused_change_causes_no_mail() {
    let app = App::start();
    let person = app.register().await;
    person.sign_in().await;
    let session = person.sign_in().await;
    let wrong = json!({"current_password": "not-the-password-1", "new_password": NEW_PASSWORD});
    session.post("/api/v1/profile/password", &wrong).await.expect(401);
    mail(&app, &person.email, "new_sign_in").await;
    assert!(of_kind(&app, &person.email, "password_changed").await.is_empty());
}

#[tokio::test]
async fn mails_are_in_the_language_of_the_profile() {
    let app = App::start();
    let person = app.register().await;
    let session = person.sign_in().await;
    let put = |body| session.request(Method::PUT, "/api/v1/profile").json(&body).ask();
    let refused = put(json!({"display_name": null, "language": "xx"})).await.refused(422, "invalid_language");
    assert!(refused.text_of("detail").contains("en, de"), "{}", refused.text);
    assert_eq!(put(json!({"language": "de"})).await.expect(200).text_of("language"), "de");
    assert_eq!(put(json!({"display_name": "Ann"})).await.expect(200).text_of("language"), "de");
    session.post("/api/v1/profile/password", &json!({"new_password": NEW_PASSWORD})).await.expect(200);
    let told = mail(&app, &person.email, "password_changed").await;
    assert_eq!(told["language"], "de");
    assert!(told["html"].as_str().is_some_and(|html| html.contains("lang=\"de\"")));
}

#[tokio::test]
async fn the_pages_of_development_have_no_scripts_and_show_html_in_a_frame_without_permissions() {
    let app = App::start();
    let person = app.register().await;
    person.sign_in().await;
    person.sign_in().await;
    let found = mail(&app, &person.email, "new_sign_in").await;
    let path = format!("/dev/mail/{}", found["id"].as_str().expect("an id"));
    let list = app.get("/dev/mail").ask().await.expect(200);
    assert!(list.text.contains(&path) && list.text.contains(&person.email));
    let page = app.get(&path).ask().await.expect(200);
    assert!(page.text.contains(&format!("<iframe sandbox src=\"{path}/html\"")), "{}", page.text);
    let html = app.get(&format!("{path}/html")).ask().await.expect(200);
    for answer in [&list, &page, &html] {
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{policy}");
        assert!(!answer.text.contains("<script"));
    }
    assert!(html.header("content-security-policy").is_some_and(|policy| policy.ends_with("sandbox")));
}

#[tokio::test]
async fn the_pages_of_development_exist_only_there() {
    let app = App::with(|settings| settings.environment = Environment::Production);
    for path in ["/dev/mail", "/dev/mail/00000000-0000-0000-0000-000000000000"] {
        app.get(path).ask().await.expect(404).problem();
    }
}

#[tokio::test]
async fn no_more_than_twenty_mails_of_a_kind_are_written_to_a_user_in_an_hour() {
    let app = App::with(|settings| {
        settings.limits.login_account.burst = 1_000;
        settings.limits.login_address.burst = 1_000;
    });
    let person = app.register().await;
    let sql = format!(
        "INSERT INTO mails (id, user_id, kind, address, created_at, waiting_from, due_at, state, settled_at)
         SELECT gen_random_uuid(), {}, 'new_sign_in', 'x@example.com', now(), now(), now(), 'sent', now()
         FROM generate_series(1, 19)",
        person.id
    );
    app.rows().await.batch_execute(&sql).await.expect("rows");
    for _ in 0..3 {
        person.sign_in().await;
    }
    mail(&app, &person.email, "new_sign_in").await;
    assert_eq!(app.count("SELECT count(*) FROM mails WHERE kind = 'new_sign_in'").await, 20);
    assert_eq!(shown(&app, &person.email).await.len(), 1);
}
