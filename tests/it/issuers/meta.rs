//! `meta` of an external token: connection data that only servers see.

use serde_json::{Value, json};

use super::connected;
use crate::harness::{
    API_KEY, App,
    issuer::{self, now, signed},
    of_user,
};

fn app() -> App {
    App::with(|settings| {
        issuer::shared_with(settings);
        settings.api_key = Some(API_KEY.into());
    })
}

/// The only connection in the answer of the server API.
async fn listed(app: &App) -> Value {
    let result = app.api_result("connections", of_user("corp:ann")).await;
    let connections = result["connections"].as_object().expect("connections");
    assert_eq!(connections.len(), 1);
    connections.values().next().expect("a connection").clone()
}

#[actix_web::test]
async fn servers_are_told_it_and_members_of_channels_are_not() {
    let app = app();
    let claims = json!({"sub": "ann", "info": {"name": "Ann"}, "meta": {"plan": "gold"}});
    let mut ann = connected(&app, &claims).await;
    ann.subscribe("chat:lobby").await;
    assert_eq!(listed(&app).await["state"]["meta"], json!({"plan": "gold"}));
    let seen = ann.ask(json!({"presence": {"channel": "chat:lobby"}})).await.expect("a reply");
    ann.publish("chat:lobby", json!("hi")).await;
    let heard = ann.pushed().await;
    let told = format!("{seen}{heard}");
    assert!(told.contains("Ann") && !told.contains("gold"), "{told}");
}

#[actix_web::test]
async fn a_newer_token_replaces_it_if_it_says_anything() {
    let app = app();
    let claims = |meta: Value| json!({"sub": "ann", "exp": now() + 600, "meta": meta});
    let mut ann = connected(&app, &claims(json!(1))).await;
    for (newer, meta) in [(json!(2), json!(2)), (Value::Null, json!(2))] {
        let reply = ann.ask(json!({"refresh": {"token": signed(&claims(newer))}})).await.expect("a reply");
        assert!(reply["refresh"].is_object(), "{reply}");
        assert_eq!(listed(&app).await["state"]["meta"], meta);
    }
}

#[actix_web::test]
async fn without_it_nothing_is_said() {
    let app = app();
    let _ann = connected(&app, &json!({"sub": "ann"})).await;
    assert!(listed(&app).await["state"].get("meta").is_none());
}
