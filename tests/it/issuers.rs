//! Connections of external users, and anonymous connections: which of them are accepted, as which user, and how they end.

mod denials;
mod info_bytes;
mod meta;
mod published;
mod rows;
mod subscriptions;

use std::time::Duration;

use protocol::id::{SessionId, Subject};
use serde_json::{Value, json};
use service::{ExternalFilter, Target};

use crate::harness::{
    App, Ask, Closed, DatabaseProxy, Socket, eventually, fresh_database,
    issuer::{self, now, signed},
};

const ROUTE: &str = "/connection/websocket";

/// The seconds of a day.
const DAY: i64 = 86_400;

async fn connect(app: &App, token: &str) -> Result<(Socket, Value), Closed> {
    let mut socket = app.handshake(ROUTE).open().await.expect("a handshake");
    let reply = socket.ask(json!({"connect": {"token": token}})).await?;
    Ok((socket, reply))
}

/// The result for a client: `connected`, an error code, or a close code.
pub(crate) async fn outcome(app: &App, token: &str) -> String {
    match connect(app, token).await {
        Ok((_, reply)) if reply["connect"]["client"].is_string() => "connected".to_owned(),
        Ok((_, reply)) => format!("error {}", reply["error"]["code"]),
        Err(closed) => format!("close {}", closed.code),
    }
}

async fn connected(app: &App, claims: &Value) -> Socket {
    let (socket, reply) = connect(app, &signed(claims)).await.expect("a reply");
    assert!(reply["connect"]["client"].is_string(), "{reply}");
    socket
}

async fn live(app: &App) -> Vec<(SessionId, String)> {
    let filter = ExternalFilter { live: true, limit: 100, ..ExternalFilter::default() };
    let sessions = app.external_sessions(filter).await;
    sessions.into_iter().map(|session| (session.id, session.subject.to_string())).collect()
}

#[actix_web::test]
async fn only_a_token_that_is_valid_in_every_respect_connects() {
    let app = App::with(|settings| {
        let keys = json!({"hmac": [issuer::SECRET]});
        let strict = json!({"name": "corp", "keys": keys, "algorithms": ["HS256"], "issuer": "https://corp", "audience": "us",
                            "uses": ["connection"]});
        issuer::configure(settings, &json!([strict]));
    });
    let good = json!({"sub": "ann", "iss": "https://corp", "aud": "us", "exp": now() + 600, "iat": now()});
    let with = |field: &str, value: Value| {
        let mut claims = good.clone();
        claims[field] = value;
        signed(&claims)
    };
    let hs = |alg: &str| json!({"alg": alg});
    let table = [
        ("that is valid", signed(&good), "connected"),
        ("without an end", with("exp", Value::Null), "connected"),
        ("signed with another secret", issuer::signed_with("wrong", &hs("HS256"), &good), "close 3500"),
        (
            "signed with another algorithm",
            issuer::signed_with(issuer::SECRET, &hs("HS384"), &good),
            "close 3500",
        ),
        ("without a signature", issuer::compact(&hs("none"), &good, |_| Vec::new()), "close 3500"),
        ("with an empty signature", issuer::compact(&hs("HS256"), &good, |_| Vec::new()), "close 3500"),
        ("that has expired", with("exp", json!(now() - 1)), "error 109"),
        ("for a connection that has expired", with("expire_at", json!(now() - 1)), "error 109"),
        ("that ends next month", with("exp", json!(now() + 29 * DAY)), "connected"),
        ("that ends too late", with("exp", json!(now() + 31 * DAY)), "close 3500"),
        ("whose end is in milliseconds", with("exp", json!(now() * 1000)), "close 3500"),
        ("whose connection ends too late", with("expire_at", json!(now() + 31 * DAY)), "close 3500"),
        ("that was issued too long ago", with("iat", json!(now() - 31 * DAY)), "error 109"),
        ("that is not yet valid", with("nbf", json!(now() + 600)), "close 3500"),
        ("that was issued in the future", with("iat", json!(now() + 600)), "close 3500"),
        ("for another audience", with("aud", json!("them")), "close 3500"),
        ("of another issuer", with("iss", json!("https://evil")), "close 3500"),
        ("for a subscription", with("channel", json!("chat:lobby")), "close 3500"),
        ("without a user", with("sub", json!("")), "close 3500"),
        ("whose user is a number", with("sub", json!(42)), "close 3500"),
        ("that is larger than a first message may be", with("info", json!("x".repeat(20_000))), "close 3501"),
        ("that is no token", "not-a-token".to_owned(), "close 3500"),
        // Its `iss` names this server, but the issuer has signed it.
        ("that claims to be of this server", with("iss", json!("localhost")), "close 3500"),
    ];
    for (name, token, expected) in table {
        assert_eq!(outcome(&app, &token).await, expected, "a token {name}");
    }
}

#[actix_web::test]
async fn without_issuers_external_tokens_are_refused() {
    let app = App::start();
    assert_eq!(outcome(&app, &signed(&json!({"sub": "ann"}))).await, "close 3500");
}

