//! Mails: their links, the mails that tell users of changes, their way to a mail server, and what operators see.

mod links;
mod notices;
mod operators;
mod sending;

use serde_json::{Value, json};

use crate::harness::{Answer, App, Ask as _, eventually, secret_watch};

const NEW_PASSWORD: &str = "another-copper-walrus-17";

/// The mails to this address that a development server shows, newest first.
async fn shown(app: &App, address: &str) -> Vec<Value> {
    let request = app.get("/dev/mail").query(&[("to", address)]).header("accept", "application/json");
    let answer = request.ask().await.expect(200);
    let mails = answer.body["mails"].as_array().expect("mails").clone();
    for token in mails.iter().filter_map(|mail| mail["link"].as_str()?.split_once("#token=")) {
        secret_watch::note("link of a mail", token.1);
    }
    mails
}

/// The mails of this kind to this address.
async fn of_kind(app: &App, address: &str, kind: &str) -> Vec<Value> {
    shown(app, address).await.into_iter().filter(|mail| mail["kind"] == kind).collect()
}

/// Waits for the newest mail of this kind to this address.
async fn mail(app: &App, address: &str, kind: &str) -> Value {
    eventually(kind, async || !of_kind(app, address, kind).await.is_empty()).await;
    of_kind(app, address, kind).await.remove(0)
}

/// The token of the link in this mail.
fn token(mail: &Value) -> String {
    let link = mail["link"].as_str().expect("a link");
    link.split_once("#token=").expect("a token in the fragment").1.to_owned()
}

/// The token of a link with which the user of this address chooses a new password.
async fn reset_token(app: &App, address: &str) -> String {
    ask(app, "forgot", &json!({"email": address})).await.expect(202);
    token(&mail(app, address, "reset_password").await)
}

async fn ask(app: &App, path: &str, body: &Value) -> Answer {
    app.post(&format!("/api/v1/auth/{path}")).json(body).ask().await
}

async fn reset(app: &App, token: &str, password: &str) -> Answer {
    ask(app, "reset", &json!({"token": token, "new_password": password})).await
}
