//! The way of mails to a mail server: over TLS, with faults of the server, and while the own server is killed.

use std::time::Duration;

use mail::SmtpSettings;
use portcullis::config::Settings;
use serde_json::{Value, json};

use super::ask;
use crate::{
    harness::{
        App, Ask as _, MailSink, PASSWORD, Person, Server, SmtpMode, SmtpTls, client, eventually,
        fresh_database, scratch_dir,
    },
    serve::production_on,
};

/// A server that sends its mails to this sink.
fn app(sink: &MailSink, change: impl FnOnce(&mut Settings)) -> App {
    App::with(|settings| {
        let smtp: SmtpSettings = sink.url().parse().expect("a URL");
        settings.mail.smtp = Some(SmtpSettings { timeout: Duration::from_secs(5), ..smtp });
        settings.mail.authorities = Some(sink.authority());
        change(settings);
    })
}

/// The state, the attempts and the failure of the newest mail of this kind.
async fn row(app: &App, kind: &str) -> (String, i32, String) {
    let sql = "SELECT state, attempts, coalesce(failure, '') FROM mails WHERE kind = $1 ORDER BY created_at DESC LIMIT 1";
    let row = app.rows().await.query_one(sql, &[&kind]).await.expect("a mail");
    (row.get(0), row.get(1), row.get(2))
}

async fn reaches(app: &App, kind: &str, state: &str) {
    eventually(state, async || row(app, kind).await.0 == state).await;
}

/// Waits until an attempt has failed and the mail waits for the next one.
async fn fails_once(app: &App, kind: &str) -> String {
    eventually("a failure", async || {
        let (state, attempts, _) = row(app, kind).await;
        state == "waiting" && attempts > 0
    })
    .await;
    row(app, kind).await.2
}

async fn forgot(person: &Person) {
    ask(&person.app, "forgot", &json!({"email": person.email})).await.expect(202);
}

#[tokio::test]
async fn a_mail_arrives_over_tls_with_text_html_and_an_id() {
    let sink = MailSink::start(SmtpTls::Implicit);
    let app = app(&sink, |settings| {
        settings.mail.from = "Example Chat <no-reply@chat.example>".parse().expect("a sender");
        settings.mail.public_url = Some("https://chat.example".to_owned());
    });
    let person = app.register().await;
    forgot(&person).await;
    let mail = sink.first_to(&person.email).await;
    assert!(mail.trusted);
    assert_eq!(mail.header("to"), person.email);
    assert_eq!(mail.header("from"), "\"Example Chat\" <no-reply@chat.example>");
    assert_eq!(mail.header("subject"), "A new password for Example Chat");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert_eq!(mail.header("content-language"), "en");
    assert!(mail.header("message-id").ends_with(".0@chat.example>"), "{}", mail.header("message-id"));
    let link = mail.link();
    assert!(link.starts_with("https://chat.example/reset#token="), "{link}");
    assert!(mail.part("text/html").contains(&format!("href=\"{link}\"")));
    reaches(&app, "reset_password", "sent").await;
    assert_eq!(sink.contents(), 1);
}