#[actix_web::test]
async fn tokens_of_this_server_work_beside_those_of_issuers() {
    let app = App::with(issuer::shared_with);
    let session = app.register().await.open_session().await;
    assert_eq!(outcome(&app, &session.access).await, "connected");
}

#[actix_web::test]
async fn an_external_token_is_refused_by_rest() {
    let app = App::with(issuer::shared_with);
    let person = app.register().await;
    let token = signed(&json!({"sub": person.id.to_string(), "exp": now() + 600}));
    let profile = app.get("/api/v1/profile").bearer_auth(&token).ask().await;
    assert_eq!(profile.status, 401);
}

#[actix_web::test]
async fn an_external_user_has_no_rights_of_the_account_with_the_same_number() {
    let app = App::with(issuer::shared_with);
    let ours = app.register().await;
    let mut outside = connected(&app, &json!({"sub": ours.id.to_string()})).await;
    let personal = format!("user:#{}", ours.id);
    let refused = outside.ask(json!({"subscribe": {"channel": personal}})).await.unwrap();
    assert_eq!(refused["error"]["code"], 103);
    for listed in [json!({"channels": [personal]}), json!({"subs": {personal.as_str(): {}}})] {
        let mut claims = json!({"sub": "ann"});
        claims.as_object_mut().unwrap().extend(listed.as_object().unwrap().clone());
        assert_eq!(outcome(&app, &signed(&claims)).await, "error 103", "{claims}");
    }
    outside.subscribe("ephemeral:room").await;
    outside.publish("ephemeral:room", json!(1)).await;
    let heard = outside.pushed().await;
    assert_eq!(heard["pub"]["info"]["user"], format!("corp:{}", ours.id), "{heard}");
}

#[actix_web::test]
async fn an_external_session_lasts_as_long_as_its_connection() {
    let app = App::with(issuer::shared_with);
    let ann = connected(&app, &json!({"sub": "ann"})).await;
    let bob = connected(&app, &json!({"sub": "bob"})).await;
    let mut names: Vec<_> = live(&app).await.into_iter().map(|(_, name)| name).collect();
    names.sort();
    assert_eq!(names, ["corp:ann", "corp:bob"]);
    drop(ann);
    eventually("the end is recorded", || async { live(&app).await.len() == 1 }).await;
    drop(bob);
}

#[actix_web::test]
async fn a_revocation_closes_external_connections_and_ends_their_sessions() {
    let app = App::with(issuer::shared_with);
    let mut ann = connected(&app, &json!({"sub": "ann"})).await;
    let mut bob = connected(&app, &json!({"sub": "bob"})).await;
    let sessions = live(&app).await;
    let (of_ann, _) = sessions.iter().find(|(_, name)| name == "corp:ann").unwrap();
    let revoked = app.revoke(Target::Session(*of_ann)).await;
    assert_eq!((revoked.sessions, revoked.sockets_closed, revoked.pending), (Some(1), 1, 0));
    assert_eq!(ann.closed().await.code, 4500);
    let target = Target::Subject(Subject::new("corp:bob"));
    assert_eq!(app.revoke(target).await.sockets_closed, 1);
    assert_eq!(bob.closed().await.code, 4500);
    assert!(live(&app).await.is_empty());
}

#[actix_web::test]
async fn a_revocation_on_another_node_closes_external_connections_here() {
    let app = App::with(issuer::shared_with);
    let mut ann = connected(&app, &json!({"sub": "ann"})).await;
    let other_node = App::over(app.database().clone(), issuer::shared_with);
    other_node.revoke(Target::All).await;
    assert_eq!(ann.closed().await.code, 4500);
}

#[actix_web::test]
async fn a_connection_whose_session_was_ended_as_an_orphan_is_closed() {
    let app = App::with(issuer::shared_with);
    let mut ann = connected(&app, &json!({"sub": "ann"})).await;
    let mut bob = connected(&app, &json!({"sub": "bob"})).await;
    // A node ends external sessions in this way if their own node has written no heartbeat for them.
    let end = "UPDATE external_sessions SET ended_at = now() WHERE ended_at IS NULL";
    app.rows().await.batch_execute(end).await.unwrap();
    assert_eq!(app.revoke(Target::Subject(Subject::new("corp:ann"))).await.id, None);
    // A refresh with a newer token does not keep the connection open.
    let newer = signed(&json!({"sub": "bob", "exp": issuer::now() + 600}));
    assert_eq!(bob.ask(json!({"refresh": {"token": newer}})).await.unwrap_err().code, 3010);
    app.sweep().await;
    assert_eq!(ann.closed().await.code, 3010);
    assert!(live(&app).await.is_empty());
}

