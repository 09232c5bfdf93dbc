//! The claim `meta` of an external token: data of a connection that channels never show.

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
async fn meta_is_shown_by_the_server_api_and_not_in_channels() {
    let app = app();
    let claims = json!({"sub": "ann", "info": {"name": "Ann"}, "meta": {"plan": "gold"}});
    let mut ann = connected(&app, &claims).await;
    ann.subscribe("chat:lobby").await;
    assert_eq!(listed(&app).await["state"]["meta"], json!({"plan": "gold"}));
    let presence = ann.ask(json!({"presence": {"channel": "chat:lobby"}})).await.expect("a reply");
    ann.publish("chat:lobby", json!("hi")).await;
    let publication = ann.pushed().await;
    let shown = format!("{presence}{publication}");
    assert!(shown.contains("Ann") && !shown.contains("gold"), "{shown}");
}

#[actix_web::test]
async fn a_newer_token_replaces_meta_unless_its_meta_is_null() {
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
async fn a_connection_without_meta_is_listed_without_it() {
    let app = app();
    let _ann = connected(&app, &json!({"sub": "ann"})).await;
    assert!(listed(&app).await["state"].get("meta").is_none());
}
