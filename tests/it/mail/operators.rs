//! What operators see of mails, and mails that are sent again.

use domain::account::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{NEW_PASSWORD, mail, reset, reset_token};
use crate::harness::{App, Ask as _, OperatorCli, Session, eventually};

const MAIL: &str = "/api/v1/admin/mail";

async fn list(operator: &Session, query: &[(&str, &str)]) -> Vec<Value> {
    let answer = operator.request(Method::GET, MAIL).query(query).ask().await.expect(200);
    answer.body["mails"].as_array().expect("mails").clone()
}

async fn again(operator: &Session, mail: &Value) -> crate::harness::Answer {
    let path = format!("{MAIL}/{}/send-again", mail["id"].as_str().expect("an id"));
    operator.post(&path, &json!({"reason": "the user asked for it"})).await
}

async fn state(app: &App, id: &str) -> String {
    let row = app.rows().await.query_one("SELECT state FROM mails WHERE id::text = $1", &[&id]).await;
    row.expect("a row").get(0)
}

#[tokio::test]
async fn operators_see_mails_without_their_links_and_filter_them() {
    let app = App::start();
    let person = app.register().await;
    let token = reset_token(&app, &person.email).await;
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let answer = operator.request(Method::GET, MAIL).ask().await.expect(200);
    assert!(!answer.text.contains(&token) && !answer.text.contains("#token"), "{}", answer.text);
    assert_eq!(answer.body["mails"].as_array().map(Vec::len), Some(1));
    let number = person.id.to_string();
    for query in [("kind", "reset_password"), ("user", number.as_str()), ("address", person.email.as_str())] {
        let found = list(&operator, &[query]).await;
        assert_eq!(found.len(), 1, "{query:?}");
        assert_eq!((&found[0]["kind"], &found[0]["link"]), (&json!("reset_password"), &json!("reset")));
    }
    assert!(list(&operator, &[("state", "failed")]).await.is_empty());
    for (wrong, code) in
        [("state=odd", "invalid_state"), ("kind=odd", "invalid_kind"), ("cursor=x", "invalid_cursor")]
    {
        operator.request(Method::GET, &format!("{MAIL}?{wrong}")).ask().await.refused(422, code);
    }
    let sql = "SELECT count(*) FROM audit_events WHERE event = 'mails.listed' AND outcome = 'success'";
    eventually("each read is recorded", async || app.count(sql).await >= 5).await;
}

#[tokio::test]
async fn the_list_is_read_page_by_page_newest_first() {
    let app = App::start();
    let person = app.register().await;
    let sql = format!(
        "INSERT INTO mails (id, user_id, kind, address, created_at, waiting_from, due_at, state, settled_at)
         SELECT gen_random_uuid(), {}, 'new_sign_in', 'x@example.com', now() - n % 7 * interval '1 hour', now(), now(), 'sent', now()
         FROM generate_series(1, 23) n",
        person.id
    );
    app.rows().await.batch_execute(&sql).await.expect("rows");
    let operator = app.appoint(Role::Auditor).await.sign_in().await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let mut query = vec![("limit", "5".to_owned()), ("address", "x@example.com".to_owned())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = operator.request(Method::GET, MAIL).query(&query).ask().await.expect(200).body;
        seen.extend(page["mails"].as_array().expect("mails").clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let mut ids: Vec<_> = seen.iter().map(|mail| mail["id"].to_string()).collect();
    assert!(seen.windows(2).all(|pair| pair[0]["created_at"].as_str() >= pair[1]["created_at"].as_str()));
    ids.sort();
    ids.dedup();
    assert_eq!((seen.len(), ids.len()), (23, 23));
}

#[tokio::test]
async fn an_operator_sends_a_mail_again_while_its_link_is_good() {
    let app = App::start();
    let person = app.register().await;
    let token = reset_token(&app, &person.email).await;
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let found = list(&operator, &[("kind", "reset_password")]).await.remove(0);
    let id = found["id"].as_str().expect("an id").to_owned();
    eventually("sent", async || state(&app, &id).await == "sent").await;
    let answer = again(&operator, &found).await.expect(200);
    assert_eq!(
        (&answer.body["mail"]["state"], &answer.body["mail"]["repetitions"]),
        (&json!("waiting"), &json!(1))
    );
    eventually("sent again", async || state(&app, &id).await == "sent").await;
    reset(&app, &token, NEW_PASSWORD).await.expect(200);
    again(&operator, &found).await.refused(409, "mail_not_sendable");
    let sql = "SELECT count(*) FROM audit_events WHERE event = 'mail.sent_again' AND outcome = 'success'
               AND detail ->> 'reason' = 'the user asked for it'";
    assert_eq!(app.count(sql).await, 1);
}

#[tokio::test]
async fn an_operator_does_not_send_mails_to_admins() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    admin.sign_in().await;
    admin.sign_in().await;
    mail(&app, &admin.email, "new_sign_in").await;
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let found = list(&operator, &[("address", &admin.email)]).await.remove(0);
    again(&operator, &found).await.refused(403, "not_permitted");
}

#[tokio::test]
async fn the_command_line_lists_mails_and_sends_them_again() {
    let app = App::start();
    let person = app.register().await;
    reset_token(&app, &person.email).await;
    let admin = app.appoint(Role::Admin).await;
    let cli = OperatorCli::of(&admin);
    let found = cli.json(&["mail", "list", "--kind", "reset_password", "--user", &person.email]);
    let id = found["mails"][0]["id"].as_str().expect("an id").to_owned();
    eventually("sent", async || state(&app, &id).await == "sent").await;
    let said = cli.ok(&["mail", "send-again", &id, "--reason", "lost"]);
    assert!(said.contains(&person.email), "{said}");
}