/// The connection is closed long before the periodic job would find the ended session.
#[actix_web::test]
async fn the_connection_of_an_orphan_is_closed_as_soon_as_its_node_reaches_the_database_again() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let (here, elsewhere) =
        (App::over(proxy.database(), issuer::shared_with), App::over(database, issuer::shared_with));
    let mut ann = connected(&here, &json!({"sub": "ann"})).await;
    proxy.cut();
    eventually("the node is no longer current", || async { !here.is_current() }).await;
    for app in [&here, &elsewhere] {
        app.advance(Duration::from_secs(120));
    }
    elsewhere.sweep().await;
    let revoked = elsewhere.revoke(Target::Subject(Subject::new("corp:ann"))).await;
    assert_eq!(revoked.id, None, "the session has ended for the other node");
    assert!(ann.is_undisturbed().await);
    proxy.mend();
    assert_eq!(ann.closed().await.code, 3010);
}

#[actix_web::test]
async fn a_session_that_no_node_ended_as_an_orphan_survives_an_outage() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let app = App::over(proxy.database(), issuer::shared_with);
    let mut ann = connected(&app, &json!({"sub": "ann"})).await;
    proxy.cut();
    eventually("the node is no longer current", || async { !app.is_current() }).await;
    app.advance(Duration::from_secs(120));
    proxy.mend();
    eventually("the node is current again", || async { app.is_current() }).await;
    assert!(ann.is_undisturbed().await);
    assert_eq!(live(&app).await.len(), 1);
}

#[actix_web::test]
async fn the_number_of_connections_of_an_external_user_is_limited() {
    let app = App::with(|settings| {
        issuer::shared_with(settings);
        settings.socket.limits.per_user = 2;
    });
    let claims = json!({"sub": "ann"});
    let _held = [connected(&app, &claims).await, connected(&app, &claims).await];
    assert_eq!(outcome(&app, &signed(&claims)).await, "error 111");
    assert_eq!(outcome(&app, &signed(&json!({"sub": "bob"}))).await, "connected");
}

#[actix_web::test]
async fn a_newer_token_prolongs_only_a_connection_of_its_own_user() {
    let app = App::with(issuer::shared_with);
    let mut ann = connected(&app, &json!({"sub": "ann", "exp": now() + 60})).await;
    let newer = signed(&json!({"sub": "ann", "exp": now() + 600, "jti": "newer"}));
    let reply = ann.ask(json!({"refresh": {"token": newer}})).await.unwrap();
    assert!(reply["refresh"]["ttl"].as_i64().unwrap() > 500, "{reply}");
    assert_eq!(app.count("SELECT count(*) FROM external_sessions WHERE token_id = 'newer'").await, 1);
    let others = signed(&json!({"sub": "bob", "exp": now() + 600}));
    assert_eq!(ann.ask(json!({"refresh": {"token": others}})).await.unwrap_err().code, 3500);
    let mut ann = connected(&app, &json!({"sub": "ann", "exp": now() + 60})).await;
    let old = signed(&json!({"sub": "ann", "exp": now() - 1}));
    assert_eq!(ann.ask(json!({"refresh": {"token": old}})).await.unwrap_err().code, 3005);
}

#[actix_web::test]
async fn anonymous_connections_are_accepted_only_if_the_settings_allow_them() {
    let closed = App::with(issuer::shared_with);
    let mut socket = closed.handshake(ROUTE).open().await.unwrap();
    assert_eq!(socket.ask(json!({"connect": {}})).await.unwrap_err().code, 3501);
    let open = App::with(|settings| {
        issuer::shared_with(settings);
        settings.allow_anonymous = true;
        settings.socket.limits.per_user = 1;
    });
    let mut first = open.handshake(ROUTE).open().await.unwrap();
    let mut second = open.handshake(ROUTE).open().await.unwrap();
    for socket in [&mut first, &mut second] {
        let reply = socket.ask(json!({"connect": {}})).await.unwrap();
        assert!(reply["connect"]["client"].is_string() && reply["connect"]["ttl"].is_null(), "{reply}");
    }
    let refused = first.ask(json!({"subscribe": {"channel": "ephemeral:room"}})).await.unwrap();
    assert_eq!(refused["error"]["code"], 103);
    assert_eq!(live(&open).await.iter().filter(|(_, name)| name.is_empty()).count(), 2);
    assert_eq!(outcome(&open, &signed(&json!({"sub": ""}))).await, "connected");
    // A token is verified, even if anonymous connections are allowed.
    assert_eq!(
        outcome(&open, &issuer::signed_with("wrong", &json!({"alg": "HS256"}), &json!({}))).await,
        "close 3500"
    );
    open.revoke(Target::Subject(Subject::anonymous())).await;
    assert_eq!([first.closed().await.code, second.closed().await.code], [4500, 4500]);
}

#[actix_web::test]
async fn presence_shows_the_info_of_an_external_token() {
    let app = App::with(issuer::shared_with);
    let mut ann = connected(&app, &json!({"sub": "ann", "info": {"name": "Ann"}})).await;
    ann.subscribe("chat:lobby").await;
    let reply = ann.ask(json!({"presence": {"channel": "chat:lobby"}})).await.unwrap();
    let members = reply["presence"]["presence"].as_object().unwrap();
    let member = members.values().next().unwrap();
    assert_eq!((&member["user"], &member["conn_info"]), (&json!("corp:ann"), &json!({"name": "Ann"})));
}