#[tokio::test]
async fn a_mail_arrives_with_starttls() {
    let sink = MailSink::start(SmtpTls::StartTls);
    let app = app(&sink, |_| {});
    let person = app.register().await;
    forgot(&person).await;
    assert!(sink.first_to(&person.email).await.trusted);
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_without_tls_or_with_an_untrusted_certificate() {
    let plain = MailSink::start(SmtpTls::None);
    let asking = app(&plain, |settings| {
        let url = plain.url().replace("smtp://", "starttls://");
        settings.mail.smtp = Some(url.parse().expect("a URL"));
    });
    let person = asking.register().await;
    forgot(&person).await;
    let failure = fails_once(&asking, "reset_password").await;
    assert!(failure.contains("STARTTLS"), "{failure}");
    let (untrusted, other) = (MailSink::start(SmtpTls::Implicit), MailSink::start(SmtpTls::Implicit));
    let app = app(&untrusted, |settings| settings.mail.authorities = Some(other.authority()));
    forgot(&app.register().await).await;
    let failure = fails_once(&app, "reset_password").await;
    assert!(failure.contains("certificate"), "{failure}");
    assert_eq!((plain.contents(), untrusted.contents()), (0, 0));
}

#[tokio::test]
async fn a_wrong_password_of_the_mail_server_is_no_failure_of_the_mail() {
    let sink = MailSink::start(SmtpTls::Implicit);
    let app = app(&sink, |settings| {
        let url = format!("smtps://relay:wrong-password-77@localhost:{}", sink.port());
        settings.mail.smtp = Some(url.parse().expect("a URL"));
    });
    forgot(&app.register().await).await;
    let failure = fails_once(&app, "reset_password").await;
    assert!(failure.contains("user and the password") && !failure.contains("wrong-password"), "{failure}");
}

#[tokio::test]
async fn a_temporary_refusal_is_retried_with_the_same_message_id() {
    let sink = MailSink::start(SmtpTls::Implicit);
    let app = app(&sink, |_| {});
    let person = app.register().await;
    sink.set(SmtpMode::RefusesRecipient(451));
    forgot(&person).await;
    let failure = fails_once(&app, "reset_password").await;
    assert!(failure.contains("451"), "{failure}");
    let due = "SELECT count(*) FROM mails WHERE due_at > waiting_from + interval '2 seconds'";
    assert_eq!(app.count(due).await, 1, "the next attempt waits");
    sink.set(SmtpMode::TakesAndDrops);
    app.advance(Duration::from_secs(10));
    // The content was taken, but not the answer: at most once is impossible here, so the mail arrives twice with one id.
    eventually("taken", async || sink.to(&person.email).len() == 1).await;
    fails_once(&app, "reset_password").await;
    sink.set(SmtpMode::Takes);
    app.advance(Duration::from_secs(30));
    reaches(&app, "reset_password", "sent").await;
    let ids: Vec<_> = sink.to(&person.email).iter().map(|mail| mail.header("message-id")).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_final_refusal_is_shown_with_its_reason_and_not_retried() {
    let sink = MailSink::start(SmtpTls::Implicit);
    let app = app(&sink, |_| {});
    for mode in [SmtpMode::RefusesRecipient(550), SmtpMode::RefusesContent(554)] {
        sink.set(mode);
        let person = app.register().await;
        forgot(&person).await;
        reaches(&app, "reset_password", "failed").await;
        let (_, attempts, failure) = row(&app, "reset_password").await;
        assert!(attempts == 1 && failure.contains("not this"), "{failure}");
    }
    app.advance(Duration::from_secs(60));
    assert_eq!(sink.contents(), 1);
}

#[tokio::test]
async fn a_mail_server_that_hangs_or_drops_does_not_block_a_sign_in() {
    let sink = MailSink::start(SmtpTls::Implicit);
    let app = app(&sink, |settings| {
        settings.mail.smtp.as_mut().expect("a mail server").timeout = Duration::from_secs(1);
    });
    sink.set(SmtpMode::Hangs);
    let person = app.register().await;
    person.sign_in().await;
    forgot(&person).await;
    eventually("the content", async || sink.contents() == 1).await;
    let began = std::time::Instant::now();
    person.sign_in().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let failure = fails_once(&app, "reset_password").await;
    assert!(failure.contains("longer than 1 s"), "{failure}");
    sink.set(SmtpMode::DropsInContent);
    app.advance(Duration::from_secs(10));
    eventually("a dropped content", async || row(&app, "reset_password").await.1 >= 2).await;
    fails_once(&app, "reset_password").await;
    sink.set(SmtpMode::Takes);
    app.advance(Duration::from_secs(60));
    reaches(&app, "reset_password", "sent").await;
    reaches(&app, "new_sign_in", "sent").await;
    assert_eq!(sink.to(&person.email).len(), 2);
}

#[tokio::test]
async fn after_an_hour_without_the_mail_server_each_mail_arrives_or_is_shown_as_expired() {
    let sink = MailSink::start(SmtpTls::Implicit);
    let app = app(&sink, |_| {});
    sink.set(SmtpMode::Away);
    let person = app.register().await;
    person.sign_in().await;
    person.sign_in().await;
    forgot(&person).await;
    fails_once(&app, "new_sign_in").await;
    fails_once(&app, "reset_password").await;
    app.advance(Duration::from_secs(60 * 60));
    sink.set(SmtpMode::Takes);
    reaches(&app, "new_sign_in", "sent").await;
    reaches(&app, "reset_password", "expired").await;
    let (_, _, failure) = row(&app, "reset_password").await;
    assert!(!failure.is_empty());
    assert_eq!(sink.to(&person.email).len(), 1);
    assert!(app.metrics().contains("mails_total{outcome=\"expired\"}"));
}

#[tokio::test]
async fn a_mail_is_given_up_after_the_age_of_the_settings() {
    let sink = MailSink::start(SmtpTls::Implicit);
    let app = app(&sink, |settings| settings.mail.max_age = Duration::from_secs(60 * 60));
    sink.set(SmtpMode::Away);
    let person = app.register().await;
    person.sign_in().await;
    person.sign_in().await;
    fails_once(&app, "new_sign_in").await;
    app.advance(Duration::from_secs(61 * 60));
    reaches(&app, "new_sign_in", "expired").await;
}

#[tokio::test]
async fn a_mail_that_is_sent_again_has_another_message_id_and_the_same_link() {
    let sink = MailSink::start(SmtpTls::Implicit);
    let app = app(&sink, |_| {});
    let person = app.register().await;
    forgot(&person).await;
    let first = sink.first_to(&person.email).await;
    reaches(&app, "reset_password", "sent").await;
    let operator = app.appoint(domain::account::role::Role::Operator).await.sign_in().await;
    let id: String = {
        let sql = "SELECT id::text FROM mails WHERE kind = 'reset_password'";
        app.rows().await.query_one(sql, &[]).await.expect("a mail").get(0)
    };
    let path = format!("/api/v1/admin/mail/{id}/send-again");
    operator.post(&path, &json!({"reason": "lost"})).await.expect(200);
    eventually("a second mail", async || sink.to(&person.email).len() == 2).await;
    let second = sink.to(&person.email).remove(1);
    assert_ne!(first.header("message-id"), second.header("message-id"));
    assert_eq!(first.link(), second.link());
}

/// A server with this database, which sends its mails to this sink.
fn server(database: &store::DatabaseSettings, data: &str, sink: &MailSink) -> Server {
    let (url, authority) = (sink.url(), sink.authority());
    let further = [
        ("DATA_DIR", data),
        ("SMTP_URL", url.as_str()),
        ("SMTP_CA_FILE", authority.to_str().expect("a path")),
        ("SMTP_TIMEOUT_SECONDS", "1"),
        ("LIMIT_REGISTER_ADDRESS", "1000/60"),
    ];
    production_on(database, &[], &further, &[])
}

async fn post(server: &Server, path: &str, body: &Value) -> u16 {
    let url = format!("http://{}/api/v1/auth/{path}", server.address());
    client().build().expect("a client").post(url).json(body).ask().await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_arrives_although_the_server_is_killed_twice_while_it_sends() {
    let (database, data) = (fresh_database(), scratch_dir());
    let (sink, data) = (MailSink::start(SmtpTls::StartTls), data.path().to_str().expect("a path").to_owned());
    let mut running = server(&database, &data, &sink);
    let users: Vec<_> = (0..4).map(|number| format!("user{number}@example.com")).collect();
    for email in &users {
        assert_eq!(post(&running, "register", &json!({"email": email, "password": PASSWORD})).await, 201);
    }
    for mode in [SmtpMode::Hangs, SmtpMode::DropsInContent] {
        let seen = sink.contents();
        sink.set(mode);
        for email in &users {
            assert_eq!(post(&running, "forgot", &json!({"email": email})).await, 202);
        }
        eventually("contents", async || sink.contents() > seen).await;
        running.kill();
        running = server(&database, &data, &sink);
    }
    sink.set(SmtpMode::Takes);
    let (rows, link) = database.config.connect(tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(link);
    // The leases and the pauses of the killed servers need not be waited for.
    rows.batch_execute("UPDATE mails SET due_at = now(), leased_until = CASE WHEN attempt_id IS NOT NULL THEN now() END WHERE settled_at IS NULL")
        .await
        .expect("rows");
    let unsent = async || {
        let row = rows.query_one("SELECT count(*) FROM mails WHERE state <> 'sent'", &[]).await;
        row.expect("a number").get::<_, i64>(0)
    };
    eventually("everything is sent", async || unsent().await == 0).await;
    for email in &users {
        let mut ids: Vec<_> = sink.to(email).iter().map(|mail| mail.header("message-id")).collect();
        assert_eq!(ids.len(), 2, "{email}: {ids:?}");
        ids.dedup();
        assert_eq!(ids.len(), 2, "{email}");
    }
    assert!(!running.log().contains("token="));
}
